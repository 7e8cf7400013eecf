"""What is told of a shared store: why it is not asked any more, and what of it is not believed. Each thing once."""

from __future__ import annotations

import threading
from dataclasses import replace

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.phrases import listed, moment_text
from paperbuild.sharing.bundles import Fault, Refusal
from paperbuild.sharing.places import Place
from paperbuild.sharing.transport import TransportError, Trouble

_SERVICES = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or AZURE_STORAGE_CONNECTION_STRING",
}
_REASONS: dict[Trouble, tuple[str, str, str]] = {
    Trouble.UNREACHABLE: ("PB602", "cannot be reached", "is the address right, and is there a network?"),
    Trouble.BROKEN: ("PB602", "does not answer as it should", "try again later"),
    Trouble.WRONG: ("PB602", "gives answers that make no sense here", "is it the address of a store of results?"),
    Trouble.SLOW: ("PB617", "answers too slowly", "PAPERBUILD_REMOTE=off leaves it alone"),
    Trouble.NOWHERE: ("PB603", "does not exist", "make it, or mend the address"),
    Trouble.DENIED: ("PB604", "may not be {done} with these credentials", "ask whoever runs it for the right to"),
    Trouble.CREDENTIALS: ("PB605", "wants credentials that are right", "{credentials}"),
    Trouble.SKEWED: ("PB606", "refuses requests because of the time that this machine's clock shows", "set the clock"),
    Trouble.READ_ONLY: ("PB607", "can only be read", "name a place that can be written to, such as s3:// or ssh://"),
    Trouble.FULL: ("PB608", "is full", "make room there: paperbuild cache gc --remote"),
    Trouble.LATER: ("PB609", "was laid out by a later paperbuild", "upgrade paperbuild"),
    Trouble.UNKNOWN_HOST: ("PB616", "is on a host that nobody vouches for", "{vouching}"),
}
_REFUSED = {
    Fault.UNSIGNED: ("PB610", "publish with a key of your own: paperbuild key new"),
    Fault.UNKNOWN: ("PB610", "if you trust whoever has this key, add it to trusted in [store]"),
    Fault.FORGED: ("PB611", "somebody or something changed it; find out who can write there"),
    Fault.DAMAGED: ("PB611", "paperbuild cache verify --remote finds all that is damaged"),
    Fault.LATER: ("PB612", "upgrade paperbuild"),
    Fault.STRAY: ("PB613", "somebody or something moved it; find out who can write there"),
    Fault.UNSOUND: ("PB613", "find out who made it: its signature is right"),
}


def trouble_with(place: Place, error: TransportError, done: str = "read") -> Diagnostic:
    """Return the error for a place that could not be ``done``: "read", "written"."""
    code, what, help_ = _REASONS[error.trouble]
    vouching = "connect once with ssh, and compare the key" if place.scheme == "ssh" else "SSL_CERT_FILE names more authorities"
    variables = _SERVICES.get(place.scheme)
    credentials = f"set {variables}" if variables else "use a key that the host knows, by ssh-agent or ~/.ssh/config"
    notes = (text,) if (text := str(error)) else ()
    message = f"the store {place.address} {what.format(done='written to' if done == 'written' else done)}"
    return Diagnostic(code, message, notes=notes, help=(help_.format(credentials=credentials, vouching=vouching),))


class Telling:
    """Collects what is to be told of ``place`` until it is asked for."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._refused: dict[tuple[Fault, str], list[Refusal]] = {}
        self._passed_over: dict[str, list[Refusal]] = {}
        self._told: set[tuple[str, str]] = set()
        self._ready: list[Diagnostic] = []

    def down(self, error: TransportError, done: str) -> None:
        """Tell that the place is not ``done`` ("read", "written") any more in this command."""
        instead = "results are made here instead" if done == "read" else "results stay here, and are uploaded by a later command"
        found = trouble_with(self._place, error, done)
        self._once(
            ("down", found.message if done == "read" else done), replace(found, severity=Severity.WARNING, notes=(*found.notes, instead))
        )

    def refused(self, refusal: Refusal) -> None:
        """Tell that something was refused; of what is refused for one reason, one is named."""
        with self._lock:
            reason = (refusal.fault, refusal.detail if refusal.fault is Fault.UNKNOWN else "")
            self._refused.setdefault(reason, []).append(refusal)

    def passed_over(self, key: str, refusals: list[Refusal]) -> None:
        """Keep to yourself that these were refused under ``key``, where others are believed, until :meth:`missed` says that it mattered."""
        with self._lock:
            self._passed_over[key] = refusals

    def missed(self, key: str) -> None:
        """Tell what was passed over under ``key``: nothing that is believed held, and what it is for was made here."""
        with self._lock:
            refusals = self._passed_over.pop(key, [])
        for refusal in refusals:
            self.refused(refusal)

    def spoilt(self, digest: str) -> None:
        """Tell that a content is not what its name says."""
        message = f"a content in the store {self._place.address} is not what its name says, and was not taken"
        help_ = ("paperbuild cache verify --remote finds all that is damaged",)
        self._once(("spoilt", ""), Diagnostic("PB614", message, severity=Severity.WARNING, notes=(f"for instance {digest}",), help=help_))

    def early(self, action: str, finished_ns: int) -> None:
        """Tell that a record says it was made later than now."""
        when = moment_text(finished_ns)
        message = f"the record of {action} in the store {self._place.address} says it was made at {when}, which is yet to come"
        help_ = ("the clock of the machine that made it is wrong, or this one's",)
        self._once(("early", ""), Diagnostic("PB615", message, severity=Severity.WARNING, notes=("it is taken all the same",), help=help_))

    def _once(self, what: tuple[str, str], diagnostic: Diagnostic) -> None:
        with self._lock:
            if what not in self._told:
                self._told.add(what)
                self._ready.append(diagnostic)

    def drain(self) -> tuple[Diagnostic, ...]:
        """Return what is to be told since this was last asked."""
        with self._lock:
            refused, self._refused = self._refused, {}
            ready, self._ready = self._ready, []
            fresh = {reason: found for reason, found in refused.items() if ("refused", f"{reason}") not in self._told}
            self._told |= {("refused", f"{reason}") for reason in fresh}
        return (*ready, *(self._refusal(found) for found in fresh.values()))

    def _refusal(self, found: list[Refusal]) -> Diagnostic:
        fault = found[0].fault
        code, help_ = _REFUSED[fault]
        names = tuple(dict.fromkeys(refusal.what for refusal in found))
        who, is_, each = ("a record", "is", "it") if len(names) == 1 else (f"{len(names)} records", "are", "each")
        message = f"{who} in the store {self._place.address} {is_} not taken: {each} {fault.value}"
        under = f"under {listed([name[:16] if len(name) == 64 else name for name in names])}"
        notes = (under, found[0].detail) if found[0].detail else (under,)
        return Diagnostic(code, message, severity=Severity.WARNING, notes=notes, help=(help_,))
