"""Nights on MariaDB and MySQL: what another session, a bad row or a `kill -9` does to them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.night_support import wait_until
from tests.integration.small_operator import LATELY, PEOPLE_POLICY, Operator, operator_on, people
from tests.mariadb_server import ON_BOTH
from worker.pipeline.set_aside import LOCKED

UNDO = (
    "CREATE TRIGGER undoing BEFORE UPDATE ON people FOR EACH ROW SET NEW.name = IF(NEW.id = 7, OLD.name, NEW.name)",
    "failed: Of 1 rows selected in people, 0 were depersonalised",
)
REFUSE = (
    "ALTER TABLE people ADD CONSTRAINT poison CHECK (NOT (id = 7) OR name <> '')",
    "failed: the database refused the change (",
)


@pytest.fixture(params=ON_BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on(request.param, tmp_path, policy=PEOPLE_POLICY):
        operator.sql(*people(*range(1, 13)), "INSERT INTO orders VALUES (1, 7, 'x'), (2, 8, 'y')")
        yield operator


@pytest.mark.parametrize(("poison", "why"), [UNDO, REFUSE], ids=["undone", "refused"])
def test_one_bad_subject_is_set_aside_and_the_rest_is_done(shop: Operator, poison: str, why: str) -> None:
    shop.sql(poison)
    if poison == UNDO[0]:
        shop.change_policy(("stages:\n", "triggers:\n  undoing: {writes: people}\nstages:\n"))
    before = shop.rows("SELECT * FROM people WHERE id = 7")
    run = shop.usual_night()
    assert run.state == "done_with_failures"
    assert shop.ids("people", "name <> ''") == [7]
    assert shop.rows("SELECT * FROM people WHERE id = 7") == before
    assert shop.ids("orders") == [1]
    (aside,) = shop.ledger("quarantine", run_id=run.run_id)
    assert aside["key_number"] == 7
    assert aside["reason"].startswith(why)
    assert shop.tools.spool is not None
    assert shop.tools.spool.names() == []


def test_a_column_that_is_joined_and_must_not_be_null_is_depersonalised(shop: Operator) -> None:
    """CREATE TABLE AS makes of it a column that may be NULL and still must be given."""
    before = shop.ids("people")
    shop.sql("ALTER TABLE people MODIFY iin VARCHAR(12) NOT NULL")
    assert shop.usual_night().state == "done"
    assert shop.ids("people", "iin NOT LIKE '9001%'") == before


def test_whom_another_session_has_locked_is_passed_over_and_the_rest_is_done(shop: Operator) -> None:
    with shop.tools.database.writing() as theirs:
        theirs.execute(sa.text("SELECT id FROM people WHERE id = 3 FOR UPDATE"))
        run = shop.usual_night()
    assert run.state == "done_with_failures"
    (aside,) = shop.ledger("quarantine", run_id=run.run_id)
    assert (aside["key_number"], aside["reason"]) == (3, LOCKED)
    assert shop.ids("people", "name <> ''") == [3]


def test_held_active_and_dateless_people_are_left_alone(shop: Operator) -> None:
    shop.sql(
        *people(20, seen_at=LATELY),
        *people(21, seen_at=None),
        *people(22, seen_at="0000-00-00 00:00:00"),
        "UPDATE people SET blocked_at = '2025-01-01' WHERE id = 2",
        "UPDATE people SET iin = '900100000020' WHERE id = 4",
    )
    shop.hold("person", "people", "5")
    run = shop.usual_night()
    assert run.state == "done"
    assert shop.ids("people", "name <> ''") == [2, 4, 5, 20, 21, 22]
    assert {q["key_number"] for q in shop.ledger("quarantine", run_id=run.run_id)} == {21, 22}


@pytest.mark.parametrize("server", ON_BOTH)
def test_kill_9_between_any_two_slices_and_the_same_command_again_loses_and_doubles_nothing(
    server: str, tmp_path: Path
) -> None:
    for shop in operator_on(server, tmp_path, policy=PEOPLE_POLICY):
        numbers = list(range(1, 401))
        shop.sql(*people(*numbers), *(f"INSERT INTO orders VALUES ({n}, {n}, 'x')" for n in numbers))
        shop.accustom()
        for entries in range(1, 4):
            _killed_after(shop, entries)
        assert shop.cli("run").returncode == 0
        found = shop.ledger("entry")
        assert (shop.ids("orders"), shop.ids("people", "name <> ''")) == ([], [])
        assert sum(_units(e["counts"]) for e in found) == len(numbers)
        assert len(shop.ledger("tombstone")) == len(numbers)
        assert shop.tools.store is not None
        kept = {str(p.relative_to(shop.tools.store.folder)) for p in shop.tools.store.folder.rglob("*.age")}
        assert kept == {e["segment"] for e in found}
        assert shop.cli("ledger", "verify").returncode == 0
        assert shop.cli("archive", "verify", "--identity", str(shop.identity_file)).returncode == 0


def _units(counts: str) -> int:
    return int(json.loads(counts)["units"])


def _killed_after(shop: Operator, entries: int) -> None:
    """A run that is killed once the ledger has so many entries, or the run has ended."""
    program = Path(sys.executable).with_name("merzim")
    command = [str(program), "--env-file", str(shop.env_file), "run"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len(shop.ledger("entry")) >= entries or process.poll() is not None)
        process.kill()
