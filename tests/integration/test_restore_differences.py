"""What changed since a copy was made: bridged where nothing can be lost, else named, all of it and without a value."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.small_operator import (
    BOTH,
    HEAD,
    LATELY,
    PROFILE,
    Operator,
    ignoring,
    operator_on,
    people,
    person,
)
from worker.pipeline.tools import Refused

POLICY = HEAD + PROFILE + ignoring("scans", "payments", "letters", "journal")
SECRET = "nobody may read this"
MOODS = (
    "CREATE TYPE mood AS ENUM ('glad', 'sad')",
    "CREATE DOMAIN plate AS varchar(8)",
    "ALTER TABLE orders ADD COLUMN mood mood",
    "ALTER TABLE orders ADD COLUMN plate plate",
    "ALTER TABLE orders ADD COLUMN size integer",
    "ALTER TABLE orders ADD COLUMN price numeric(8, 2)",
    "ALTER TABLE orders ADD COLUMN code varchar(20)",
    "ALTER TABLE orders ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY",
)
ORDERS = (
    "INSERT INTO orders (id, person_id, what, mood, plate, size, price, code) VALUES "
    f"(1, 1, '{SECRET}', 'glad', 'A', 7, 1.50, 'x'), (2, 2, NULL, 'sad', 'B', NULL, NULL, NULL)"
)


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on("postgresql", tmp_path, policy=POLICY):
        operator.sql(*MOODS, *people(1, 2), ORDERS)
        yield operator


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on(request.param, tmp_path, policy=POLICY):
        operator.sql(*people(1, 2), f"INSERT INTO orders VALUES (1, 1, '{SECRET}'), (2, 2, 'second')")
        yield operator


def copy_of(operator: Operator) -> str:
    """A night's only copy."""
    (segment,) = operator.segments(operator.usual_night().run_id)
    return segment


def refusal(operator: Operator, segment: str) -> str:
    """Why nothing of it comes back, without a value."""
    before = operator.contents()
    with pytest.raises(Refused) as refused:
        operator.restore(segment)
    assert operator.contents() == before
    assert SECRET not in str(refused.value)
    return str(refused.value)


def test_what_became_wider_or_was_added_is_no_hindrance(postgresql: Operator) -> None:
    at = postgresql.rows("SELECT last_value, is_called FROM orders_number_seq")
    before = postgresql.rows("SELECT id, person_id, what, mood, plate, size, price, code, number FROM orders")
    segment = copy_of(postgresql)
    postgresql.sql(
        "ALTER TABLE orders ALTER COLUMN size TYPE bigint",
        "ALTER TABLE orders ALTER COLUMN price TYPE numeric(12, 2)",
        "ALTER TABLE orders ALTER COLUMN code TYPE text",
        "ALTER TABLE orders ADD COLUMN added text",
        "ALTER TABLE orders ADD COLUMN since text NOT NULL DEFAULT 'new'",
        "ALTER TABLE orders ADD COLUMN twice bigint GENERATED ALWAYS AS (size * 2) STORED",
        "ALTER TYPE mood ADD VALUE 'calm'",
    )
    postgresql.tools.database.engine.dispose()
    postgresql.restore(segment)
    names = "id, person_id, what, mood, plate, size, price, code, number"
    assert postgresql.rows(f"SELECT {names} FROM orders ORDER BY id") == before
    assert postgresql.rows("SELECT added, since, twice FROM orders ORDER BY id") == [
        (None, "new", 14),
        (None, "new", None),
    ]
    assert postgresql.rows("SELECT last_value, is_called FROM orders_number_seq") == at


def test_values_that_a_type_lost_are_told_with_everything_else(postgresql: Operator) -> None:
    segment = copy_of(postgresql)
    postgresql.sql(
        "ALTER TYPE mood RENAME TO old_mood",
        "CREATE TYPE mood AS ENUM ('glad', 'calm')",
        "ALTER TABLE orders DROP COLUMN mood",
        "ALTER TABLE orders ADD COLUMN mood mood",
        "ALTER DOMAIN plate ADD CONSTRAINT plain CHECK (VALUE = 'A')",
        "ALTER TABLE orders ALTER COLUMN size TYPE smallint",
        "ALTER TABLE lines DROP CONSTRAINT lines_order_id_fkey",
        "ALTER TABLE orders DROP CONSTRAINT orders_pkey",
        "ALTER TABLE orders ADD PRIMARY KEY (number)",
        "ALTER TABLE orders ADD COLUMN needed text NOT NULL",
    )
    postgresql.tools.database.engine.dispose()
    said = refusal(postgresql, segment)
    assert "The column orders.mood does not take one of the values any more" in said
    assert "The column orders.plate does not take one of the values any more" in said
    assert "plain" in said
    assert "The column orders.size was integer and is smallint." in said
    assert "The key of orders was id and is number." in said
    assert "The column orders.needed is new and must have a value." in said
    assert len(said.splitlines()) == 6


def test_people_who_bear_other_keys_are_told(postgresql: Operator) -> None:
    segment = copy_of(postgresql)
    postgresql.sql(
        "ALTER TABLE orders DROP CONSTRAINT orders_person_id_fkey",
        "ALTER TABLE scans DROP CONSTRAINT scans_person_id_fkey",
        "ALTER TABLE payments DROP CONSTRAINT payments_person_id_fkey",
        "ALTER TABLE people DROP CONSTRAINT people_pkey",
        "ALTER TABLE people ADD PRIMARY KEY (id, iin)",
    )
    postgresql.tools.database.engine.dispose()
    said = refusal(postgresql, segment)
    assert "The key of people was id and is id, iin." in said
    assert "The key of people is another than when the copy was made." in said


def test_a_condition_that_forbids_the_rows_is_named(postgresql: Operator) -> None:
    segment = copy_of(postgresql)
    postgresql.sql("ALTER TABLE orders ADD CONSTRAINT short CHECK (length(what) < 5)")
    assert "(CheckViolation, orders, short)" in refusal(postgresql, segment)
    postgresql.sql("ALTER TABLE orders DROP CONSTRAINT short", "ALTER TABLE orders ALTER COLUMN what SET NOT NULL")
    assert "(NotNullViolation, orders, what)" in refusal(postgresql, segment)


def test_a_unique_value_that_is_taken_is_named_by_its_constraint(shop: Operator) -> None:
    segment = copy_of(shop)
    shop.sql(person(20, LATELY), "UPDATE people SET email = 'p2@mail.kz' WHERE id = 20")
    said = refusal(shop, segment)
    assert ("people_email_key" if shop.dialect == "postgresql" else "people.email") in said


def journal(shop: Operator) -> None:
    """A trigger that writes down what comes in."""
    shop.sql("CREATE TABLE journal (id INTEGER PRIMARY KEY, order_id INTEGER)")
    if shop.dialect == "sqlite":
        shop.sql("CREATE TRIGGER note AFTER INSERT ON orders BEGIN INSERT INTO journal VALUES (NEW.id, NEW.id); END")
    else:
        shop.sql(
            """CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO journal VALUES (NEW.id, NEW.id); RETURN NULL; END $$""",
            "CREATE TRIGGER note AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note()",
        )


def test_a_trigger_writes_only_where_the_policy_says(shop: Operator) -> None:
    segment = copy_of(shop)
    journal(shop)
    assert "The trigger note of orders would fire" in refusal(shop, segment)
    shop.change_policy(("stages:", "triggers: {note: {writes: [orders]}}\nstages:"))
    if shop.dialect == "postgresql":  # SQLite only says how many rows were written
        assert "(note) wrote to journal" in refusal(shop, segment)
    shop.change_policy(("writes: [orders]", "writes: [journal]"))
    dry = shop.restore(segment, dry_run=True)
    assert (dry.written, shop.ids("journal")) == ({"journal": 2}, [])
    assert shop.restore(segment).written == {"journal": 2}
    assert (shop.ids("orders"), shop.ids("journal")) == ([1, 2], [1, 2])


@pytest.mark.parametrize("dialect", BOTH)
def test_rows_that_refer_to_each_other_come_back(dialect: str, tmp_path: Path) -> None:
    schema = (
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, seen_at TIMESTAMP)",
        """CREATE TABLE pages (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id),
            up INTEGER REFERENCES pages (id), next INTEGER REFERENCES pages (id) DEFERRABLE INITIALLY DEFERRED)""",
        "CREATE INDEX pages_person ON pages (person_id)",
        "CREATE INDEX pages_up ON pages (up)",
        "CREATE INDEX pages_next ON pages (next)",
    )
    policy = """\
policy: pages
operator: A shop
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id}
clock: [people.seen_at]
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      pages: delete
      people: delete
"""
    for operator in operator_on(dialect, tmp_path, schema, policy):
        operator.sql(
            "INSERT INTO people VALUES (1, 'Name', '2020-01-01 10:00:00')",
            "INSERT INTO pages VALUES (1, 1, NULL, 3), (2, 1, 1, 1), (3, 1, 2, 2)",
        )
        before = operator.contents()
        segment = copy_of(operator)
        assert operator.ids("people") == []
        operator.restore(segment)
        assert operator.contents() == before
