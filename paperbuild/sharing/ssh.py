"""A shared store in a folder of another machine, by SFTP, with the library *paramiko*.

Whom one is there and how one shows it is what OpenSSH's client knows: ``~/.ssh/config``, keys, the agent. The host's key must be among the
known hosts. As nobody can take a lock over there, who replaces something makes a file that only one can make, for the moment of a look and
a rename.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import queue
import socket
import stat as modes
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import paramiko

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError
from paperbuild.sharing.files import STALE_S, TURN
from paperbuild.sharing.layout import INCOMING
from paperbuild.sharing.places import Place
from paperbuild.sharing.transport import ANSWER_S, CHUNK, CONNECT_S, STALL_S, Content, Seen, TransportError, Trouble

T = TypeVar("T")

_MOST_WAIT_S = 60.0
_AHEAD = 128
"""How many requests for parts of a file are under way at once, of 32 KiB each."""


class Ssh:
    """The folder of ``place``."""

    can_write = True
    can_list = True

    def __init__(self, place: Place) -> None:
        self._place = place
        self._root = place.path
        self._settings = _settings(place)
        self._lock = threading.Lock()
        self._client: paramiko.SSHClient | None = None
        self._idle: queue.LifoQueue[paramiko.SFTPClient] = queue.LifoQueue()
        self._folders: set[str] = set()

    # connections

    def _connected(self) -> paramiko.SSHClient:
        with self._lock:
            transport = self._client.get_transport() if self._client else None
            if self._client is not None and transport is not None and transport.is_active():
                return self._client
            while not self._idle.empty():
                self._idle.get_nowait()
            self._client = self._opened()
            return self._client

    def _opened(self) -> paramiko.SSHClient:
        settings = self._settings
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        with contextlib.suppress(OSError):
            client.load_system_host_keys("/etc/ssh/ssh_known_hosts")
        for path in str(settings.get("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2")).split():
            with contextlib.suppress(OSError):
                client.load_system_host_keys(os.path.expanduser(path))
        try:
            proxy = settings.get("proxycommand")
            client.connect(
                str(settings["hostname"]), self._place.port or int(str(settings.get("port", 22))),
                self._place.user or str(settings["user"]) if self._place.user or "user" in settings else None,
                key_filename=[os.path.expanduser(path) for path in settings.get("identityfile", [])] or None,
                timeout=CONNECT_S, banner_timeout=ANSWER_S, auth_timeout=ANSWER_S, channel_timeout=ANSWER_S,
                sock=paramiko.ProxyCommand(str(proxy)) if proxy else None,
            )  # fmt: skip
        except paramiko.BadHostKeyException:
            raise TransportError(Trouble.UNKNOWN_HOST, "its key is another than the one that is known") from None
        except paramiko.AuthenticationException as error:
            raise TransportError(Trouble.CREDENTIALS, str(error)) from None
        except paramiko.SSHException as error:
            if "not found in known_hosts" in str(error):
                raise TransportError(Trouble.UNKNOWN_HOST, str(error)) from None
            if "No authentication methods" in str(error):
                raise TransportError(Trouble.CREDENTIALS, "there is no key to show") from None
            raise TransportError(Trouble.BROKEN, str(error)) from None
        except OSError as error:
            raise TransportError(Trouble.UNREACHABLE, error.strerror or str(error)) from None
        return client

    @contextlib.contextmanager
    def _sftp(self, wait_s: float = ANSWER_S) -> Iterator[paramiko.SFTPClient]:
        """Lend a channel; one that failed is not lent again. What goes wrong becomes what the protocol knows."""
        try:
            client = self._connected()
            try:
                sftp = self._idle.get_nowait()
            except queue.Empty:
                sftp = client.open_sftp()
            channel = sftp.get_channel()
            if channel is not None:
                channel.settimeout(wait_s)
            yield sftp
        except FileNotFoundError:
            self._idle.put(sftp)
            raise
        except TransportError:
            raise
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise _trouble(error) from None
        self._idle.put(sftp)

    def _asked(self, act: Callable[[paramiko.SFTPClient], T]) -> T | None:
        """Return what ``act`` finds; None where there is no such file."""
        try:
            with self._sftp() as sftp:
                return act(sftp)
        except FileNotFoundError:
            return None

    # the protocol

    def read(self, name: str, most: int) -> Content | None:
        """See the protocol."""

        def act(sftp: paramiko.SFTPClient) -> Content:
            with sftp.open(f"{self._root}/{name}", "rb") as file:
                stat = file.stat()
                if (stat.st_size or 0) > most:
                    raise TransportError(Trouble.WRONG, f"{name} has more than {most} bytes")
                file.prefetch(stat.st_size)
                return Content(file.read(), "")

        found = self._asked(act)
        if found is None:
            self._find_root()
            return None
        return Content(found.data, _version(found.data))

    def _find_root(self) -> None:
        """Tell a folder that is not there from a file that is not in it."""
        if self._asked(lambda sftp: sftp.stat(self._root)) is None:
            raise TransportError(Trouble.NOWHERE, f"there is no folder {self._root}")

    def stream(self, name: str, start: int = 0) -> Iterator[bytes | memoryview] | None:
        """See the protocol."""
        seen = self.look(name)
        return None if seen is None else self._chunks(name, start, seen.size)

    def _chunks(self, name: str, start: int, size: int) -> Iterator[bytes]:
        try:
            with self._sftp(STALL_S) as sftp, sftp.open(f"{self._root}/{name}", "rb") as file:
                file.seek(start)
                file.prefetch(size, _AHEAD)
                while chunk := file.read(CHUNK):
                    yield chunk
        except FileNotFoundError:
            raise TransportError(Trouble.BROKEN, "it has just gone") from None

    def look(self, name: str) -> Seen | None:
        """See the protocol."""
        stat = self._asked(lambda sftp: sftp.stat(f"{self._root}/{name}"))
        return None if stat is None else Seen(name, stat.st_size or 0, (stat.st_mtime or 0) * 1_000_000_000)

    def put(self, name: str, data: bytes | memoryview, over: str | None) -> bool:
        """See the protocol."""
        path = f"{self._root}/{name}"
        try:
            with self._sftp(STALL_S) as sftp:
                if over == "" and _exists(sftp, path):
                    return False
                for folder in (INCOMING.rstrip("/"), "locks", os.path.dirname(name)):
                    self._make(sftp, folder)
                temporary = f"{self._root}/{INCOMING}{os.urandom(8).hex()}"
                try:
                    with sftp.open(temporary, "wxb") as file:
                        file.set_pipelined(True)
                        file.write(bytes(data))
                    return self._placed(sftp, temporary, name, over)
                finally:
                    with contextlib.suppress(OSError):
                        sftp.remove(temporary)
        except FileNotFoundError:
            self._folders.clear()
            self._find_root()
            raise TransportError(Trouble.BROKEN, "a folder has just gone") from None

    def _placed(self, sftp: paramiko.SFTPClient, temporary: str, name: str, over: str | None) -> bool:
        path = f"{self._root}/{name}"
        with self._turn(sftp, f"{self._root}/locks/{name.rpartition('/')[2][:2]}{TURN}"):
            if over is not None:
                try:
                    with sftp.open(path, "rb") as file:
                        present = _version(file.read()) if over else "-"
                except FileNotFoundError:
                    present = ""
                if present != over:
                    return False
            sftp.posix_rename(temporary, path)
        return True

    @contextlib.contextmanager
    def _turn(self, sftp: paramiko.SFTPClient, path: str) -> Iterator[None]:
        """Be the only one who replaces something of this group."""
        deadline, pause_s = time.monotonic() + _MOST_WAIT_S, 0.01
        seen: tuple[object, float] = (None, 0.0)
        while True:
            try:
                sftp.open(path, "wx").close()
                break
            except FileNotFoundError:
                raise
            except OSError:
                seen = self._waited(sftp, path, seen)
                if time.monotonic() > deadline:
                    raise TransportError(Trouble.BROKEN, f"somebody else writes there all the time: {path}") from None
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, 0.2)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                sftp.remove(path)

    def _waited(self, sftp: paramiko.SFTPClient, path: str, seen: tuple[object, float]) -> tuple[object, float]:
        """Look whose turn it is; remove what nobody has any more. Return which turn it is, and since when it was seen."""
        try:
            turn = sftp.stat(path).st_mtime
        except FileNotFoundError:
            return None, 0.0
        if turn != seen[0]:
            return turn, time.monotonic()
        if time.monotonic() - seen[1] > STALE_S:
            with contextlib.suppress(OSError):
                sftp.rename(path, f"{self._root}/{INCOMING}{os.urandom(8).hex()}")  # of two only one can
        return seen

    def _make(self, sftp: paramiko.SFTPClient, folder: str) -> None:
        """Make ``folder`` and what it is in, below the root, which must be there."""
        if folder in self._folders or not folder:
            return
        self._make(sftp, os.path.dirname(folder))
        path = f"{self._root}/{folder}"
        try:
            sftp.mkdir(path)
        except FileNotFoundError:
            raise
        except OSError:
            if not _exists(sftp, path):
                raise
        self._folders.add(folder)

    def delete(self, names: Sequence[str]) -> None:
        """See the protocol."""
        for name in names:
            self._asked(lambda sftp, name=name: sftp.remove(f"{self._root}/{name}"))  # type: ignore[misc]

    def listed(self, folder: str) -> Iterator[Seen]:
        """See the protocol."""
        below = self._asked(lambda sftp: sftp.listdir_attr(f"{self._root}/{folder}".rstrip("/"))) or []
        for one in below:
            name = f"{folder}{one.filename}"
            if modes.S_ISDIR(one.st_mode or 0):
                if name != "locks":
                    yield from self.listed(f"{name}/")
            else:
                yield Seen(name, one.st_size or 0, (one.st_mtime or 0) * 1_000_000_000)

    def close(self) -> None:
        """See the protocol."""
        if self._client is not None:
            self._client.close()


def _settings(place: Place) -> paramiko.SSHConfigDict:
    """Return what the user's ``~/.ssh/config`` says of the host.

    Raises:
        UsageError: it cannot be understood.
    """
    config = paramiko.SSHConfig()
    try:
        with open(os.path.expanduser("~/.ssh/config"), encoding="utf-8") as file:
            config.parse(file)
        return config.lookup(place.host)
    except OSError:
        return paramiko.SSHConfig().lookup(place.host)
    except (paramiko.ConfigParseError, UnicodeDecodeError, paramiko.SSHException) as error:
        message = f"{place.address} cannot be opened: ~/.ssh/config cannot be understood"
        raise UsageError(Diagnostic("PB600", message, notes=(str(error),), help=("mend it",))) from None


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _exists(sftp: paramiko.SFTPClient, path: str) -> bool:
    try:
        sftp.stat(path)
    except FileNotFoundError:
        return False
    return True


def _trouble(error: Exception) -> TransportError:
    text = str(error) or type(error).__name__
    if isinstance(error, PermissionError) or getattr(error, "errno", None) in {errno.EACCES, errno.EPERM}:
        return TransportError(Trouble.DENIED, "permission denied")
    if "space" in text.lower() or "quota" in text.lower():
        return TransportError(Trouble.FULL, text)
    if isinstance(error, socket.timeout):
        return TransportError(Trouble.BROKEN, "no answer in time")
    return TransportError(Trouble.BROKEN, text)
