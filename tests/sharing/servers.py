"""Servers for tests, all on loopback: an S3 server (moto's), a proxy in front of it that counts and spoils, a web server, an SSH server.

``python -m tests.sharing.servers`` is the S3 server in a process of its own: it prints its port, and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import http.server
import ipaddress
import itertools
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.held_ports import held_port

ACCESS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "secret"}
"""What the environment of whoever speaks with the S3 server holds."""
REGION = "us-east-1"
TOP = Path(__file__).resolve().parents[2]
_buckets = itertools.count(1)


@dataclass(frozen=True)
class S3Server:
    """moto's server on ``port`` of loopback. Buckets are made, and asked for, without a client library."""

    port: int
    scheme: str = "s3"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, port: int) -> dict[str, str]:
        """Return the variables of whoever asks it by way of ``port``."""
        return {**ACCESS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_REGION": REGION}

    def new_bucket(self) -> str:
        name = f"bucket-{os.getpid()}-{next(_buckets)}"
        self.ask("PUT", f"/{name}")
        return name

    def ask(self, method: str, path: str, data: bytes | None = None) -> bytes:
        """Do one request as the owner; return the body of the answer."""
        request = urllib.request.Request(self.endpoint + path, data, {"Content-Type": "application/octet-stream"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run an S3 server for the length of the block."""
    environment = os.environ | ACCESS
    with subprocess.Popen(
        [sys.executable, "-m", "tests.sharing.servers"], cwd=TOP, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield S3Server(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(20)


def _serve_s3() -> None:
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    sys.stdout.write(f"{server.get_host_and_port()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


# --- a proxy


@dataclass(frozen=True)
class Request:
    """One request as it came by: ``number`` counts from 1."""

    number: int
    method: str
    path: str

    @property
    def is_listing(self) -> bool:
        return "list-type" in self.path or "prefix=" in self.path or "comp=list" in self.path


@dataclass(frozen=True)
class Answer:
    """An answer that the proxy gives itself."""

    status: int
    body: bytes = b""


@dataclass(frozen=True)
class Spoilt:
    """The real answer, or a part of it: ``alter`` changes a body, ``cut_after`` lets go of the connection after so many bytes of it."""

    alter: Callable[[bytes], bytes] = lambda body: body
    cut_after: int | None = None


@dataclass(frozen=True)
class Slow:
    """The real answer, ``seconds`` later."""

    seconds: float


CUT = "cut"
"""Let go of the connection without an answer."""
LOST = "lost"
"""Do what was asked, and let go of the connection without an answer."""
Fault = Answer | Spoilt | Slow | str | None


def error(status: int, code: str) -> Answer:
    """Return an answer as S3 gives it."""
    return Answer(status, f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>So says the server.</Message></Error>'.encode())


class Answered(NamedTuple):
    """What a server answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Proxy:
    """A proxy on ``port`` before another server: it notes each request, and ``fault`` says what becomes of it (None: what should)."""

    upstream: int
    fault: Callable[[Request], Fault] = lambda _: None
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    turns: threading.Lock = field(default_factory=threading.Lock)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def note(self, method: str, path: str) -> Request:
        with self.lock:
            self.requests.append(Request(len(self.requests) + 1, method, urllib.parse.unquote(path)))
            return self.requests[-1]


class ProxyHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body as one
    proxy: Proxy

    def log_message(self, *_: object) -> None:
        pass

    def handle_any(self) -> None:
        request = self.proxy.note(self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fault(request)
        if isinstance(fault, Slow):
            time.sleep(fault.seconds)
        if isinstance(fault, Answer):
            self._answer(fault.status, [], fault.body)
        elif fault == CUT:
            self._let_go()
        else:
            self._forward(body, fault)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any  # noqa: N815 - the names of http.server

    def _forward(self, body: bytes, fault: Fault) -> None:
        answered = self.ask(body)
        if fault == LOST:
            self._let_go()
            return
        spoilt = fault if isinstance(fault, Spoilt) else Spoilt()
        hops = {"connection", "transfer-encoding", "date", "server"}
        headers = [(name, value) for name, value in answered.headers if name.lower() not in hops]
        self._answer(answered.status, headers, spoilt.alter(answered.body), spoilt.cut_after)

    def ask(self, body: bytes) -> Answered:
        """Return what the other server answers to this request."""
        conditional = self.headers.get("If-Match") or self.headers.get("If-None-Match")
        turn = self.proxy.turns if conditional and self.command == "PUT" else contextlib.nullcontext()
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream, timeout=60)
        with contextlib.closing(connection), turn:  # S3 looks and writes as one step; moto's threads do not
            connection.request(self.command, self.path, body, dict(self.headers))
            response = connection.getresponse()
            return Answered(response.status, response.getheaders(), response.read())

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, cut_after: int | None = None) -> None:
        self.send_response(status)
        length = next((value for name, value in headers if name.lower() == "content-length"), "0") if self.command == "HEAD" else len(body)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            if self.command != "HEAD":
                self.wfile.write(body if cut_after is None else body[:cut_after])
            self.wfile.flush()
        if cut_after is not None and cut_after < len(body):
            self._let_go()

    def _let_go(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def proxy_before(upstream: int, kind: type[ProxyHandler] = ProxyHandler) -> Iterator[Proxy]:
    """Run a proxy before the server on ``upstream`` for the length of the block."""
    proxy = Proxy(upstream)
    handler = type("Handler", (kind,), {"proxy": proxy})
    with _QuietServer(("127.0.0.1", 0), handler) as server:
        proxy.port = server.server_address[1]
        with _running(server):
            yield proxy


class _QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that was cut is what was wanted."""


@contextlib.contextmanager
def _running(server: http.server.ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


# --- a web server


class _Files(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def web_server(folder: Path, certificate: Path | None = None) -> Iterator[int]:
    """Hand out ``folder`` by http, or by https with ``certificate``, for the length of the block; yield the port."""

    def handler(*arguments: object, **more: object) -> _Files:
        return _Files(*arguments, directory=str(folder), **more)  # type: ignore[arg-type]  # as it came

    with _QuietServer(("127.0.0.1", 0), handler) as server:  # type: ignore[arg-type]  # a factory will do
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        with _running(server):
            yield server.server_address[1]


def write_certificate(path: Path) -> None:
    """Write a certificate for 127.0.0.1, and its key, that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "paperbuild tests")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=2))
    made = made.add_extension(address, critical=False).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


