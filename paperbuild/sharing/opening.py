"""Who speaks the protocol of a shared store: nothing is imported but what one store needs."""

from __future__ import annotations

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError
from paperbuild.sharing.places import Place
from paperbuild.sharing.transport import Transport


def open_transport(place: Place) -> Transport:
    """Return who speaks the protocol of ``place``; nothing is asked yet.

    Raises:
        UsageError: what is needed for that is not installed, or its settings cannot be understood.
    """
    if place.scheme == "file":
        from paperbuild.sharing.files import Files

        return Files(place.path)
    if place.scheme in {"https", "http"}:
        from paperbuild.sharing.web import Web

        return Web(place)
    try:
        if place.scheme == "ssh":
            from paperbuild.sharing.ssh import Ssh

            return Ssh(place)
        from paperbuild.sharing.objects import Objects

        return Objects(place)
    except ModuleNotFoundError as error:
        needed = {"obstore": "obstore", "paramiko": "paramiko"}.get((error.name or "").partition(".")[0])
        if needed is None:
            raise
        message = f"{place.address} needs {needed}, which is not installed"
        raise UsageError(Diagnostic("PB601", message, help=("pip install 'paperbuild[remote]'",))) from None
