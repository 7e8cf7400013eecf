"""With which store elsewhere a project shares results, and whose it believes: from the manifest, the user's configuration, the environment.

``PAPERBUILD_REMOTE`` comes before the manifest, the manifest before the user's configuration; ``off`` means nowhere. Whom the manifest and
whom the user trusts are both believed. ``PAPERBUILD_NAMESPACE`` names the part of the store that may be written to, where that is not all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError
from paperbuild.paper.declarations import SharingSpec
from paperbuild.sharing.layout import is_namespace
from paperbuild.sharing.places import Place, parse_place
from paperbuild.sharing.user_files import configuration_file

REMOTE_VARIABLE = "PAPERBUILD_REMOTE"
NAMESPACE_VARIABLE = "PAPERBUILD_NAMESPACE"
OFF = "off"


class Terms(msgspec.Struct, frozen=True):
    """Where results are shared, the public keys of the others who are believed, and the namespace that is written to ("": all)."""

    place: Place
    trusted: tuple[str, ...] = ()
    namespace: str = ""


def is_off(environ: Mapping[str, str]) -> bool:
    """Return whether nothing is to be shared, whatever else is said."""
    return environ.get(REMOTE_VARIABLE, "").strip().lower() == OFF


def terms_of(spec: SharingSpec, environ: Mapping[str, str]) -> Terms | None:
    """Return what holds for a project whose manifest says ``spec``; None where it shares nothing.

    Raises:
        UsageError: an address or a namespace is none.
        ManifestError: the user's configuration cannot be understood.
    """
    path = configuration_file(environ)
    own = _configured(path)
    if is_off(environ):
        return None
    named = environ.get(REMOTE_VARIABLE, "").strip()
    chosen, source = (SharingSpec(named), f"the variable {REMOTE_VARIABLE}") if named else (spec, "") if spec.remote else (own, path)
    if not chosen.remote:
        return None
    namespace = environ.get(NAMESPACE_VARIABLE, "").strip()
    if namespace and not is_namespace(namespace):
        mend = (f"use letters, digits and hyphens in {NAMESPACE_VARIABLE}, such as pr-12",)
        raise UsageError(Diagnostic("PB627", f"{namespace} cannot be the name of a namespace", help=mend))
    try:
        place = parse_place(chosen.remote, endpoint=chosen.endpoint, region=chosen.region)
    except UsageError as error:
        notes = (f"it stands in {source}",) if source else ()
        raise UsageError(*(replace(fault, notes=(*fault.notes, *notes)) for fault in error.diagnostics)) from None
    return Terms(place, tuple(dict.fromkeys((*spec.trusted, *own.trusted))), namespace)


def trusted_by(spec: SharingSpec, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the public keys of the others who are believed, whether anything is shared now or not.

    Raises:
        ManifestError: the user's configuration cannot be understood.
    """
    return (*spec.trusted, *_configured(configuration_file(environ)).trusted)


def _configured(path: str) -> SharingSpec:
    if not path or not os.path.lexists(path):
        return SharingSpec()
    from paperbuild.sharing.configuration import configured  # only who has one pays for it

    return configured(path)
