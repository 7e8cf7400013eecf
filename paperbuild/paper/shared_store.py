"""With whom results are shared, and whose one believes: what ``[store]`` says of it, in a manifest as in a user's configuration.

Only the form is looked at here, so that a fault has its line; whether there is such a store, only who opens it can say.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from paperbuild.diagnostics import Diagnostic, Span, did_you_mean
from paperbuild.paper.declarations import SharedStore

if TYPE_CHECKING:
    from paperbuild.paper import schema
    from paperbuild.paper.conversion import Faults
    from paperbuild.paper.toml_positions import Path

SCHEMES = ("s3", "gs", "az", "ssh", "https", "file")
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<rest>.*)", re.DOTALL)
_PASSWORD = re.compile(r"[^/@]*:[^/@]+@")
_PUBLIC_KEY = re.compile(r"ed25519:[A-Za-z0-9+/]{43}")  # 32 bytes in base64 without padding
_OTHER_SCHEMES = {"http": "https", "gcs": "gs", "azure": "az", "abfs": "az", "abfss": "az", "s3a": "s3", "sftp": "ssh", "scp": "ssh"}


def shared_store(table: schema.SharedTable, at: Path, faults: Faults) -> SharedStore:
    """Return what the table at ``at`` says; what is wrong with it is added to ``faults``."""
    for n, key in enumerate(table.trusted):
        fault = key_fault(key, faults.text.value((*at, "trusted", n)))
        faults.found.extend([fault] if fault else [])
    if table.remote is not None:
        fault = address_fault(table.remote, faults.text.value((*at, "remote")))
        faults.found.extend([fault] if fault else [])
    if table.endpoint is not None and not table.endpoint.startswith(("https://", "http://")):
        help_lines = ('write it whole, such as "https://minio.example.org:9000"',)
        faults.at_value("PB624", f"the endpoint {table.endpoint} is no address", (*at, "endpoint"), help_lines)
    for key in ("endpoint", "region"):
        if getattr(table, key) is not None and table.remote is None:
            faults.at_key("PB624", f"{key} says how the remote is reached, and no remote is named", (*at, key), ("add remote beside it",))
    return SharedStore(table.remote or "", tuple(dict.fromkeys(table.trusted)), table.endpoint or "", table.region or "")


def address_fault(address: str, span: Span | None = None) -> Diagnostic | None:
    """Return what is wrong with the form of ``address``, where a store is to be, or None."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        help_lines = ('a bucket is "s3://bucket/prefix", a folder "file:///shared/results"',)
        return Diagnostic("PB624", f"{address} is no address of a store", span, help=help_lines)
    scheme, rest = found["scheme"], found["rest"]
    if scheme not in SCHEMES:
        other = _OTHER_SCHEMES.get(scheme.lower())
        meant = (f"did you mean {other}?",) if other else did_you_mean(scheme, SCHEMES)
        known = f"it begins with one of {', '.join(f'{name}://' for name in SCHEMES)}"
        return Diagnostic("PB624", f"there is no store that begins with {scheme}://", span, help=meant or (known,))
    if not rest.strip("/"):
        return Diagnostic("PB624", f"{address} does not say where", span, help=(f'write it as "{_EXAMPLES[scheme]}"',))
    if _PASSWORD.match(rest):
        mend = ("leave it out, and give it by the environment (see docs/sharing.md); whoever saw this file knows it now",)
        return Diagnostic("PB624", "the address of the store holds a password", _untold(span), help=mend)
    return None


_EXAMPLES = {
    "s3": "s3://bucket/prefix",
    "gs": "gs://bucket/prefix",
    "az": "az://container/prefix",
    "ssh": "ssh://host/folder",
    "https": "https://host/folder",
    "file": "file:///shared/results",
}


def key_fault(key: str, span: Span | None = None) -> Diagnostic | None:
    """Return what is wrong with ``key`` as the public key of somebody who is believed, or None."""
    if key.startswith("ed25519-private:"):
        mend = ("make another one: paperbuild key new --replace", "and write its public key here, and everywhere that trusts the old one")
        notes = ("whoever reads this file can sign results as its owner",)
        return Diagnostic("PB623", "this is a private key", _untold(span), notes=notes, help=mend)
    if _PUBLIC_KEY.fullmatch(key):
        return None
    why = () if key.startswith("ed25519:") else ("a public key begins with ed25519:",)
    return Diagnostic("PB623", "this is no public key", span, notes=why, help=("its owner sees it with: paperbuild key show",))


def _untold(span: Span | None) -> Span | None:
    """Return the place without its line: what must not be known is not to stand in a log either."""
    return None if span is None else replace(span, text="")
