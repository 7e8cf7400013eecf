"""With whom results are shared, and whose one believes: what ``[store]`` says of it, in a manifest as in a user's configuration.

What the address of a store means, only :mod:`paperbuild.sharing` knows.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from paperbuild.diagnostics import Diagnostic, Span
from paperbuild.paper.declarations import SharingSpec

if TYPE_CHECKING:
    from paperbuild.paper import schema
    from paperbuild.paper.conversion import Faults
    from paperbuild.paper.toml_positions import Path

_PRIVATE = "ed25519-private:"
_PUBLIC_KEY = re.compile(r"ed25519:[A-Za-z0-9+/]{43}")  # 32 bytes in base64 without padding


def shared_store(table: schema.SharedTable, at: Path, faults: Faults) -> SharingSpec:
    """Return what the table at ``at`` says; what is wrong with it is added to ``faults``."""
    is_secret = any(key.startswith(_PRIVATE) for key in table.trusted)  # a fault beside it must not show it either
    for n, key in enumerate(table.trusted):
        span = faults.text.value((*at, "trusted", n))
        fault = key_fault(key, replace(span, text="") if is_secret else span)
        faults.found.extend([fault] if fault else [])
    if table.endpoint is not None and not table.endpoint.startswith(("https://", "http://")):
        help_lines = ('write it whole, such as "https://minio.example.org:9000"',)
        faults.at_value("PB624", f"the endpoint {table.endpoint} is no address", (*at, "endpoint"), help_lines)
    for key in ("endpoint", "region"):
        if getattr(table, key) is None:
            continue
        if table.remote is None:
            faults.at_key("PB624", f"{key} says how the remote is reached, and no remote is named", (*at, key), ("add remote beside it",))
        elif not table.remote.startswith("s3://"):
            # What other services take as a proof is worth as much to whoever is sent it: no manifest says who that is.
            help_lines = ("where it has to be another, the variables of the service say so",)
            faults.at_key("PB624", f"{key} is for s3:// alone", (*at, key), help_lines)
    return SharingSpec(table.remote or "", tuple(dict.fromkeys(table.trusted)), table.endpoint or "", table.region or "")


def key_fault(key: str, span: Span) -> Diagnostic | None:
    """Return what is wrong with ``key`` as the public key of somebody who is believed, or None."""
    if key.startswith(_PRIVATE):
        mend = ("make another one: paperbuild key new --replace", "and write its public key here, and everywhere that trusts the old one")
        notes = ("whoever reads this file can sign results as its owner",)
        return Diagnostic("PB623", "this is a private key", span, notes=notes, help=mend)
    if _PUBLIC_KEY.fullmatch(key):
        return None
    why = () if key.startswith("ed25519:") else ("a public key begins with ed25519:",)
    return Diagnostic("PB623", "this is no public key", span, notes=why, help=("its owner sees it with: paperbuild key show",))
