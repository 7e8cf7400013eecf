"""Signatures: who is believed, and for what. Vector: RFC 8032, section 7.1, test 2."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paperbuild.sharing.signing import PRIVATE, PUBLIC, KeyTextError, Signer, Trust, new_private_key

SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
KEY = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")


def _text(prefix: str, data: bytes) -> str:
    return prefix + base64.b64encode(data).decode().rstrip("=")


def test_a_private_key_has_the_public_key_of_the_standard() -> None:
    assert Signer(_text(PRIVATE, SEED)).public == _text(PUBLIC, KEY)


def test_what_is_signed_is_the_purpose_and_the_data() -> None:
    plain = Ed25519PrivateKey.from_private_bytes(SEED)
    assert Signer(_text(PRIVATE, SEED)).sign("record", b"data") == plain.sign(b"record\0data")


def test_who_is_named_is_believed_and_nobody_else() -> None:
    mine, other = Signer(new_private_key()), Signer(new_private_key())
    trust = Trust([mine.public])
    assert trust.vouches(mine.public, mine.sign("record", b"data"), "record", b"data")
    assert not trust.vouches(other.public, other.sign("record", b"data"), "record", b"data")
    assert not trust.vouches(mine.public, other.sign("record", b"data"), "record", b"data")


@pytest.mark.parametrize(("purpose", "data"), [("record", b"datum"), ("other", b"data")])
def test_a_signature_is_worth_nothing_for_anything_else(purpose: str, data: bytes) -> None:
    mine = Signer(new_private_key())
    assert not Trust([mine.public]).vouches(mine.public, mine.sign("record", b"data"), purpose, data)


def test_every_flipped_bit_of_a_signature_is_noticed() -> None:
    mine = Signer(new_private_key())
    signature, trust = mine.sign("record", b"data"), Trust([mine.public])
    for place in range(8 * len(signature)):
        spoilt = bytearray(signature)
        spoilt[place // 8] ^= 1 << place % 8
        assert not trust.vouches(mine.public, bytes(spoilt), "record", b"data")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rsa:AAAA", "begins with ed25519:"),
        (f"{PUBLIC}not base64!", "no base64"),
        (f"{PUBLIC}AAAA", "has 3 bytes"),
        (_text(PRIVATE, SEED), "begins with ed25519:"),
    ],
)
def test_a_text_that_is_no_key_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(KeyTextError, match=why):
        Trust([text])
