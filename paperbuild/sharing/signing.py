"""Who vouches for a record: signatures by Ed25519 (RFC 8032), made and checked by the library *cryptography*.

A public key is written ``ed25519:`` and the 32 bytes in base64 without padding; a private key is written ``ed25519-private:`` and its seed
the same way. What is signed is a purpose, a zero byte and the data, so that what was signed for one purpose is worth nothing for another.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC = "ed25519:"
PRIVATE = "ed25519-private:"
_KEY_BYTES = 32


class KeyTextError(ValueError):
    """A text is no key; the message says why."""


def _bytes_of(text: str, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise KeyTextError(f"a key of this kind begins with {prefix}")
    written = text.removeprefix(prefix)
    try:
        data = base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise KeyTextError(f"what follows {prefix} is no base64") from None
    if len(data) != _KEY_BYTES:
        raise KeyTextError(f"what follows {prefix} has {len(data)} bytes; a key has {_KEY_BYTES}")
    return data


def _text_of(data: bytes, prefix: str) -> str:
    return prefix + base64.b64encode(data).decode().rstrip("=")


def _told(purpose: str, data: bytes) -> bytes:
    return purpose.encode() + b"\0" + data


class Signer:
    """Signs with the private key ``text``.

    Raises:
        KeyTextError: it is none.
    """

    def __init__(self, text: str) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # 18 ms, only where something is signed

        self._key: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(_bytes_of(text.strip(), PRIVATE))
        self.public = _text_of(self._key.public_key().public_bytes_raw(), PUBLIC)
        """The public key that belongs to it, as text."""

    def sign(self, purpose: str, data: bytes) -> bytes:
        """Return the signature, 64 bytes, of ``data`` for ``purpose``."""
        return self._key.sign(_told(purpose, data))


class Trust:
    """Believes what one of ``keys``, public keys as text, has signed.

    Raises:
        KeyTextError: one of them is no key.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys: dict[str, bytes] = {key: _bytes_of(key, PUBLIC) for key in keys}
        self._loaded: dict[str, Ed25519PublicKey] = {}

    def knows(self, key: str) -> bool:
        """Return whether ``key`` is one of those."""
        return key in self._keys

    def vouches(self, key: str, signature: bytes, purpose: str, data: bytes) -> bool:
        """Return whether ``key`` is believed, and has signed ``data`` for ``purpose``."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if key not in self._keys:
            return False
        if key not in self._loaded:
            self._loaded[key] = Ed25519PublicKey.from_public_bytes(self._keys[key])
        try:
            self._loaded[key].verify(signature, _told(purpose, data))
        except InvalidSignature:
            return False
        return True


def new_private_key() -> str:
    """Return a new private key as text."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return _text_of(Ed25519PrivateKey.generate().private_bytes_raw(), PRIVATE)
