"""Who decides: tokens, accounts, and when two are surely two."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.integration.ledger_support import NOW, Place, ledger_place
from worker.databases.connect import open_database
from worker.ledger.decisions import Decision, Signer, decide, decisions_about
from worker.ledger.persons import register, revoke
from worker.ledger.signing import key_id, public_pem
from worker.office.identity import account_name, by_account, by_token, make_token, open_token
from worker.pipeline.four_eyes import check_different, check_signature
from worker.pipeline.tools import Refused, Tools

INSTALLATION = Ed25519PrivateKey.generate()
WORD = "correct horse battery"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ledger_place("sqlite", tmp_path) as fresh:
        yield fresh


def tools(place: Place, key: Ed25519PrivateKey | None = INSTALLATION) -> Tools:
    database = open_database(str(place.engine.url), "merzim")
    return Tools(database, place.ledger, sign=key.sign if key else None, key_id=key_id(key) if key else "")


def token_of(place: Place, name: str, registered_by: str = "root") -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    with place.engine.begin() as conn:
        register(conn, place.ledger, name, public_pem(key).decode(), registered_by, NOW)
    return key


def person(place: Place, key: Ed25519PrivateKey) -> Signer:
    with place.engine.begin() as conn:
        return by_token(conn, place.ledger, key)


def account(name: str) -> Signer:
    return Signer(name, "account", key_id(INSTALLATION), INSTALLATION.sign)


def asked_by(place: Place, asking: Signer) -> Decision:
    with place.engine.begin() as conn:
        about = uuid4().hex
        decide(conn, place.ledger, about, "request", "f1", asking, NOW)
        (decision,) = decisions_about(conn, place.ledger, about)
    return decision


def why_not(place: Place, asked: Decision, asking: Signer) -> str:
    """Why the one who asks now may not approve; empty when they may."""
    with place.engine.begin() as conn:
        try:
            check_different(conn, place.ledger, asked, asking.name, asking.signed_with)
        except Refused as refused:
            return str(refused)
    return ""


def test_an_account_is_known_by_its_number(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = by_account(tools(place)).name
    monkeypatch.setenv("USER", "somebody else")
    monkeypatch.setenv("LOGNAME", "somebody else")
    assert account_name() == by_account(tools(place)).name == real
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    assert account_name() == "4000000"
    with pytest.raises(Refused, match="set MERZIM_SIGNING_KEY, or use a token"):
        by_account(tools(place, None))


def test_two_accounts_are_two_and_one_shared_account_is_one(place: Place) -> None:
    asked = asked_by(place, account("aigul"))
    assert why_not(place, asked, account("bolat")) == ""
    said = why_not(place, asked, account("AIGUL"))
    assert "merzim keys person NAME" in said
    assert "--token FILE" in said


def test_two_tokens_are_two_even_under_one_account(place: Place) -> None:
    aigul, bolat = (person(place, token_of(place, name)) for name in ("aigul", "bolat"))
    asked = asked_by(place, aigul)
    assert why_not(place, asked, bolat) == ""
    assert "four eyes are two people" in why_not(place, asked, aigul)


def test_a_token_and_an_account_are_one_unless_the_token_came_from_elsewhere(place: Place) -> None:
    by_root, by_bolat = token_of(place, "aigul"), token_of(place, "zhanna", registered_by="bolat")
    asked_by_account = asked_by(place, account("bolat"))
    assert why_not(place, asked_by_account, person(place, by_root)) == ""
    assert "registered by the account bolat" in why_not(place, asked_by_account, person(place, by_bolat))
    asked_by_token = asked_by(place, person(place, by_bolat))
    assert "registered by the account bolat" in why_not(place, asked_by_token, account("bolat"))
    assert why_not(place, asked_by_token, account("daniyar")) == ""
    same_name = asked_by(place, person(place, token_of(place, "daniyar")))
    assert "four eyes" in why_not(place, same_name, account("daniyar"))


def test_only_what_was_signed_by_whom_it_names_counts(place: Place) -> None:
    key = token_of(place, "aigul")
    good, by_hand = asked_by(place, person(place, key)), asked_by(place, account("bolat"))
    stranger = Ed25519PrivateKey.generate()

    def refusal(decision: Decision, installation: Ed25519PrivateKey | None = INSTALLATION) -> str:
        with place.engine.begin() as conn, pytest.raises(Refused) as refused:
            check_signature(conn, tools(place, installation), decision)
        return str(refused.value)

    with place.engine.begin() as conn:
        for decision in (good, by_hand):
            check_signature(conn, tools(place), decision)
    assert "not that of bolat" in refusal(replace(good, author="bolat"))
    assert "not that of aigul" in refusal(replace(good, fingerprint="f2"))
    assert "not that of aigul" in refusal(replace(good, key_id=key_id(stranger)))
    assert "not that of daniyar" in refusal(replace(by_hand, author="daniyar"))
    assert "not the one of this installation" in refusal(by_hand, stranger)
    assert "not the one of this installation" in refusal(by_hand, None)
    assert "not the one of this installation" in refusal(replace(good, signed_with="account"))
    with place.engine.begin() as conn:
        revoke(conn, place.ledger, "aigul", NOW)
    assert "was revoked since" in refusal(good)


def test_a_stolen_token_is_refused_once_it_is_revoked(place: Place) -> None:
    key = token_of(place, "aigul")
    assert person(place, key).name == "aigul"
    with place.engine.begin() as conn:
        revoke(conn, place.ledger, "aigul", NOW)
    with pytest.raises(Refused, match="The token of aigul was revoked on 2026-11-23"):
        person(place, key)
    with pytest.raises(Refused, match="is not registered here"):
        person(place, Ed25519PrivateKey.generate())


def test_a_token_opens_with_its_passphrase_only_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    key, content = make_token(WORD)
    path = tmp_path / "token.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    assert key_id(open_token(path, WORD)) == key_id(key)
    for wrong in ("another one", WORD.upper()):
        with pytest.raises(Refused, match="does not open the token") as refused:
            open_token(path, wrong)
        assert wrong not in str(refused.value)
    with pytest.raises(Refused, match="has no passphrase, or none was given"):
        open_token(path, "")
    for mode in (0o640, 0o604, 0o620, 0o611):
        path.chmod(mode)
        with pytest.raises(Refused, match="not yours alone"):
            open_token(path, WORD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o611
    with pytest.raises(Refused, match="cannot be read"):
        open_token(tmp_path / "none.pem", WORD)


def test_what_is_no_token_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare, rubbish, foreign = (tmp_path / f"{name}.pem" for name in ("bare", "rubbish", "foreign"))
    key = Ed25519PrivateKey.generate()
    bare.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    rubbish.write_bytes(b"rubbish")
    foreign.write_bytes(make_token(WORD)[1])
    for path in (bare, rubbish, foreign):
        path.chmod(0o600)
    for path, words in ((bare, "has no passphrase"), (rubbish, "is no token")):
        with pytest.raises(Refused, match=words):
            open_token(path, WORD)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    with pytest.raises(Refused, match="not yours alone"):
        open_token(foreign, WORD)
    with pytest.raises(Refused, match="shorter than 8 characters"):
        make_token("1234567")
