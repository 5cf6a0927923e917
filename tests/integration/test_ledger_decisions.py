"""Decisions are signed over everything that they say; tokens are given once and can be revoked."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.integration.ledger_support import BOTH, NOW, Place, ledger_place
from worker.ledger.decisions import Signer, decide, decisions_about
from worker.ledger.errors import LedgerError, PersonalText
from worker.ledger.persons import person_with_key, persons, register, revoke
from worker.ledger.signing import key_id, public_pem

KEY = Ed25519PrivateKey.generate()
AIGUL = Signer("aigul", "token", key_id(KEY), KEY.sign)


@pytest.fixture(params=BOTH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ledger_place(request.param, tmp_path) as fresh:
        yield fresh


def test_a_decision_is_signed_over_all_that_it_says(place: Place) -> None:
    with place.engine.begin() as conn:
        decide(conn, place.ledger, "r1", "request", "f1", AIGUL, NOW)
        decide(conn, place.ledger, "r1", "approve", "f1", AIGUL, NOW + dt.timedelta(days=1))
        decide(conn, place.ledger, "r2", "request", "f1", AIGUL, NOW)
    with place.engine.begin() as conn:
        asked, approved = decisions_about(conn, place.ledger, "r1")
    assert (asked.action, approved.action) == ("request", "approve")
    assert asked.is_signed_by(KEY.public_key())
    assert not asked.is_signed_by(Ed25519PrivateKey.generate().public_key())
    changes: list[dict[str, Any]] = [
        {"about": "r2"},
        {"action": "approve"},
        {"fingerprint": "f2"},
        {"author": "bolat"},
        {"decided_at": NOW + dt.timedelta(microseconds=1)},
        {"signature": approved.signature},
        {"signature": "no base64"},
    ]
    for change in changes:
        assert not type(asked)(**{**vars(asked), **change}).is_signed_by(KEY.public_key()), change


def test_a_token_is_found_by_its_key_until_it_is_revoked(place: Place) -> None:
    other = Ed25519PrivateKey.generate()
    with place.engine.begin() as conn:
        register(conn, place.ledger, "bolat", public_pem(other).decode(), "root", NOW)
        register(conn, place.ledger, "aigul", public_pem(KEY).decode(), "root", NOW)
        assert [p.name for p in persons(conn, place.ledger)] == ["aigul", "bolat"]
        person = person_with_key(conn, place.ledger, AIGUL.key_id)
        assert person is not None
        assert (person.name, person.revoked_at) == ("aigul", None)
        assert person_with_key(conn, place.ledger, "0" * 16) is None
        revoke(conn, place.ledger, "aigul", NOW)
        with pytest.raises(LedgerError, match="Nobody called aigul"):
            revoke(conn, place.ledger, "aigul", NOW)
        person = person_with_key(conn, place.ledger, AIGUL.key_id)
        assert person is not None
        assert person.revoked_at == NOW


def test_a_name_is_given_once_and_is_only_a_name(place: Place) -> None:
    pem = public_pem(KEY).decode()
    with place.engine.begin() as conn:
        register(conn, place.ledger, "aigul", pem, "root", NOW)
        revoke(conn, place.ledger, "aigul", NOW)
        with pytest.raises(LedgerError, match="a name is given once"):
            register(conn, place.ledger, "Aigul", pem, "root", NOW)
        for personal in ("a@mail.kz", "850101300123", " "):
            with pytest.raises(PersonalText):
                register(conn, place.ledger, personal, pem, "root", NOW)
