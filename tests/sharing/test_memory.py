"""What a large result takes of memory: no more than a small one, there and back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sharing.clones import Clone
from tests.sharing.servers import TOP

MIB = 1 << 20
CODE = """
import resource, sys
from pathlib import Path
from tests.sharing.clones import Clone, key_of
from paperbuild.sharing.exchange import push
folder, address, key, what = sys.argv[1:]
mine = Clone(Path(folder), address, key=key)
if what == "pull":
    assert mine.pulled([key_of("train")]) == (1, frozenset())
else:
    assert push(mine.shared, mine.store.records(key_of("train"))).sent == 1
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def _most_mib(folder: Path, address: str, key: str, what: str) -> int:
    command = [sys.executable, "-c", CODE, str(folder), address, key, what]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(TOP)}, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout)


@pytest.mark.slow
def test_a_large_result_takes_no_more_memory_than_a_few_pieces_of_it(clone: Callable[..., Clone], bucket: str, tmp_path: Path) -> None:
    found = {}
    for mib in (1, 400):
        address = f"s3://{bucket}/{mib}"
        mine = clone(address)
        source = tmp_path / "source"
        with source.open("wb") as file:
            for _ in range(mib):
                file.write(os.urandom(MIB))
        mine.made("train", digest=mine.store.blobs.put_file(str(source)))
        pushed = _most_mib(mine.folder, address, mine.private, "push")
        found[mib] = (pushed, _most_mib(tmp_path / f"pull-{mib}", address, mine.private, "pull"))
    (push_small, pull_small), (push_large, pull_large) = found[1], found[400]
    assert pull_large - pull_small < 16
    assert push_large - push_small < 4 * 32  # three pieces at once, and what the library adds
