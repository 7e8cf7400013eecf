"""Shared stores in the object stores of S3, Google Cloud Storage and Azure, by the library *obstore*.

Who asks, and where, is what the service's own tools say (:mod:`paperbuild.sharing.services`).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, S3Store

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError
from paperbuild.sharing.places import Place
from paperbuild.sharing.services import is_plain, settings_of
from paperbuild.sharing.telling import trouble_with
from paperbuild.sharing.transport import ANSWER_S, CHUNK, CONNECT_S, STALL_S, Content, Seen, TransportError, Trouble

_UPLOAD_S = 900
"""How long sending one content, of 32 MiB at most, may take: nobody tells whether it makes progress."""

_CODE = re.compile(r"<Code>\s*(\w+)\s*</Code>|\"reason\":\s*\"(\w+)\"")
_CAUSE = re.compile(r"(?:message|error): \"([^\"]+)\"")
_BAD_CERTIFICATE = re.compile(r"InvalidCertificate|UnknownIssuer|certificate verify failed")
_STATUS = re.compile(r"status code: (\d{3})")
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired"}
_CLOCK = re.compile(r"[Dd]ate header (in the request is )?too old|[Cc]heck your iat and exp values")
_NOWHERE = {"NoSuchBucket", "ContainerNotFound", "InvalidBucketName", "ContainerBeingDeleted", "InvalidResourceName", "OutOfRangeInput"}
_CREDENTIALS = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "ExpiredToken", "InvalidToken", "AuthFailure",
    "UnrecognizedClientException", "InvalidSecurity", "AuthenticationFailed", "AuthenticationRequired", "NoAuthenticationInformation",
    "InvalidAuthenticationInfo", "PublicAccessNotPermitted",
}  # fmt: skip
_UNAUTHENTICATED = re.compile(r"<Message>[^<]*failed to authenticate")
_WITHOUT_ACCOUNT = re.compile(r"\b(account|key|credentials?|token)\b", re.IGNORECASE)
_ELSEWHERE = {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_FULL = {"QuotaExceeded", "InsufficientStorage", "EntityTooLarge", "XMinioStorageFull", "ServiceQuotaExceeded"}
_NO_ROLE = (
    "169.254.169.254",
    "/latest/api/token",
    "/latest/meta-data",
    "/metadata/identity",
    "metadata.google.internal",
    "metadata server",
)
"""Where a machine of the service is asked for its role, which is the last that is tried."""


class Objects:
    """The bucket and prefix of ``place``."""

    can_write = True
    can_list = True

    def __init__(self, place: Place) -> None:
        self._prefix = f"{place.path}/" if place.path else ""
        settings = settings_of(place)
        common: dict[str, Any] = {
            "connect_timeout": f"{CONNECT_S:g}s",
            "allow_http": is_plain(place, settings),
        }
        if bundle := os.environ.get("AWS_CA_BUNDLE"):
            with contextlib.suppress(OSError), open(bundle, "rb") as file:
                common["root_certificate"] = file.read()
        self._asking = _opened(place, settings, common | {"timeout": f"{ANSWER_S:g}s"})
        self._reading = _opened(place, settings, common | {"timeout": "7days", "read_timeout": f"{STALL_S:g}s"})
        self._writing = _opened(place, settings, common | {"timeout": f"{_UPLOAD_S}s"})

    def read(self, name: str, most: int) -> Content | None:
        """See the protocol."""
        with _troubles():
            try:
                found = obstore.get(self._asking, self._prefix + name)
                if found.meta["size"] > most:
                    raise TransportError(Trouble.WRONG, f"{name} has more than {most} bytes")
                return Content(bytes(found.bytes()), _version(found.meta))
            except FileNotFoundError as error:
                _find_bucket(error)
                return None

    def stream(self, name: str, start: int = 0) -> Iterator[bytes | memoryview] | None:
        """See the protocol."""
        with _troubles():
            try:
                found = obstore.get(self._reading, self._prefix + name, options={"range": {"offset": start}} if start else None)
            except FileNotFoundError as error:
                _find_bucket(error)
                return None
        return _chunks(found)

    def look(self, name: str) -> Seen | None:
        """See the protocol."""
        with _troubles():
            try:
                found = obstore.head(self._asking, self._prefix + name)
            except FileNotFoundError as error:
                _find_bucket(error)
                return None
        return Seen(name, found["size"], round(found["last_modified"].timestamp() * 1e9))

    def put(self, name: str, data: bytes | memoryview, over: str | None) -> bool:
        """See the protocol."""
        mode: Any = "overwrite" if over is None else _condition(over) if over else "create"
        with _troubles():
            try:
                obstore.put(self._writing, self._prefix + name, data, mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
            except FileNotFoundError as error:  # what was to be replaced has gone, or there is nowhere to put anything
                _find_bucket(error)
                if not over:
                    raise TransportError(Trouble.NOWHERE, _said(str(error))) from None
                return False
        return True

    def delete(self, names: Sequence[str]) -> None:
        """See the protocol."""
        paths = [self._prefix + name for name in names]
        with _troubles():
            try:
                obstore.delete(self._writing, paths)
                return
            except FileNotFoundError as error:
                _find_bucket(error)
            for path in paths:  # Google and Azure stop at a name that has gone already
                with contextlib.suppress(FileNotFoundError):
                    obstore.delete(self._writing, path)

    def listed(self, folder: str) -> Iterator[Seen]:
        """See the protocol."""
        with _troubles():
            for batch in obstore.list(self._reading, f"{self._prefix}{folder}".rstrip("/") or None, chunk_size=1000):
                for one in batch:
                    yield Seen(one["path"].removeprefix(self._prefix), one["size"], round(one["last_modified"].timestamp() * 1e9))

    def close(self) -> None:
        """See the protocol."""


def _opened(place: Place, settings: dict[str, Any], client: dict[str, Any]) -> Any:
    retries = {"max_retries": 0, "retry_timeout": timedelta(seconds=0)}
    kinds: dict[str, Callable[..., Any]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
    try:
        return kinds[place.scheme](place.host, **settings, client_options=client, retry_config=retries)
    except (BaseError, ValueError) as error:
        said = _first_line(str(error))
        if _WITHOUT_ACCOUNT.search(said):
            raise UsageError(trouble_with(place, TransportError(Trouble.CREDENTIALS, said))) from None
        message = f"{place.address} cannot be opened: {said}"
        raise UsageError(
            Diagnostic("PB600", message, help=("look at its endpoint and region, and the variables of the service",))
        ) from None


def _chunks(found: obstore.GetResult) -> Iterator[bytes | memoryview]:
    with _troubles():
        for chunk in found.stream(min_chunk_size=CHUNK):
            yield memoryview(chunk)


def _version(meta: obstore.ObjectMeta) -> str:
    """Return what names a content exactly: S3 and Azure go by the tag, Google by the version."""
    return f"{meta['e_tag'] or ''}\t{meta['version'] or ''}"


def _condition(over: str) -> dict[str, str]:
    tag, _, version = over.partition("\t")
    return {name: value for name, value in (("e_tag", tag), ("version", version)) if value}


def _find_bucket(error: FileNotFoundError) -> None:
    """Tell a content that is not there from a bucket that is not.

    Raises:
        TransportError: there is no such bucket.
    """
    code = _code(str(error))
    if code in _NOWHERE:
        raise TransportError(Trouble.NOWHERE, code) from None


@contextmanager
def _troubles() -> Iterator[None]:
    """Turn what obstore raises into what the protocol knows."""
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError, BaseError, OSError, ValueError) as error:
        raise TransportError(_trouble(error), _said(str(error))) from None


def _code(text: str) -> str:
    match = _CODE.search(text)
    return (match[1] or match[2]) if match else ""


def _trouble(error: Exception) -> Trouble:
    text = str(error)
    code = _code(text)
    if _CLOCK.search(text):
        return Trouble.SKEWED
    for codes, trouble in (
        (_SKEWED, Trouble.SKEWED),
        (_NOWHERE, Trouble.NOWHERE),
        (_CREDENTIALS, Trouble.CREDENTIALS),
        (_FULL, Trouble.FULL),
    ):
        if code in codes:
            return trouble
    if _has_no_role(text) or "credential" in text.partition("Debug source")[0]:
        return Trouble.CREDENTIALS
    if isinstance(error, UnauthenticatedError) or _UNAUTHENTICATED.search(text):
        return Trouble.CREDENTIALS
    if isinstance(error, PermissionDeniedError):
        return Trouble.DENIED
    status = _STATUS.search(text)
    if status and status[1] == "507":
        return Trouble.FULL
    if _BAD_CERTIFICATE.search(text):
        return Trouble.UNKNOWN_HOST
    if "kind: Connect" in text:
        return Trouble.UNREACHABLE
    if (status and status[1] in {"301", "400", "405"}) or "BareRedirect" in text:
        return Trouble.WRONG
    return Trouble.BROKEN


def _has_no_role(text: str) -> bool:
    return any(sign in text.partition("Debug source")[0] for sign in _NO_ROLE)


def _said(text: str) -> str:
    """Return what of obstore's message a person can use: the service's own words where it has any, else its first line."""
    told = re.search(r"<Message>\s*(.*?)\s*(\\n.*?|\n.*?)?</Message>", text, re.DOTALL)  # Azure's has a number and the time besides
    code = _code(text)
    if code in _ELSEWHERE or "BareRedirect" in text:
        return "the bucket is in another region than was said: name its own with region in [store], or with AWS_REGION"
    if _has_no_role(text):
        return "no key and no token was found, and this machine has no role that the service would know"
    if code:
        return f"{code}: {told[1]}" if told else code
    if _BAD_CERTIFICATE.search(text):
        return "its certificate is not signed by an authority that is trusted here, or is not for this host"
    if cause := _CAUSE.search(text):
        return cause[1].lower()
    return _first_line(text)


def _first_line(text: str) -> str:
    message = text.partition("\n")[0].partition("Debug source")[0].strip()
    message = re.sub(r"^(Generic \w+ error|The operation lacked .*? for path \S+): (GCP credential error: )?", "", message)
    return re.sub(r" in [\d.]+(ns|µs|ms|s)\b| \(os error \d+\)", "", message)[:300]
