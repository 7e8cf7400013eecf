"""Who asks S3, Google Cloud Storage or Azure, and where: what variables and files of their own tools say that obstore does not read.

Where the variable of a secret is set and empty, as CI leaves one that a build may not have, nobody asks: what anybody may read can be read.
"""

from __future__ import annotations

import configparser
import contextlib
import json
import os
from typing import Any

from paperbuild.sharing.places import Place

_SETTINGS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region")
_OTHER_WAYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_OF_WHOM = {"s3": "AWS_ACCESS_KEY_ID", "gs": "GOOGLE_SERVICE_ACCOUNT_KEY", "az": "AZURE_STORAGE_SAS_TOKEN"}
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
_NOBODY = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
_AZURE = {
    "account_name": ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"),
    "account_key": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_MASTER_KEY", "AZURE_STORAGE_KEY"),
    "sas_key": ("AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN"),
    "endpoint": _ENDPOINTS["az"],
}
"""The settings of Azure by their variables: those that obstore reads, and those of the command ``az``."""
_IN_A_LINE = {
    "AccountName": "account_name", "AccountKey": "account_key", "SharedAccessSignature": "sas_key", "BlobEndpoint": "endpoint"
}  # fmt: skip


def settings_of(place: Place) -> dict[str, Any]:
    """Return what obstore's store for ``place`` is to be told besides what it finds in the environment."""
    settings = {"s3": _amazon, "gs": _google, "az": _azure}[place.scheme](place)
    if os.environ.get(_OF_WHOM[place.scheme]) == "":
        nobody = {"service_account_key": json.dumps(_NOBODY)} if place.scheme == "gs" else {}
        settings = nobody | settings | {"skip_signature": True}
    return settings


def is_plain(place: Place, settings: dict[str, Any]) -> bool:
    """Return whether ``place`` may be asked without encryption: whoever names an endpoint that is not encrypted knows."""
    named = [place.endpoint, settings.get("endpoint") or "", _emulator() if place.scheme == "gs" else ""]
    return any(address.startswith("http:") for address in (*named, *(os.environ.get(name, "") for name in _ENDPOINTS[place.scheme])))


def _amazon(place: Place) -> dict[str, Any]:
    """Return what the files of AWS's tools say of the profile in use, where the variables say nothing, and the manifest of the bucket."""
    said = {name: value for name, value in (("region", place.region), ("endpoint", place.endpoint)) if value}
    if any(os.environ.get(name) for name in _OTHER_WAYS):
        return said
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
    return {key.removeprefix("aws_"): value for key, value in found.items()} | said


def _google(_place: Place) -> dict[str, Any]:
    """Return that an emulator is asked, and as nobody, where the variable of Google's libraries names one."""
    return {"service_account_key": json.dumps(_NOBODY | {"gcs_base_url": _emulator()})} if _emulator() else {}


def _emulator() -> str:
    address = os.environ.get("STORAGE_EMULATOR_HOST", "").rstrip("/")
    return address if "://" in address or not address else f"http://{address}"


def _azure(_place: Place) -> dict[str, Any]:
    """Return what the variables of the command ``az`` say: those it has by other names, and the line that the portal gives out.

    That line is <https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string>; a variable counts before it.
    """
    parts = (part.partition("=") for part in os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "").split(";"))
    line = {name.strip(): value for name, _, value in parts if value}
    found: dict[str, Any] = {_IN_A_LINE[name]: value for name, value in line.items() if name in _IN_A_LINE}
    if line.get("UseDevelopmentStorage", "").lower() == "true":
        found["use_emulator"] = True
    suffix = line.get("EndpointSuffix", "core.windows.net")
    if suffix != "core.windows.net" and "endpoint" not in found and "account_name" in found:
        found["endpoint"] = f"https://{found['account_name']}.blob.{suffix}"
    said = {name: os.environ[variable] for name, variables in _AZURE.items() for variable in variables[::-1] if os.environ.get(variable)}
    return found | said
