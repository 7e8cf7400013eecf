"""What a user says for all projects: ``config.toml`` in the user's folder of our configuration.

::

    [store]
    remote  = "s3://bucket/prefix"     # for projects that name none
    trusted = ["ed25519:…"]            # believed besides those whom a project's manifest names
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import ManifestError, UsageError
from paperbuild.paper import malformed_toml, schema
from paperbuild.paper.conversion import Faults, ManifestText, in_order, read_table
from paperbuild.paper.declarations import SharingSpec
from paperbuild.paper.shared_store import shared_store


class ConfigurationTable(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """The whole of ``config.toml``."""

    store: Annotated[schema.SharedTable, Meta(description="With whom results are shared.")] = schema.SharedTable()


def configured(path: str) -> SharingSpec:
    """Return what the user's configuration in the file ``path`` says of sharing; nothing, where there is none.

    Raises:
        UsageError: it cannot be read.
        ManifestError: it cannot be understood; each fault has its place.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return SharingSpec()
    except OSError as error:
        raise UsageError(Diagnostic("PB625", f"the configuration {path} cannot be read: {error.strerror}")) from None
    return parsed(data, path)


def parsed(data: bytes, path: str) -> SharingSpec:
    """Return what the TOML text ``data`` says, which the file ``path`` holds.

    Raises:
        ManifestError: it cannot be understood; each fault has its place.
    """
    content, text = malformed_toml.load(data, path)
    faults = Faults(ManifestText(path, text))
    table = read_table(ConfigurationTable, content, (), faults)
    found = SharingSpec() if table is None else shared_store(table.store, ("store",), faults)
    if faults.found:
        raise ManifestError(*in_order(faults.found))
    return found
