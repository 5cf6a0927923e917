"""Who decides: a person with a token of their own, or the account that the operating system knows.

What either of them says is signed: by the person's own key, or for an account by the installation's.
"""

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from sqlalchemy.exc import DBAPIError

from config.catalogue import text
from worker.ledger.decisions import Signer
from worker.ledger.persons import person_with_key
from worker.ledger.signing import key_id
from worker.ledger.tables import Ledger
from worker.pipeline.tools import Refused, Tools

SHORTEST_PASSPHRASE = 8
NO_RIGHT = "42501"  # SQLSTATE
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def account_name() -> str:
    """The account of this process by its number; $USER says what its owner likes."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def by_account(tools: Tools) -> Signer:
    """The operating system's account. Raises Refused without the installation's key."""
    if tools.sign is None:
        raise Refused(text("identity.no_key"))
    return Signer(account_name(), "account", tools.key_id, tools.sign)


def by_token(connection: sa.Connection, ledger: Ledger, token: Ed25519PrivateKey) -> Signer:
    """The person whose token it is. Raises Refused for one that is not registered, or was revoked."""
    person = person_with_key(connection, ledger, key_id(token))
    if person is None:
        raise Refused(text("identity.unknown_token"))
    if person.revoked_at is not None:
        raise Refused(text("identity.revoked", name=person.name, day=f"{person.revoked_at:%Y-%m-%d}"))
    return Signer(person.name, "token", key_id(token), token.sign)


@contextmanager
def as_owner() -> Iterator[None]:
    """Registering and revoking is for the database's owner: the role of the nights may only read who has a token.
    Raises Refused in place of what the database says to that role."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == NO_RIGHT:
            raise Refused(text("identity.not_owner")) from None
        raise


def make_token(passphrase: str) -> tuple[Ed25519PrivateKey, bytes]:
    """A new token and its file's content. Raises Refused for a passphrase that is too short."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise Refused(text("identity.short_passphrase", n=SHORTEST_PASSPHRASE))
    key = Ed25519PrivateKey.generate()
    sealed = BestAvailableEncryption(passphrase.encode())
    return key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)


def check_token_file(path: Path) -> None:
    """Raise Refused for a token that is not there, or that others could read: asked before the passphrase is."""
    try:
        found = path.stat()
    except OSError as error:
        raise Refused(text("identity.unreadable", path=path, reason=error.strerror)) from None
    if found.st_mode & OTHERS or found.st_uid != os.getuid():
        raise Refused(text("identity.open_to_others", path=path))


def open_token(path: Path, passphrase: str) -> Ed25519PrivateKey:
    """The key in a token's file. Raises Refused for a wrong passphrase, or a file that is no token."""
    check_token_file(path)
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase.encode())
    except OSError as error:
        raise Refused(text("identity.unreadable", path=path, reason=error.strerror)) from None
    except TypeError:  # a key without a passphrase, or none given
        raise Refused(text("identity.bare_token", path=path)) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Refused(text("identity.wrong_passphrase", path=path)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused(text("identity.no_token", path=path))
    return key
