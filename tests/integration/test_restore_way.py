"""The way back: what one segment holds goes where it was, is held, and goes again by itself once it is released."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.small_operator import (
    EACH,
    LATELY,
    PEOPLE_POLICY,
    Operator,
    operator_on,
    people,
    person,
)
from worker.archive.errors import ArchiveError
from worker.archive.keys import make_identity
from worker.archive.reading import read_segment
from worker.pipeline.restoring import TableRestored, restore_segment
from worker.pipeline.tools import Broken, Refused

OLD = "2020-01-01 00:00:00"


def fill(operator: Operator) -> Operator:
    operator.sql(
        *people(1, 2, 3),
        person(9, LATELY),
        "INSERT INTO orders VALUES (1, 1, 'first'), (2, 2, 'second'), (3, 9, 'stays')",
        "INSERT INTO lines VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 3, 'stays')",
        f"INSERT INTO payments VALUES (1, NULL, '900100000003', 'for', '{OLD}')",
        f"INSERT INTO letters VALUES (1, 'who@mail.kz', '{OLD}')",
    )
    return operator


@pytest.fixture(params=EACH)
def whole_shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from map(fill, operator_on(request.param, tmp_path))


@pytest.fixture(params=EACH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from map(fill, operator_on(request.param, tmp_path, policy=PEOPLE_POLICY))


def table_of(tables: tuple[TableRestored, ...], name: str) -> tuple[int, int, int, int]:
    (one,) = [t for t in tables if t.table == name]
    return one.inserted, one.put_back, one.there_already, one.changed_since


def test_a_night_is_undone_newest_segment_first(whole_shop: Operator) -> None:
    before = whole_shop.contents()
    run = whole_shop.usual_night()
    after = whole_shop.contents()
    assert after != before
    assert len(whole_shop.ledger("tombstone")) == 4

    for segment in reversed(whole_shop.segments(run.run_id)):
        changed = whole_shop.contents()
        dry = whole_shop.restore(segment, dry_run=True)
        assert (dry.done, whole_shop.contents()) == (False, changed)
        done = whole_shop.restore(segment)
        assert (done.tables, done.holds) == (dry.tables, dry.holds)
        assert all(t.changed_since == 0 for t in done.tables)

    assert whole_shop.contents() == before
    assert whole_shop.ledger("tombstone") == []
    holds = {(h["scope"], h["table_name"], h["key_number"]) for h in whole_shop.ledger("hold")}
    assert holds == {
        ("person", "people", 1),
        ("person", "people", 2),
        ("person", "people", 3),
        ("row", "payments", 1),
        ("row", "letters", 1),
    }
    assert whole_shop.cli("ledger", "verify").returncode == 0


def test_what_was_restored_is_held_and_goes_again_by_itself_once_it_is_released(whole_shop: Operator) -> None:
    before = whole_shop.contents()
    run = whole_shop.usual_night()
    for segment in reversed(whole_shop.segments(run.run_id)):
        whole_shop.restore(segment)
    assert whole_shop.night().state == "done"
    assert whole_shop.contents() == before

    whole_shop.release()
    assert [len(stage.due) for stage in whole_shop.plan().stages] == [3, 1, 1]
    assert whole_shop.night().state == "done"
    assert (whole_shop.ids("orders"), whole_shop.ids("lines"), whole_shop.ids("letters")) == ([3], [3], [])
    assert whole_shop.ids("people", "name = ''") == [1, 2, 3]
    assert whole_shop.ids("payments", "purpose IS NULL AND payer_iin <> '900100000003'") == [1]


def test_a_dry_run_writes_nothing_to_the_ledger(shop: Operator) -> None:
    run = shop.usual_night()
    tables = ("run", "entry", "tombstone", "hold", "batch", "seal")
    before = {name: shop.ledger(name) for name in tables}
    shop.restore(shop.segments(run.run_id)[0], dry_run=True)
    assert {name: shop.ledger(name) for name in tables} == before


def test_restoring_twice_changes_nothing_and_holds_nobody_twice(whole_shop: Operator) -> None:
    run = whole_shop.usual_night()
    for segment in reversed(whole_shop.segments(run.run_id)):
        whole_shop.restore(segment)
    before, holds = whole_shop.contents(), whole_shop.ledger("hold")
    for segment in whole_shop.segments(run.run_id):
        again = whole_shop.restore(segment)
        assert all(t.inserted == t.put_back == 0 for t in again.tables)
        assert again.holds == 0
    assert (whole_shop.contents(), whole_shop.ledger("hold")) == (before, holds)


def test_rows_changed_since_are_left_alone_and_counted(shop: Operator) -> None:
    run = shop.usual_night()
    segment = shop.segments(run.run_id)[0]
    shop.sql(
        "UPDATE people SET name = 'Somebody new' WHERE id = 1",
        f"UPDATE people SET seen_at = '{LATELY}' WHERE id = 2",
        "INSERT INTO orders VALUES (1, 9, 'another order under an old number')",
    )
    before = (
        shop.rows("SELECT * FROM people WHERE id IN (1, 2) ORDER BY id"),
        shop.rows("SELECT * FROM orders"),
    )
    said = shop.cli("archive", "restore", segment, "--identity", str(shop.identity_file), "--apply")
    assert (said.returncode, said.stderr) == (1, "")
    assert shop.rows("SELECT * FROM people WHERE id IN (1, 2) ORDER BY id") == before[0]
    assert shop.rows("SELECT * FROM orders WHERE id IN (1, 3)") == [r for r in before[1] if r[0] in (1, 3)]
    assert (shop.ids("orders"), shop.ids("people", "name = 'Name 3'")) == ([1, 2, 3], [3])

    again = shop.restore(segment).tables
    assert table_of(again, "people") == (0, 0, 1, 2)
    assert table_of(again, "orders") == (0, 0, 1, 1)
    assert table_of(again, "lines") == (0, 0, 2, 0)


def test_every_difference_of_the_schema_is_told_at_once(shop: Operator) -> None:
    run = shop.usual_night()
    shop.sql(
        "DROP TABLE lines",
        "ALTER TABLE orders RENAME COLUMN what TO contents",
        "ALTER TABLE people ADD COLUMN sort INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE people DROP COLUMN note",
        "ALTER TABLE people ADD COLUMN note VARCHAR(9)",
    )
    before = shop.contents()
    with pytest.raises(Refused) as refused:
        shop.restore(shop.segments(run.run_id)[0])
    said = str(refused.value)
    assert "The table lines is gone." in said
    assert "The column orders.what is gone." in said
    assert "The column people.note was " in said
    assert "people.sort" not in said  # it has a default
    assert shop.contents() == before


def test_a_unique_value_that_is_taken_refuses_the_whole_segment(shop: Operator) -> None:
    run = shop.usual_night()
    shop.sql(person(20, LATELY), "UPDATE people SET email = 'p2@mail.kz' WHERE id = 20")
    before = shop.contents()
    with pytest.raises(Refused, match="nothing was restored") as refused:
        shop.restore(shop.segments(run.run_id)[0])
    assert "p2@" not in str(refused.value)
    assert (shop.contents(), shop.ledger("hold")) == (before, [])


def test_a_parent_that_is_gone_comes_back_with_its_children(shop: Operator) -> None:
    run = shop.usual_night()
    shop.sql("DELETE FROM people WHERE id = 1")
    done = shop.restore(shop.segments(run.run_id)[0])
    assert table_of(done.tables, "people") == (1, 2, 0, 0)
    assert shop.ids("orders") == [1, 2, 3]


def test_a_parent_that_is_in_no_segment_and_gone_refuses_the_whole_segment(shop: Operator) -> None:
    shop.change_policy(
        (
            "      people:\n        depersonalise:",
            "      people:\n        where: id > 1\n        depersonalise:",
        )
    )
    run = shop.usual_night()
    shop.sql("DELETE FROM people WHERE id = 1")
    with pytest.raises(Refused, match="refer to is gone"):
        shop.restore(shop.segments(run.run_id)[0])
    assert shop.ids("orders") == [3]


def test_a_trigger_that_changes_what_is_put_back_refuses_the_whole_segment(shop: Operator) -> None:
    run = shop.usual_night()
    if shop.dialect == "sqlite":
        shop.sql("CREATE TRIGGER t AFTER INSERT ON orders BEGIN UPDATE orders SET what = 'x' WHERE id = NEW.id; END")
    elif shop.dialect == "mysql":
        shop.sql("CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET NEW.what = 'x'")
    else:
        shop.sql(
            "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.what := 'x'; RETURN NEW; END $$",
            "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION meddle()",
        )
    before = shop.contents()
    with pytest.raises(Refused, match="The trigger t of orders would fire"):
        shop.restore(shop.segments(run.run_id)[0])
    shop.change_policy(("stages:", "triggers: {t: {writes: [orders]}}\nstages:"))
    with pytest.raises(Broken, match="Of 2 rows put back into orders, 0 are as the segment has them"):
        shop.restore(shop.segments(run.run_id)[0])
    assert shop.contents() == before


def test_a_segment_that_cannot_be_opened_or_is_not_known_restores_nothing(shop: Operator) -> None:
    run = shop.usual_night()
    segment = shop.segments(run.run_id)[0]
    before = shop.contents()
    with pytest.raises(ArchiveError):
        restore_segment(shop.tools, segment, [make_identity().identity], "an admin", dry_run=False)
    with pytest.raises(Refused, match="no entry"):
        shop.restore(segment.replace(segment[-12:-8], "0000"))
    assert shop.tools.store is not None
    path = shop.tools.store.folder / segment
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArchiveError, match="not the file that was sealed"):
        shop.restore(segment)
    assert (shop.contents(), shop.ledger("hold")) == (before, [])


def test_a_segment_that_still_waits_in_the_spool_is_restored_from_there(shop: Operator) -> None:
    before = shop.contents()["orders"]
    run = shop.usual_night()
    segment = shop.segments(run.run_id)[0]
    assert shop.tools.store is not None
    assert shop.tools.spool is not None
    waiting = shop.tools.spool.path(segment)
    waiting.parent.mkdir(parents=True, exist_ok=True)
    (shop.tools.store.folder / segment).rename(waiting)
    shop.restore(segment)
    assert shop.contents()["orders"] == before


def test_children_leave_before_parents_and_the_header_says_whose_rows_they_are(shop: Operator) -> None:
    run = shop.usual_night()
    assert shop.tools.store is not None
    with (
        shop.tools.store.open(shop.segments(run.run_id)[0]) as stream,
        read_segment(stream, [shop.identity_file.read_text().splitlines()[-1]]) as segment,
    ):
        found = [(h.table, h.operation, len(list(rows))) for h, rows in segment.sections()]
        units = segment.header["units"]
    assert found == [
        ("lines", "delete", 2),
        ("orders", "delete", 2),
        ("people", "depersonalise", 3),
    ]
    assert units == [[1], [2], [3]]


def test_case_alone_is_a_change_whatever_the_collation(tmp_path: Path) -> None:
    for lite in operator_on("sqlite", tmp_path, policy=PEOPLE_POLICY):
        lite.sql(
            "ALTER TABLE people ADD COLUMN nick TEXT COLLATE NOCASE",
            *people(1, 2),
            "UPDATE people SET nick = 'a'",
        )
        lite.change_policy(("keep: [id, ", "keep: [id, nick, "))
        run = lite.usual_night()
        lite.sql("UPDATE people SET nick = 'A' WHERE id = 1")
        done = lite.restore(lite.segments(run.run_id)[0])
        assert table_of(done.tables, "people") == (0, 1, 0, 1)
        assert lite.rows("SELECT nick, name FROM people ORDER BY id") == [("A", ""), ("a", "Name 2")]
