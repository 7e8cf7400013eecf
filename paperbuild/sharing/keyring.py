"""Which private key is ours, and where it lies: in a file of the user's configuration, or in a variable, as CI has its secrets.

Nobody but its owner may read the file. The variable counts where it is set at all: empty, as CI leaves a secret that a build may not have,
it means that there is no key.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import UsageError
from paperbuild.sharing.signing import KeyTextError, Signer
from paperbuild.sharing.user_files import configuration_folder

KEY_VARIABLE = "PAPERBUILD_KEY"
_LONGEST = 4096  # bytes; a key has 60


class OwnKey(msgspec.Struct, frozen=True):
    """Our key: what signs, and the file it was read from ("" where the variable holds it)."""

    signer: Signer
    path: str = ""

    @property
    def public(self) -> str:
        """The public key."""
        return self.signer.public


def key_file(environ: Mapping[str, str]) -> str:
    """Return where the user's own key lies, or would; "" where nobody knows the user's home."""
    folder = configuration_folder(environ)
    return os.path.join(folder, "key") if folder else ""


def has_key(environ: Mapping[str, str]) -> bool:
    """Return whether there is a key at all, good or not; nothing is read."""
    if KEY_VARIABLE in environ:
        return environ[KEY_VARIABLE].strip() != ""
    path = key_file(environ)
    return bool(path) and os.path.lexists(path)


def own_key(environ: Mapping[str, str]) -> OwnKey | None:
    """Return our key, that of the variable first; None where there is none.

    Raises:
        UsageError: it cannot be read, others may read it, or it is no key.
    """
    if KEY_VARIABLE in environ:
        text = environ[KEY_VARIABLE].strip()
        return _key_of(text, "", f"the variable {KEY_VARIABLE}") if text else None
    path = key_file(environ)
    return read_key(path) if path and os.path.lexists(path) else None


def read_key(path: str) -> OwnKey:
    """Return the key in the file ``path``.

    Raises:
        UsageError: it cannot be read, others may read it, or it is no key.
    """
    try:
        with open(path, "rb") as file:
            _refuse_open_door(path, os.fstat(file.fileno()))
            data = file.read(_LONGEST)
    except OSError as error:
        raise UsageError(Diagnostic("PB621", f"the key {path} cannot be read: {error.strerror}")) from None
    return _key_of(data.decode("ascii", "replace").strip(), path, path)


def _refuse_open_door(path: str, found: os.stat_result) -> None:
    if os.name == "nt":  # rights are something else there
        return
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mend = (f"chmod 600 {path}", "where others could have read it, make another one: paperbuild key new --replace")
        raise UsageError(Diagnostic("PB621", f"others may read the private key {path}, so it is not used", help=mend))
    if found.st_uid not in {os.geteuid(), 0}:
        raise UsageError(Diagnostic("PB621", f"the private key {path} belongs to another user, so it is not used"))


def _key_of(text: str, path: str, where: str) -> OwnKey:
    try:
        return OwnKey(Signer(text), path)
    except KeyTextError as error:
        notes = ("a public key signs nothing",) if text.startswith("ed25519:") else (str(error),)
        written = "it takes the one line of the file that paperbuild key new wrote"
        mend = ("make another one: paperbuild key new --replace" if path else written,)
        raise UsageError(Diagnostic("PB622", f"what {where} holds is no private key", notes=notes, help=mend)) from None


def write_key(path: str, text: str, *, replaces: bool) -> OwnKey:
    """Write the private key ``text`` into the file ``path``, which its owner alone may read, and return it.

    Raises:
        UsageError: a file is there and must not be replaced, or it cannot be written. Then nothing has changed.
    """
    key = OwnKey(Signer(text), path)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        temporary = f"{path}.{os.getpid()}.new" if replaces else path
        _write_new(temporary, f"{text}\n".encode())
        if replaces:
            os.replace(temporary, path)
    except FileExistsError:
        mend = ("to see its public key: paperbuild key show", "to make another in its place: paperbuild key new --replace")
        notes = ("another one in its place signs what comes next: whoever trusts this one has to be told",)
        raise UsageError(Diagnostic("PB620", f"there is a key already: {path}", notes=notes, help=mend)) from None
    except OSError as error:
        raise UsageError(Diagnostic("PB621", f"the key {path} cannot be written: {error.strerror}")) from None
    return key


def _write_new(path: str, data: bytes) -> None:
    """Write a file that must not be there yet; on failure it is not."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise
