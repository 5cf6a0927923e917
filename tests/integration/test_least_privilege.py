"""The night under the role that `merzim init --print-grants` describes: enough, and no more (clause 4.1)."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.integration.night_support import on_server, url_of

MERZIM = str(Path(sys.executable).with_name("merzim"))


@dataclass(frozen=True)
class Agency:
    """The demonstration's database, seen by its owner and by the role of the nights."""

    owner: str
    role: str
    folder: Path

    def merzim(self, *arguments: str, exit_code: int = 0, **settings: str) -> str:
        """A verb as somebody runs it; the role's URL comes from the environment, which wins over the env file."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MERZIM_")} | settings
        command = [MERZIM, "--env-file", str(self.folder / "merzim.env"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        assert done.returncode == exit_code, done.stderr + done.stdout[-6000:]
        return done.stdout

    def at_night(self, *arguments: str, exit_code: int = 0, **settings: str) -> str:
        """A verb under the role."""
        return self.merzim(*arguments, exit_code=exit_code, MERZIM_DATABASE_URL=self.role, **settings)


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agency]:
    """An owner's database with its ledger, and a role with the printed rights only."""
    name = role = f"merzim_least_{uuid.uuid4().hex}"
    folder = tmp_path_factory.mktemp("least") / "operator"
    on_server(f"CREATE DATABASE {name}")
    on_server(f"CREATE ROLE {role} LOGIN")
    try:
        limited = sa.make_url(url_of(name)).set(username=role, password=None).render_as_string()
        agency = Agency(url_of(name), limited, folder)
        make = [MERZIM, "demo", "--people", "40", "--no-run", "--dir", str(folder), "--database-url", agency.owner]
        subprocess.run(make, check=True, capture_output=True, timeout=120)
        agency.merzim("init")
        with psycopg.connect(agency.owner) as owner:
            owner.execute(agency.merzim("init", "--print-grants", "--role", role))
        yield agency
    finally:
        on_server(f"DROP DATABASE {name} WITH (FORCE)")
        on_server(f"DROP ROLE {role}")


def test_the_night_works_under_the_role(agency: Agency) -> None:
    now = datetime.now(UTC).isoformat()
    refused = agency.at_night("run", "--now", now, exit_code=2)  # the first run wants a yes, and is stored as stopped
    assert "depersonalised" not in refused
    with psycopg.connect(agency.owner) as owner:
        fingerprint = _one(owner, "SELECT fingerprint FROM merzim.run WHERE state = 'stopped'")
    hold = agency.at_night("hold", "place", "--key", "1", "--reason", "court")
    agency.at_night("run", "--now", now, "--approve", str(fingerprint))
    with psycopg.connect(agency.owner) as owner:
        assert _one(owner, "SELECT state FROM merzim.run ORDER BY started_at DESC LIMIT 1") == "done"
        assert _one(owner, "SELECT count(*) FROM merzim.entry WHERE segment IS NOT NULL") != 0
        assert _one(owner, "SELECT count(*) FROM users WHERE email LIKE '%.invalid'") != 0
    assert hold
    agency.at_night("ledger", "verify")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE merzim.entry SET counts = '{}'",
        "DELETE FROM merzim.entry",
        "TRUNCATE merzim.entry",
        "UPDATE merzim.seal SET digest = ''",
        "DELETE FROM merzim.seal",
        "TRUNCATE merzim.seal",
        "DROP TABLE merzim.seal",
        "DROP TABLE users",
        "DROP SCHEMA merzim CASCADE",
        "ALTER TABLE users DISABLE TRIGGER ALL",
        "TRUNCATE users",
        "DELETE FROM users",
        "DELETE FROM payments",
        "CREATE TABLE merzim.mine (id integer)",
        "UPDATE regions SET name = ''",
    ],
)
def test_the_role_can_do_no_more(agency: Agency, statement: str) -> None:
    with (
        psycopg.connect(agency.role) as limited,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"permission denied|must be owner"),
    ):
        limited.execute(statement)


def _one(connection: psycopg.Connection[tuple[object, ...]], query: str) -> object:
    row = connection.execute(query).fetchone()
    return None if row is None else row[0]


def test_the_role_takes_and_approves_requests_and_registers_nobody(agency: Agency) -> None:
    """Whoever could register tokens could approve in anybody's name."""
    word = "long enough"
    tokens = {name: str(agency.folder / f"{name}.pem") for name in ("aigul", "bolat")}
    person = ("keys", "person", "aigul", "--output", tokens["aigul"])
    agency.at_night(*person, exit_code=2, MERZIM_TOKEN_PASSPHRASE=word)
    assert not Path(tokens["aigul"]).exists()
    for name, path in tokens.items():
        agency.merzim("keys", "person", name, "--output", path, MERZIM_TOKEN_PASSPHRASE=word)
    agency.at_night("keys", "revoke", "aigul", exit_code=2)
    erasure = ("purge", "request", "--operation", "erasure", "--basis", "withdrawn consent", "--key", "3")
    why = ("--checked", "passport seen", "--reason", "a letter", "--token", tokens["aigul"])
    request = json.loads(agency.at_night(*erasure, *why, MERZIM_TOKEN_PASSPHRASE=word))
    yes = ("purge", "approve", request["id"], "--fingerprint", request["fingerprint"], "--token", tokens["bolat"])
    assert json.loads(agency.at_night(*yes, MERZIM_TOKEN_PASSPHRASE=word))["state"] == "approved"
    reason = ("--reason", "asked twice", "--token", tokens["aigul"])
    agency.at_night("purge", "cancel", request["id"], *reason, MERZIM_TOKEN_PASSPHRASE=word)
