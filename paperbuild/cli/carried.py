"""What a scheduler starts for a parcel where no file system is shared: ``python -m paperbuild.cli.carried REFERENCE``.

The reference says where the shared store is, and what lies there for this machine (:mod:`paperbuild.clusters.cargo`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from paperbuild.clusters.cargo import Reference, unpacked
from paperbuild.clusters.outpost import attended
from paperbuild.clusters.unloading import Unloading
from paperbuild.errors import PaperbuildError
from paperbuild.sharing.loose import LooseStore
from paperbuild.sharing.places import parse_place

PROGRAM = ("-P", "-m", "paperbuild.cli.carried")
"""What a worker's Python is started with, before the reference."""


def main(references: Sequence[str]) -> int:
    """Run what the references mean, one after the other; return the exit status: 0 where the store says of each how it ended."""
    outpost = attended()
    told = []
    for text in references:
        try:
            reference = unpacked(text.encode(), Reference)
            place = parse_place(reference.address, endpoint=reference.endpoint, region=reference.region)
            opened = partial(LooseStore, place, reference.namespace)
            store = opened()
            told.append(Unloading(reference, store, outpost, opened).run())
            store.close()
        except PaperbuildError as error:
            told.append(_tell("; ".join(": ".join((fault.message, *fault.notes)) for fault in error.diagnostics)))
        except ValueError as error:
            told.append(_tell(str(error)))
    return 0 if all(told) else 1


def _tell(text: str) -> bool:
    sys.stderr.write(f"paperbuild: {text}\n")
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
