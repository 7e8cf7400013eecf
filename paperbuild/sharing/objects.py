"""Shared stores in the object stores of S3, Google Cloud Storage and Azure, by the library *obstore*.

Credentials are what the service's own tools use: variables such as ``AWS_ACCESS_KEY_ID`` and ``AWS_ENDPOINT_URL``, a machine's role, and
for S3 the profile in ``~/.aws/credentials`` and ``~/.aws/config`` that ``AWS_PROFILE`` names.
Where the variable is set and empty, as CI leaves a secret that a build may not have, nobody asks: what anybody may read can be read.
"""

from __future__ import annotations

import configparser
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
from paperbuild.sharing.transport import ANSWER_S, CHUNK, CONNECT_S, STALL_S, Content, Seen, TransportError, Trouble

_UPLOAD_S = 900
"""How long sending one content, of 32 MiB at most, may take: nobody tells whether it makes progress."""

_CODE = re.compile(r"<Code>\s*(\w+)\s*</Code>|\"reason\":\s*\"(\w+)\"")
_CAUSE = re.compile(r"(?:message|error): \"([^\"]+)\"")
_BAD_CERTIFICATE = re.compile(r"InvalidCertificate|UnknownIssuer|certificate verify failed")
_STATUS = re.compile(r"status code: (\d{3})")
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired"}
_NOWHERE = {"NoSuchBucket", "ContainerNotFound", "InvalidBucketName"}
_CREDENTIALS = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "ExpiredToken", "InvalidToken", "AuthFailure",
    "UnrecognizedClientException", "InvalidSecurity", "AuthenticationFailed",
}  # fmt: skip
_ELSEWHERE = {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_FULL = {"QuotaExceeded", "InsufficientStorage", "EntityTooLarge", "XMinioStorageFull", "ServiceQuotaExceeded"}
_OF_WHOM = {"s3": "AWS_ACCESS_KEY_ID", "gs": "GOOGLE_SERVICE_ACCOUNT_KEY", "az": "AZURE_STORAGE_SAS_TOKEN"}
_NOBODY_AT_GOOGLE = '{"disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}'
_NO_CREDENTIALS = ("169.254.169.254", "/latest/api/token", "/latest/meta-data", "metadata.google.internal", "metadata server", "credential")


class Objects:
    """The bucket and prefix of ``place``."""

    can_write = True
    can_list = True

    def __init__(self, place: Place) -> None:
        self._prefix = f"{place.path}/" if place.path else ""
        common: dict[str, Any] = {
            "connect_timeout": f"{CONNECT_S:g}s",
            "allow_http": place.endpoint.startswith("http:") or _environment_is_plain(),
        }
        if bundle := os.environ.get("AWS_CA_BUNDLE"):
            with contextlib.suppress(OSError), open(bundle, "rb") as file:
                common["root_certificate"] = file.read()
        self._asking = _opened(place, common | {"timeout": f"{ANSWER_S:g}s"})
        self._reading = _opened(place, common | {"timeout": "7days", "read_timeout": f"{STALL_S:g}s"})
        self._writing = _opened(place, common | {"timeout": f"{_UPLOAD_S}s"})

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
            except FileNotFoundError as error:  # what was to be replaced has gone
                _find_bucket(error)
                return False
        return True

    def delete(self, names: Sequence[str]) -> None:
        """See the protocol."""
        with _troubles():
            try:
                obstore.delete(self._writing, [self._prefix + name for name in names])
            except FileNotFoundError as error:
                _find_bucket(error)

    def listed(self, folder: str) -> Iterator[Seen]:
        """See the protocol."""
        with _troubles():
            for batch in obstore.list(self._reading, f"{self._prefix}{folder}".rstrip("/") or None, chunk_size=1000):
                for one in batch:
                    yield Seen(one["path"].removeprefix(self._prefix), one["size"], round(one["last_modified"].timestamp() * 1e9))

    def close(self) -> None:
        """See the protocol."""


def _environment_is_plain() -> bool:
    """Return whether the environment names an endpoint that is not encrypted: whoever sets that knows."""
    return any(os.environ.get(name, "").startswith("http:") for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"))


_SETTINGS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region")
_OTHER_WAYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def _profile() -> dict[str, str]:
    """Return what the files of AWS's tools say of the profile in use, where the variables say nothing; obstore does not read them."""
    if any(os.environ.get(name) for name in _OTHER_WAYS):
        return {}
    name = os.environ.get("AWS_PROFILE") or "default"
    found: dict[str, str] = {}
    for variable, path, title in (
        ("AWS_CONFIG_FILE", "~/.aws/config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", name),
    ):
        parser = configparser.RawConfigParser()
        with contextlib.suppress(configparser.Error, UnicodeDecodeError):
            parser.read(os.path.expanduser(os.environ.get(variable) or path), encoding="utf-8")
        if parser.has_section(title):
            found |= {key: value for key, value in parser.items(title) if key in _SETTINGS}
    if os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        found.pop("region", None)
    return {key.removeprefix("aws_"): value for key, value in found.items()}


def _opened(place: Place, client: dict[str, Any]) -> Any:
    options: dict[str, Any] = {"client_options": client, "retry_config": {"max_retries": 0, "retry_timeout": timedelta(seconds=0)}}
    if place.scheme == "s3":
        options |= _profile()
        if place.region:
            options["region"] = place.region
    if place.endpoint:
        options["endpoint"] = place.endpoint
    if os.environ.get(_OF_WHOM[place.scheme]) == "":
        options |= {"skip_signature": True} | ({"service_account_key": _NOBODY_AT_GOOGLE} if place.scheme == "gs" else {})
    kinds: dict[str, Callable[..., Any]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
    try:
        return kinds[place.scheme](place.host, **options)
    except (BaseError, ValueError) as error:
        message = f"{place.address} cannot be opened: {_said(str(error))}"
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
    for codes, trouble in (
        (_SKEWED, Trouble.SKEWED),
        (_NOWHERE, Trouble.NOWHERE),
        (_CREDENTIALS, Trouble.CREDENTIALS),
        (_FULL, Trouble.FULL),
    ):
        if code in codes:
            return trouble
    if any(sign in text.partition("Debug source")[0] for sign in _NO_CREDENTIALS):
        return Trouble.CREDENTIALS
    if isinstance(error, UnauthenticatedError):
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


def _said(text: str) -> str:
    """Return what of obstore's message a person can use: its first line, and the service's own words where it has any."""
    message = text.partition("\n")[0].partition("Debug source")[0].strip()
    message = re.sub(r"^(Generic \w+ error|The operation lacked .*? for path \S+): ", "", message)
    message = re.sub(r" in [\d.]+(ns|µs|ms|s)\b", "", message)
    told = re.search(r"<Message>(.*?)</Message>", text)
    code = _code(text)
    if code in _ELSEWHERE or "BareRedirect" in text:
        return "the bucket is in another region than was said: name its own with region in [store], or with AWS_REGION"
    if code:
        return f"{code}: {told[1]}" if told else code
    if _BAD_CERTIFICATE.search(text):
        return "its certificate is not signed by an authority that is trusted here, or is not for this host"
    if cause := _CAUSE.search(text):
        return cause[1].lower()
    return message[:300]
