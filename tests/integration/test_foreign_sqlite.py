"""SQLite: columns without a type, keys that hold anything, tables without rowid, STRICT tables, dates as texts, seconds
and Julian days, names in other letters."""

import sqlite3
from pathlib import Path

import pytest

from tests.integration.foreign_support import HEAD, NEW, OLD, PEOPLE, STAGE, refusal, rule, way_of

NAME = rule("nothing: [name]")


def table(columns: str, *rows: str) -> list[str]:
    """A table of people."""
    return [f"CREATE TABLE people ({columns})", *(f"INSERT INTO people VALUES ({row})" for row in rows)]


def test_columns_without_a_type(tmp_path: Path) -> None:
    rows = (f"1, 'aigerim', '{OLD}'", f"2, 'kept', '{NEW}'", "3, 5, 1557050400", "4, x'00', 2458608.9", "5, 'a', NULL")
    with way_of("sqlite", tmp_path, table("id INTEGER PRIMARY KEY, name, seen_at", *rows), PEOPLE + NAME) as way:
        way.whole("1", ("SELECT id FROM people WHERE name IS NULL", [(1,)]))
        assert {row["key_number"] for row in way.operator.ledger("quarantine")} == {3, 4, 5}


KEYS = [
    ("id PRIMARY KEY, name, seen_at", "1", "its key column `id` is of type (none), which cannot be written down"),
    ("id, name, seen_at", "1", "table `people` has no key; give it a primary key"),
    ("id TEXT PRIMARY KEY, name, seen_at", "NULL", "`people` has a row whose key is NULL, of another type"),
    ("id TEXT PRIMARY KEY, name, seen_at", "x'41'", "`people` has a row whose key is NULL, of another type"),
    ("id INT PRIMARY KEY, name, seen_at", "'abc'", "`people` has a row whose key is NULL, of another type"),
    ("id INT PRIMARY KEY, name, seen_at", "1.5", "`people` has a row whose key is NULL, of another type"),
    ("id DATE PRIMARY KEY, name, seen_at", "'05.05.2020'", "`people` has a row whose key is NULL, of another type"),
]


@pytest.mark.parametrize(("columns", "key", "says"), KEYS)
def test_keys_that_could_not_be_named_are_refused(columns: str, key: str, says: str, tmp_path: Path) -> None:
    assert says in refusal("sqlite", tmp_path, table(columns, f"{key}, 'aigerim', '{OLD}'"), PEOPLE + NAME)


@pytest.mark.parametrize(
    ("columns", "due", "kept", "named"),
    [
        ("id TEXT COLLATE NOCASE PRIMARY KEY", "'Ab'", "'zz'", "Ab"),
        ("id VARCHAR(9) PRIMARY KEY NOT NULL", "'None'", "'zz'", "None"),
        ("id DATE PRIMARY KEY", "'2020-01-01'", "'2021-01-01'", "2020-01-01"),
        ("id DATETIME PRIMARY KEY", "'2020-01-01 10:00:00'", "'2021-01-01 10:00:00'", "2020-01-01 10:00:00"),
        ("id BIGINT UNSIGNED PRIMARY KEY", "9223372036854775807", "2", "9223372036854775807"),
    ],
)
def test_keys_that_can_be_named(columns: str, due: str, kept: str, named: str, tmp_path: Path) -> None:
    schema = table(f"{columns}, name TEXT, seen_at TEXT", f"{due}, 'aigerim', '{OLD}'", f"{kept}, 'kept', '{NEW}'")
    with way_of("sqlite", tmp_path, schema, PEOPLE + NAME) as way:
        way.whole(named, ("SELECT name FROM people ORDER BY seen_at", [(None,), ("kept",)]))


def test_tables_without_rowid_and_with_a_key_of_two_columns(tmp_path: Path) -> None:
    columns = "id TEXT, t INT, name TEXT, seen_at TEXT, PRIMARY KEY (id, t)) WITHOUT ROWID--"
    schema = [
        f"CREATE TABLE people ({columns}",
        f"INSERT INTO people VALUES ('a', 1, 'aigerim', '{OLD}'), ('a', 2, 'kept', '{NEW}')",
    ]
    policy = HEAD + "subject: {table: people, key: [id, t]}\nclock: [people.seen_at]\n" + STAGE
    with way_of("sqlite", tmp_path, schema, policy + rule("nothing: [name]", "id, t, seen_at")) as way:
        way.whole("a,1", ("SELECT t, name FROM people ORDER BY t", [(1, None), (2, "kept")]))


def test_strict_tables(tmp_path: Path) -> None:
    schema = [
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, n INT, b BLOB, x ANY, r REAL, seen_at TEXT) STRICT",
        f"INSERT INTO people VALUES (1, 'aigerim', 1, x'00', 'x', 1.5, '{OLD}')",
        f"INSERT INTO people VALUES (2, 'kept', 2, x'01', 1.5, 1, '{NEW}')",
    ]
    policy = PEOPLE + rule('constant "-": [name], constant "0": [n, r], nothing: [b, x]')
    with way_of("sqlite", tmp_path, schema, policy) as way:
        way.whole(
            "1",
            ("SELECT name, n, b, x, r FROM people", [("-", 0, None, None, 0.0), ("kept", 2, b"\x01", 1.5, 1.0)]),
        )


@pytest.mark.parametrize(("kind", "seen"), [("INTEGER", "1557050400"), ("REAL", "2458608.9")])
def test_seconds_and_julian_days(kind: str, seen: str, tmp_path: Path) -> None:
    """They are refused with the way out, and the way out is right."""
    said = refusal("sqlite", tmp_path, table(f"id INTEGER PRIMARY KEY, name TEXT, seen_at {kind}"), PEOPLE + NAME)
    assert f"`people.seen_at` is of type {kind}; merzim reads moments as texts on SQLite" in said
    how = "datetime(seen, 'unixepoch')" if kind == "INTEGER" else "datetime(seen)"
    columns = f"id INTEGER PRIMARY KEY, name TEXT, seen {kind}, seen_at TEXT AS ({how})"
    recent = "1777975200" if kind == "INTEGER" else "2461165.9"
    schema = [
        f"CREATE TABLE people ({columns})",
        f"INSERT INTO people (id, name, seen) VALUES (1, 'aigerim', {seen}), (2, 'kept', {recent}), (3, 'odd', NULL)",
    ]
    (tmp_path / "text").mkdir()
    with way_of("sqlite", tmp_path / "text", schema, PEOPLE + rule("nothing: [name]", "id, seen, seen_at")) as way:
        way.whole("1", ("SELECT id, name FROM people", [(1, None), (2, "kept"), (3, "odd")]))


def test_what_is_no_date_is_quarantined(tmp_path: Path) -> None:
    rows = [
        f"1, 'aigerim', '{OLD}'",
        "2, 'a', '2019-05-05T10:00:00.123456'",
        "3, 'a', '2019-05-05'",
        "4, 'odd', 1557050400",
        "5, 'odd', '2019-05-05T10:00:00+05:00'",
        "6, 'odd', '20190505'",
        "7, 'odd', '05.05.2019'",
        "8, 'odd', 2458608.9",
        "9, 'odd', ''",
    ]
    schema = table("id INTEGER PRIMARY KEY, name TEXT, seen_at DATETIME", *rows)
    with way_of("sqlite", tmp_path, schema, PEOPLE + NAME) as way:
        way.run()
        assert way.operator.ids("people", "name IS NULL") == [1, 2, 3]
        assert {row["key_number"] for row in way.operator.ledger("quarantine")} == {4, 5, 6, 7, 8, 9}


def test_names_in_other_letters_mean_the_same(tmp_path: Path) -> None:
    schema = [
        *table("id INTEGER PRIMARY KEY, name TEXT, seen_at TEXT", f"1, 'aigerim', '{OLD}'", f"2, 'kept', '{NEW}'"),
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, who INTEGER, FOREIGN KEY (WHO) REFERENCES People (ID))",
        "INSERT INTO notes VALUES (1, 1), (2, 2)",
    ]
    policy = PEOPLE + "      notes: delete\n" + NAME
    with way_of("sqlite", tmp_path, schema, policy) as way:
        way.whole("1", ("SELECT id FROM notes", [(2,)]))
        assert not [said for said in way.printed.values() if "Warning" in said]


def test_a_trigger_on_a_table_in_other_letters(tmp_path: Path) -> None:
    schema = [
        *table("id INTEGER PRIMARY KEY, name TEXT, seen_at TEXT", f"1, 'aigerim', '{OLD}'"),
        """CREATE TRIGGER undo AFTER UPDATE ON PEOPLE BEGIN
            UPDATE people SET name = OLD.name WHERE id = OLD.id; END""",
    ]
    with way_of("sqlite", tmp_path, schema, PEOPLE + NAME) as way:
        (sentence,) = way.sentences()
        assert "table `people` has the trigger `undo`, which `triggers` does not mention" in sentence
    (tmp_path / "named").mkdir()
    named = PEOPLE + NAME + "triggers: {undo: {writes: people}}\n"
    with way_of("sqlite", tmp_path / "named", schema, named) as way:
        way.run(code=1)
        assert way.operator.rows("SELECT name FROM people") == [("aigerim",)]
        assert "0 were depersonalised" in way.operator.ledger("quarantine")[0]["reason"]


def test_json_is_a_word_only(tmp_path: Path) -> None:
    rows = (
        f"1, 'ИИН 991231490611', '{OLD}'",
        f"""2, '{{"iin":"991231490611"}}', '{OLD}'""",
        f"3, NULL, '{OLD}'",
        f"""4, '{{"a":  1}}', '{OLD}'""",
    )
    schema = table("id INTEGER PRIMARY KEY, name JSON, seen_at TEXT", *rows)
    after = [("ИИН [IIN]",), ('{"iin":"[IIN]"}',), (None,), ('{"a":  1}',)]
    with way_of("sqlite", tmp_path, schema, PEOPLE + rule("redact: [name]")) as way:
        way.whole("1", ("SELECT name FROM people ORDER BY id", after))


def test_values_that_do_not_fit_their_columns(tmp_path: Path) -> None:
    columns = "id INTEGER PRIMARY KEY, name TEXT, b BOOLEAN, n DECIMAL(5, 2), d DATE, seen_at TEXT"
    rows = (f"1, 'aigerim', 'yes', 'abc', 'no date', '{OLD}'", f"2, 'a', 1, 2.5, '2020-05-05', '{OLD}'")
    policy = PEOPLE + rule('nothing: [name], constant "false": [b], constant "0": [n], to year: [d]')
    with way_of("sqlite", tmp_path, table(columns, *rows), policy) as way:
        way.whole("1", ("SELECT b, n, d FROM people ORDER BY id", [(0, 0, None), (0, 0, "2020-01-01")]))


def chain(length: int) -> tuple[list[str], str]:
    """Tables of which each refers to the one before and to the people, and a policy that deletes from all of them."""
    owner = "person_id INTEGER REFERENCES people (id)"
    schema = table("id INTEGER PRIMARY KEY, name TEXT, seen_at TEXT", f"1, 'a', '{OLD}'", f"2, 'k', '{NEW}'")
    for n in range(length):
        up = f"REFERENCES t{n - 1} (id)" if n else ""
        schema += [
            f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, up INTEGER {up}, {owner})",
            f"INSERT INTO t{n} VALUES (1, 1, 1), (2, 2, 2)",
        ]
    return schema, PEOPLE + "".join(f"      t{n}: delete\n" for n in range(length)) + NAME


def test_tables_far_from_the_people(tmp_path: Path) -> None:
    """The parser of older versions takes only so many conditions within conditions."""
    schema, policy = chain(4)
    with way_of("sqlite", tmp_path, schema, policy) as way:
        way.whole("1", *((f"SELECT id FROM t{n}", [(2,)]) for n in range(4)))


@pytest.mark.skipif(sqlite3.sqlite_version_info >= (3, 46), reason="this SQLite's parser has no limit")
def test_tables_too_far_from_the_people_are_refused(tmp_path: Path) -> None:
    said = refusal("sqlite", tmp_path, *chain(7))
    assert said.startswith("the parser of this SQLite gives up")