# --- an SSH server


@dataclass(frozen=True)
class SshServer:
    """OpenSSH's server on ``port``; ``home`` holds a ``.ssh`` of a user that may come in."""

    port: int
    home: Path


def sshd() -> str | None:
    """Return the path of OpenSSH's server; None where it is not installed, and PAPERBUILD_REQUIRE_SSH does not say that it must be."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found or not os.environ.get("PAPERBUILD_REQUIRE_SSH"), "openssh-server is not installed"
    return found


needs_sshd = pytest.mark.skipif(sshd() is None, reason="ssh:// is left out: openssh-server is not installed")


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Run OpenSSH's server for the length of the block, with all its files in ``folder``."""
    program = sshd()
    assert program is not None
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True)
    for name in (folder / "host", home / ".ssh/id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name], check=True)
    (folder / "authorized").write_text((home / ".ssh/id_ed25519.pub").read_text())
    port = held_port()
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    if os.getuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)  # where it goes before somebody has shown who it is
    settings = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": folder / "host", "AuthorizedKeysFile": folder / "authorized",
        "PidFile": "none", "UsePAM": "no", "PasswordAuthentication": "no", "StrictModes": "no", "PermitRootLogin": "yes",
        "Subsystem": "sftp internal-sftp", "MaxSessions": 100, "MaxStartups": 100,
    }  # fmt: skip
    (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    with subprocess.Popen([program, "-D", "-e", "-f", folder / "config"], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield SshServer(port, home)
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(port)


if __name__ == "__main__":
    _serve_s3()
