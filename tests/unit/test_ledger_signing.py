"""Signing keys and the canonical form that is signed."""

import datetime as dt

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from worker.ledger.errors import LedgerError
from worker.ledger.seal import canonical, row_digest
from worker.ledger.signing import is_signed, key_id, load_public_key, load_signing_key, public_pem


def test_a_key_survives_its_pem_and_is_named_by_its_public_half() -> None:
    key = Ed25519PrivateKey.generate()
    again = load_signing_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = load_public_key(public_pem(key))
    assert key_id(again) == key_id(public)
    assert len(key_id(key)) == 16
    assert is_signed(public, again.sign(b"message"), b"message")
    assert not is_signed(public, again.sign(b"message"), b"massage")
    assert not is_signed(public, b"", b"")


def test_other_keys_are_refused() -> None:
    other = generate_private_key(SECP256R1())
    with pytest.raises(LedgerError, match="not an Ed25519"):
        load_signing_key(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(LedgerError, match="not an Ed25519"):
        load_public_key(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(LedgerError, match="cannot be read"):
        load_signing_key(b"nothing")
    with pytest.raises(LedgerError, match="cannot be read"):
        load_public_key(b"nothing")


def test_the_canonical_form_is_one_text_whatever_the_order() -> None:
    day, moment = dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1, 2, 3)
    expected = '{"a":"2024-02-29T01:02:03.000000","b":"2024-02-29","c":"Ә","d":null,"e":true}'
    assert canonical({"e": True, "d": None, "c": "Ә", "b": day, "a": moment}) == expected
    assert row_digest({"x": 1, "y": 2}) == row_digest({"y": 2, "x": 1}) != row_digest({"x": 2, "y": 1})


def test_a_value_without_canonical_form_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        canonical({"a": {1}})
