"""One bad subject is found by halving and set aside; what undoes everything stops the run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tests.integration.small_operator import BOTH, PEOPLE_POLICY, Operator, operator_on, people
from worker.databases.base import Database
from worker.pipeline import gathering, work
from worker.pipeline.attempt import Work
from worker.pipeline.verifying import Crossed

EVERYBODY = range(1, 13)
NAMED_TRIGGER = ("stages:\n", "triggers:\n  undo: {writes: people}\nstages:\n")


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on(request.param, tmp_path, policy=PEOPLE_POLICY):
        operator.sql(*people(*EVERYBODY), "INSERT INTO orders VALUES (1, 7, 'x'), (2, 8, 'y')")
        yield operator


def done(operator: Operator) -> list[int]:
    return operator.ids("people", "name = ''")


def refuse(operator: Operator, condition: str) -> None:
    """A constraint that refuses the replacement of the rows for which the condition holds."""
    check = f"CHECK (NOT ({condition}) OR name <> '')"
    if operator.dialect == "postgresql":
        operator.sql(f"ALTER TABLE people ADD CONSTRAINT poison {check}")
        return
    ddl = operator.one("SELECT sql FROM sqlite_master WHERE name = 'people'")
    operator.sql(
        "PRAGMA defer_foreign_keys = ON",
        "CREATE TABLE copy AS SELECT * FROM people",
        "DROP TABLE people",
        f"{ddl.rstrip()[:-1]}, {check})",
        "INSERT INTO people SELECT * FROM copy",
        "DROP TABLE copy",
        "CREATE INDEX people_iin ON people (iin)",
    )


def undo(operator: Operator, condition: str) -> None:
    """A trigger that takes back the change of the rows for which the condition holds."""
    operator.change_policy(NAMED_TRIGGER)
    if operator.dialect == "sqlite":
        back = "UPDATE people SET name = OLD.name WHERE id = OLD.id"
        operator.sql(f"CREATE TRIGGER undo AFTER UPDATE ON people WHEN {condition} BEGIN {back}; END")
        return
    operator.sql(
        "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := OLD.name; RETURN NEW; END $$",
        f"CREATE TRIGGER undo BEFORE UPDATE ON people FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION undo()",
    )


def swallow(operator: Operator) -> None:
    """A trigger that silently keeps order 1 when it is deleted."""
    operator.change_policy(("stages:\n", "triggers:\n  swallow: {writes: orders}\nstages:\n"))
    if operator.dialect == "sqlite":
        operator.sql(
            "CREATE TRIGGER swallow BEFORE DELETE ON orders WHEN OLD.id = 1 BEGIN SELECT RAISE(IGNORE); END",
        )
        return
    operator.sql(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER swallow BEFORE DELETE ON orders FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION swallow()",
    )


@pytest.mark.parametrize(
    ("poison", "why"),
    [
        (lambda shop: refuse(shop, "id = 7"), "failed: the database refused the change ("),
        (
            lambda shop: undo(shop, "NEW.id = 7"),
            "failed: Of 1 rows selected in people, 0 were depersonalised",
        ),
        (swallow, "failed: Of 1 rows selected in orders, 0 were deleted"),
    ],
    ids=["refused", "undone", "swallowed"],
)
def test_one_bad_subject_is_set_aside_with_its_reason_and_the_rest_is_done(
    shop: Operator, poison: object, why: str
) -> None:
    assert callable(poison)
    poison(shop)
    before = (
        shop.rows("SELECT * FROM people WHERE id = 7"),
        shop.rows("SELECT * FROM orders WHERE person_id = 7"),
    )
    run = shop.usual_night()
    assert (run.state, run.reason) == (
        "done_with_failures",
        "1 subjects could not be changed and were set aside; see the report.",
    )
    assert done(shop) == [n for n in EVERYBODY if n != 7]
    assert shop.rows("SELECT * FROM people WHERE id = 7") == before[0]
    assert shop.rows("SELECT * FROM orders") == before[1]
    (aside,) = shop.ledger("quarantine", run_id=run.run_id)
    assert (aside["stage"], aside["table_name"], aside["key_number"]) == ("profile", "people", 7)
    assert aside["reason"].startswith(why)
    assert "Name 7" not in aside["reason"]
    assert shop.tools.spool is not None
    assert shop.tools.spool.names() == []  # the segments of what was rolled back are swept away
    assert 7 not in [stone["key_number"] for stone in shop.ledger("tombstone")]


def test_who_took_too_long_is_tried_once_more_in_the_same_run(tmp_path: Path) -> None:
    """The server may have had much else to do. A purge has no next night."""
    for shop in operator_on("postgresql", tmp_path, policy=PEOPLE_POLICY):
        shop.change_policy(NAMED_TRIGGER)
        shop.sql(
            *people(7),
            "CREATE SEQUENCE tries",
            "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF nextval('tries') = 1 THEN RAISE EXCEPTION USING ERRCODE = '57014'; END IF; RETURN NEW; END $$",
            "CREATE TRIGGER undo BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION undo()",
        )
        assert shop.usual_night().state == "done"
        assert done(shop) == [7]


def _refused_at_commit(database: Database, columns: dict[str, "sa.Column[int]"]) -> None:
    with database.writing() as connection:
        database.temporary(connection, "merzim_here", columns)
        connection.exec_driver_sql("INSERT INTO late VALUES (1, 2)")


def test_what_a_transaction_made_that_is_refused_at_commit_is_made_anew(tmp_path: Path) -> None:
    """PostgreSQL asks deferred constraints at COMMIT. The session's temporary tables go then as with any rollback: the
    next slice of this session is not to count on them."""
    for shop in operator_on("postgresql", tmp_path, policy=PEOPLE_POLICY):
        shop.sql("CREATE TABLE late (id INT PRIMARY KEY, up INT REFERENCES late DEFERRABLE INITIALLY DEFERRED)")
        database = shop.tools.database
        columns = {"id": sa.Column("id", sa.Integer)}
        sa.Table("people", sa.MetaData(), columns["id"])
        with pytest.raises(IntegrityError):
            _refused_at_commit(database, columns)
        with database.writing() as connection:
            table = database.temporary(connection, "merzim_here", columns)
            assert connection.execute(table.select()).all() == []


def test_whoever_was_set_aside_is_tried_again_and_goes_once_it_can(shop: Operator) -> None:
    undo(shop, "NEW.id = 7")
    shop.usual_night()
    assert shop.night().state == "done_with_failures"
    shop.sql("DROP TRIGGER undo" + (" ON people" if shop.dialect == "postgresql" else ""))
    shop.change_policy((NAMED_TRIGGER[1], NAMED_TRIGGER[0]))
    assert shop.usual_night().state == "done"
    assert (done(shop), shop.ids("orders")) == (list(EVERYBODY), [])


def test_the_program_says_so_with_exit_code_1(tmp_path: Path) -> None:
    for shop in operator_on("sqlite", tmp_path, policy=PEOPLE_POLICY):
        shop.sql(*people(*EVERYBODY))
        undo(shop, "NEW.id = 7")
        shop.accustom()
        assert shop.cli("run", "--now", "2026-07-01T01:00:00+00:00", "--json").returncode == 1


def test_what_undoes_everything_stops_the_run_with_nothing_changed(
    shop: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BAD_LIMIT", 5)
    undo(shop, "1 = 1")
    before = shop.contents()
    run = shop.usual_night()
    assert run.state == "failed"
    assert "6 subjects failed one after another" in str(run.reason)
    assert shop.contents() == before
    assert [shop.ledger("entry"), shop.ledger("tombstone")] == [[], []]


def test_many_bad_ones_among_good_ones_do_not_stop_the_run(shop: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "BAD_LIMIT", 2)
    undo(shop, "NEW.id % 3 = 0")
    run = shop.usual_night()
    assert run.state == "done_with_failures"
    assert done(shop) == [n for n in EVERYBODY if n % 3]


def test_a_text_that_is_not_utf_8_sets_its_subject_aside_where_python_must_read_it(tmp_path: Path) -> None:
    for lite in operator_on("sqlite", tmp_path, policy=PEOPLE_POLICY):
        lite.sql(*people(1, 2, 3), "UPDATE people SET note = CAST(x'ff41' AS TEXT) WHERE id = 2")
        lite.change_policy(("          nothing: [note]", "          redact: [note]"))
        run = lite.usual_night()
        assert (run.state, done(lite)) == ("done_with_failures", [1, 3])
        assert "not UTF-8" in lite.ledger("quarantine")[0]["reason"]


def test_who_is_crossed_again_and_again_is_set_aside(shop: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody whose rows never hold still keeps nobody else from being done."""

    def crossed(connection: sa.Connection, database: Database, busy: Work, rules: object) -> None:
        if (7,) in busy.claim.units:
            raise Crossed("somebody is at it")

    monkeypatch.setattr(gathering, "check_still_so", crossed)
    assert shop.usual_night().state == "done_with_failures"
    assert done(shop) == [n for n in EVERYBODY if n != 7]
    ((key, reason),) = [(q["key_number"], q["reason"]) for q in shop.ledger("quarantine")]
    assert (key, reason) == (7, "failed: somebody is at it")
