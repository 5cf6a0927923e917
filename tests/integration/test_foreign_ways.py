"""Ways from rows to people and things that change by themselves: several paths, two people, cascades within a stage,
circles of deferred keys, views that can be written to, triggers that write elsewhere, values no column can hold."""

from pathlib import Path

import pytest

from tests.integration.foreign_support import NEW, OLD, PEOPLE, QUIET, people, refusal, rule, way_of
from tests.integration.small_operator import BOTH

pytestmark = QUIET
NAME = rule("nothing: [name]")
NAMED = people("name TEXT", "'aigerim'")


@pytest.mark.parametrize("dialect", BOTH)
def test_a_row_with_several_ways_to_people_waits_for_all_of_them(dialect: str, tmp_path: Path) -> None:
    """A note belongs to its author and to whom its order belongs: 1 and 2 are due, 3 stays."""
    schema = [
        *NAMED,
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id))",
        """CREATE TABLE notes (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id),
            author INTEGER REFERENCES people (id), witness INTEGER REFERENCES people (id))""",
        "INSERT INTO orders VALUES (1, 1), (2, 2), (3, 3)",
        "INSERT INTO notes VALUES (1, 1, 1, NULL), (2, 1, 2, 2), (3, 1, 1, 3), (4, 3, 1, NULL), (5, NULL, NULL, 2)",
    ]
    policy = PEOPLE + "      notes: delete\n      orders: delete\n" + NAME
    with way_of(dialect, tmp_path, schema, policy) as way:
        way.whole(
            "1",
            ("SELECT id FROM notes ORDER BY id", [(3,), (4,)]),
            ("SELECT id FROM orders ORDER BY id", [(1,), (3,)]),
        )


@pytest.mark.parametrize(("dialect", "action"), [(d, a) for d in BOTH for a in ("CASCADE", "SET NULL")])
def test_an_action_that_never_comes_to_act(dialect: str, action: str, tmp_path: Path) -> None:
    """The stage deletes both ends itself, children first, and counts and copies each row."""
    schema = [
        *NAMED,
        f"CREATE TABLE orders (id INTEGER PRIMARY KEY, who INTEGER REFERENCES people (id) ON DELETE {action})",
        f"CREATE TABLE lines (id INTEGER PRIMARY KEY, up INTEGER REFERENCES orders (id) ON DELETE {action})",
        "INSERT INTO orders VALUES (1, 1), (2, 2), (3, 3)",
        "INSERT INTO lines VALUES (1, 1), (2, 1), (3, 3)",
    ]
    policy = PEOPLE + "      people: delete\n      orders: delete\n      lines: delete\n"
    with way_of(dialect, tmp_path, schema, policy) as way:
        rows = [(f"SELECT id FROM {table}", [(3,)]) for table in ("people", "orders", "lines")]
        way.whole("3", *rows)


def test_a_circle_of_deferred_keys_of_which_one_is_emptied(tmp_path: Path) -> None:
    schema = [
        "CREATE TABLE people (id INT PRIMARY KEY, seen_at TIMESTAMP, card INT NOT NULL)",
        """CREATE TABLE cards (id INT PRIMARY KEY, spare INT REFERENCES cards DEFERRABLE INITIALLY DEFERRED,
            person_id INT REFERENCES people DEFERRABLE INITIALLY DEFERRED)""",
        "ALTER TABLE people ADD FOREIGN KEY (card) REFERENCES cards DEFERRABLE INITIALLY DEFERRED",
        f"INSERT INTO people VALUES (1, '{OLD}', 1), (2, '{OLD}', 2), (3, '{NEW}', 3)",
        "INSERT INTO cards VALUES (1, 2, 1), (2, 1, 2), (3, 3, 3), (4, 4, 1)",
    ]
    both = PEOPLE + "      people: delete\n      cards: delete\n"
    assert "refer to each other in a circle" in refusal("postgresql", tmp_path, schema, both)
    emptied = PEOPLE + "      people: delete\n" + rule("nothing: [person_id, spare]", "id", "cards")
    (tmp_path / "emptied").mkdir()
    with way_of("postgresql", tmp_path / "emptied", schema, emptied) as way:
        way.whole(
            "3",
            ("SELECT id FROM people", [(3,)]),
            ("SELECT * FROM cards ORDER BY id", [(1, None, None), (2, None, None), (3, 3, 3), (4, None, None)]),
        )


def test_a_view_that_can_be_written_to_is_no_table(tmp_path: Path) -> None:
    views = [
        "CREATE VIEW living AS SELECT id, name, seen_at FROM people WHERE id < 9 WITH CHECK OPTION",
        "CREATE VIEW all_names AS SELECT name, count(*) AS n FROM people GROUP BY name",
    ]
    said = refusal("postgresql", tmp_path, [*NAMED, *views], PEOPLE + NAME + "      living: delete\n")
    assert said.startswith("`living` is a view; merzim changes ordinary tables only")
    (tmp_path / "seen").mkdir()
    with way_of("postgresql", tmp_path / "seen", [*NAMED, *views], PEOPLE + NAME) as way:
        way.whole("1", ("SELECT name, n FROM all_names ORDER BY n", [("aigerim", 1), (None, 2)]))


LOG = """CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO log (row_id, was) VALUES (OLD.id, OLD.name); RETURN NEW; END $$"""


def test_a_trigger_that_writes_the_old_value_elsewhere(tmp_path: Path) -> None:
    """What it writes during our own change is treated after it, in the same transaction."""
    schema = [
        *NAMED,
        "CREATE TABLE log (id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, row_id INT, was TEXT)",
        "INSERT INTO log (row_id, was) VALUES (1, 'aigerim'), (3, 'aigerim')",
        LOG,
        "CREATE TRIGGER note AFTER UPDATE ON people FOR EACH ROW EXECUTE FUNCTION note()",
    ]
    links = "links: [{from: log.row_id, to: people.id}]\ntriggers: {note: {writes: log}}\n"
    body = NAME + "      log: {after: people, depersonalise: {keep: [id, row_id], nothing: [was]}}\n"
    with way_of("postgresql", tmp_path, schema, PEOPLE + body + links) as way:
        assert way.sentences() == []
        way.run()
        assert way.operator.rows("SELECT count(*), count(was) FROM log") == [(4, 1)]
        assert way.operator.rows("SELECT count(name) FROM people") == [(1,)]


def test_a_text_with_a_nul_is_refused_where_no_text_holds_one(tmp_path: Path) -> None:
    policy = PEOPLE + rule("'constant \"a\\u0000b\"': [name]")
    assert "`name`" in refusal("postgresql", tmp_path, NAMED, policy)


def test_a_text_with_a_nul_comes_back_on_sqlite(tmp_path: Path) -> None:
    schema = [*NAMED, "UPDATE people SET name = 'ab' || char(0) || 'c'"]
    with way_of("sqlite", tmp_path, schema, PEOPLE + NAME) as way:
        way.whole("1", ("SELECT count(name) FROM people", [(1,)]))


def test_types_that_merzim_does_not_know_are_emptied_and_come_back(tmp_path: Path) -> None:
    kinds = {
        "xml": "'<a>aigerim</a>'", "interval": "'3 mons 2 days'", "hstore": "'name=>aigerim'", "tsvector": "'aigerim'",
        "point": "'(1,2)'", "tsrange": "'[2020-01-01,2021-01-01)'", "int[]": "'{1,2}'", "numeric": "'NaN'",
        "bytea": "'\\x00ff'", "citext": "'Aigerim'", "macaddr": "'08:00:2b:01:02:03'", "jsonb": "'{\"a\": null}'",
    }  # fmt: skip
    columns = {f"c{i}": kind for i, kind in enumerate(kinds)}
    schema = [
        *(f"CREATE EXTENSION IF NOT EXISTS {name}" for name in ("hstore", "citext")),
        *people(", ".join(f"{name} {kind}" for name, kind in columns.items()), ", ".join(kinds.values())),
    ]
    policy = PEOPLE + rule(f"nothing: [{', '.join(columns)}]")
    counted = ", ".join(f"count({name})" for name in columns)
    with way_of("postgresql", tmp_path, schema, policy) as way:
        way.whole("1", (f"SELECT {counted} FROM people", [(1,) * len(columns)]))
