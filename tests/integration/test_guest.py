"""A good guest: an application reads and writes random people by key while the night runs. It never gets an error, and
nothing that it wrote is lost. But MariaDB may choose it as the victim of a deadlock, when it adds a row for a person
who is just being done: a locking read there waits for rows that are not committed yet (README, "What it does not").

`make test` has some hundred people due, MERZIM_TEST_RACES=all two thousand.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.races.circle import Circle, circle_on, settle
from tests.integration.races.guests import Session
from tests.integration.races.judging import Archive, check_ledger
from tests.integration.small_operator import NOW, Operator

CIRCLES = 1_000 if os.environ.get("MERZIM_TEST_RACES") == "all" else 150
SESSIONS = 3


@pytest.fixture(params=["postgresql", "mysql"])
def operator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from circle_on(request.param, tmp_path)


def test_an_application_beside_the_night(operator: Operator) -> None:
    circles = [Circle(n) for n in range(1, CIRCLES + 1)]
    settle(operator, circles)
    sessions = [Session(operator, circles[n::SESSIONS], n) for n in range(SESSIONS)]
    for session in sessions:
        session.start()
    try:
        ended = operator.cli("run", "--now", NOW.isoformat(), "--json")
    finally:
        for session in sessions:
            session.stop()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    errors = Counter(error for session in sessions for error in session.errors)
    assert [e for e in errors if operator.dialect != "mysql" or "(1213, " not in e] == []
    assert all(session.names and session.active and session.read for session in sessions)
    assert_nothing_lost(operator, sessions)
    check_ledger(operator)


def assert_nothing_lost(operator: Operator, sessions: list[Session]) -> None:
    """The last that was written of a row stands in it or in the archive, and who was active by then was left."""
    names = dict(operator.rows("SELECT id, name FROM people"))
    notes = dict(operator.rows("SELECT id, note FROM letters"))
    archive = Archive(operator)
    copied = {
        (place, row.get("name") or row.get("note"))
        for entry in operator.ledger("entry")
        for place, row in archive.of(entry["attempt"]).items()
    }
    assert any(table == "people" for (table, _), _ in copied)
    for session in sessions:
        for person, name in session.names.items():
            assert names[person] == name or (("people", person), name) in copied
        for letter in session.read:
            assert notes.get(letter) == "read" or (("letters", letter), "read") in copied
        for person, name in session.active.items():
            assert name == "" or names[person] != ""
