"""age identities and Ed25519 signing keys, and the files they lie in: mode 0600, never overwritten."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from config.catalogue import text
from worker.archive.durable import make_folder, sync_folder
from worker.archive.errors import ArchiveError, storage_error


class AgeKey(NamedTuple):
    """An age X25519 pair: `identity` (AGE-SECRET-KEY-1…) opens what was sealed for `recipient` (age1…)."""

    identity: str
    recipient: str


class SigningKey(NamedTuple):
    """An Ed25519 pair as PEM: `private` is PKCS#8 without a passphrase, `public` is SubjectPublicKeyInfo."""

    private: bytes
    public: bytes


def make_identity() -> AgeKey:
    """A new age X25519 pair."""
    identity = pyrage.x25519.Identity.generate()
    return AgeKey(str(identity), str(identity.to_public()))


def make_signing_key() -> SigningKey:
    """A new Ed25519 pair for seals."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(private, public)


def identity_file(key: AgeKey) -> bytes:
    """The content of a file for `age -d -i FILE`, as age-keygen writes it."""
    return f"# public key: {key.recipient}\n{key.identity}\n".encode()


def read_identities(path: Path) -> list[str]:
    """The identities in a file for `age -d -i FILE`; comments and empty lines are left out. Raises ArchiveError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise storage_error("storage.reading_identity", path, error) from error
    except UnicodeDecodeError:
        raise ArchiveError(text("key_file.no_text", path=path)) from None
    identities = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    try:
        parse_identities(identities)
    except ArchiveError as error:
        raise ArchiveError(text("key_file.unusable", path=path, reason=error)) from error
    return identities


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600, durably. Raises ArchiveError if anything has that name already."""
    try:
        make_folder(path.parent)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise ArchiveError(text("key_file.already_there", path=path)) from None
    except OSError as error:
        raise storage_error("storage.writing_secret", path, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise storage_error("storage.writing_secret", path, error) from error
        raise


def parse_recipients(texts: Sequence[str]) -> list[Any]:
    """pyrage recipients of `age1…` texts, at least one. Raises ArchiveError, which never repeats a text."""
    if not texts:
        raise ArchiveError(text("key_file.no_recipient"))
    return _parse(pyrage.x25519.Recipient.from_str, texts, "key_file.wrong_recipient")


def parse_identities(texts: Sequence[str]) -> list[Any]:
    """pyrage identities of `AGE-SECRET-KEY-1…` texts, at least one. Raises ArchiveError, which never repeats a text."""
    if not texts:
        raise ArchiveError(text("key_file.no_identity"))
    return _parse(pyrage.x25519.Identity.from_str, texts, "key_file.wrong_identity")


def _parse(parse: Callable[[str], Any], texts: Sequence[str], refusal: str) -> list[Any]:
    parsed = []
    for number, written in enumerate(texts, 1):
        try:
            parsed.append(parse(written.strip()))
        except (pyrage.RecipientError, pyrage.IdentityError):
            # What is written is not shown: a secret may have been put in the wrong place.
            raise ArchiveError(text(refusal, number=str(number), count=str(len(texts)))) from None
    return parsed
