"""Ed25519 keys that sign the ledger's seals."""

import hashlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from config.catalogue import text
from worker.ledger.errors import LedgerError


def load_signing_key(pem: bytes) -> Ed25519PrivateKey:
    """The private key in an unencrypted PKCS#8 PEM. Raises LedgerError when it is not an Ed25519 key."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise LedgerError(text("sign_key.unreadable")) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise LedgerError(text("sign_key.no_ed25519"))
    return key


def load_public_key(pem: bytes) -> Ed25519PublicKey:
    """The public key in a PEM. Raises LedgerError when it is not an Ed25519 key."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise LedgerError(text("sign_key.public_unreadable")) from error
    if not isinstance(key, Ed25519PublicKey):
        raise LedgerError(text("sign_key.public_no_ed25519"))
    return key


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """The public half of a signing key as PEM, to be published."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """16 hex digits that name a key pair: the start of the sha256 of the raw public key."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return hashlib.sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def is_signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether the signature over `message` was made by this key pair."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
