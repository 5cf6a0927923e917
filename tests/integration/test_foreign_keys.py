"""Keys: of every type that the ledger can write down, of several columns, and the types and values that are refused."""

from pathlib import Path

import pytest

from tests.integration.foreign_support import HEAD, NEW, OLD, PEOPLE, QUIET, STAGE, people, rule, way_of

pytestmark = QUIET
KEYS = {
    # type: (what it needs, the key of who is due, the key of who is not, as --key names the first)
    "smallint": ("", "-3", "4", "-3"),
    "bigint": ("", "9223372036854775807", "4", "9223372036854775807"),
    "uuid": ("", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "gen_random_uuid()", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    'text collate "ci"': (
        "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "'Ab''c %'",
        "'zz'",
        "Ab'c %",
    ),
    "citext": ("CREATE EXTENSION IF NOT EXISTS citext", "'Ab'", "'zz'", "Ab"),
    "char(5)": ("", "'ab'", "'zz'", "ab"),
    "bpchar": ("", "'ab  '", "'zz'", "ab"),
    "numeric(10)": ("", "7", "8", "7"),
    "numeric": ("", "7.50", "75e30", "7.50"),
    "boolean": ("", "true", "false", "true"),
    "varchar(5)": ("", "'ab '", "'ab'", "ab "),
    "date": ("", "'2020-01-01'", "'2021-01-01'", "2020-01-01"),
    "timestamptz": ("", "'2020-01-01 10:00:00.123456+05'", "now()", "2020-01-01 05:00:00.123456+00"),
    "mood": ("CREATE TYPE mood AS ENUM ('sad', 'glad')", "'glad'", "'sad'", "glad"),
    "code": ("CREATE DOMAIN code AS text CHECK (VALUE <> '')", "'x'", "'y'", "x"),
    "number": ("CREATE DOMAIN number AS bigint CHECK (VALUE > 0)", "7", "8", "7"),
}
BODY = "      notes: delete\n" + rule("nothing: [name]", "person_no, seen_at")


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_of_every_type_that_can_be_written_down(kind: str, tmp_path: Path) -> None:
    needs, due, kept, named = KEYS[kind]
    schema = [
        *([needs] if needs else []),
        f"CREATE TABLE people (person_no {kind} PRIMARY KEY, name text, seen_at timestamp)",
        f"CREATE TABLE notes (person_no {kind} REFERENCES people, line smallint, PRIMARY KEY (person_no, line))",
        f"INSERT INTO people VALUES ({due}, 'aigerim', '{OLD}'), ({kept}, 'kept', '{NEW}')",
        "INSERT INTO notes SELECT person_no, n FROM people, generate_series(1, 2) n",
    ]
    policy = HEAD + "subject: {table: people, key: person_no}\nclock: [people.seen_at]\n" + STAGE + BODY
    with way_of("postgresql", tmp_path, schema, policy) as way:
        way.whole(
            named,
            ("SELECT name FROM people ORDER BY seen_at", [(None,), ("kept",)]),
            ("SELECT name, line FROM notes JOIN people USING (person_no) ORDER BY line", [("kept", 1), ("kept", 2)]),
        )


def test_keys_of_other_types_are_refused(tmp_path: Path) -> None:
    kinds = ("float8", "bytea", "time", "interval", "inet", "int[]", "int4range", "jsonb", "money")
    tables = [
        f"CREATE TABLE t{i} (id {kind} PRIMARY KEY, person_id INT REFERENCES people)" for i, kind in enumerate(kinds)
    ]
    policy = PEOPLE + "".join(f"      t{i}: delete\n" for i in range(len(kinds))) + rule("nothing: [name]")
    with way_of("postgresql", tmp_path, people("name TEXT", "'x'", *tables), policy) as way:
        said = way.sentences()
    for i, sentence in enumerate(said):
        assert sentence.startswith(f"table `t{i}`: its key column `id` is of type ")
        assert "merzim knows integer, numeric, boolean, text, uuid, date and timestamp keys" in sentence
    assert len(said) == len(kinds)


@pytest.mark.parametrize("odd", ["infinity", "0044-03-15 BC", "12026-01-01"])
def test_a_date_that_no_ledger_can_hold_stops_the_stage_of_its_table(odd: str, tmp_path: Path) -> None:
    days = [
        "CREATE TABLE days (day DATE PRIMARY KEY, person_id INT REFERENCES people)",
        "CREATE TABLE calls (id INT PRIMARY KEY, at TIMESTAMP)",
    ]
    policy = PEOPLE + "      days: delete\n" + rule("nothing: [name]")
    policy += "  calls: {from: calls.at, term: 3 years, tables: {calls: delete}}\n"
    with way_of("postgresql", tmp_path, people("name TEXT", "'x'", *days), policy) as way:
        way.operator.sql(f"INSERT INTO days VALUES ('{odd}', 1)", f"INSERT INTO calls VALUES (1, '{OLD}')")
        (sentence,) = way.sentences()
        assert "`days` has a row whose key is NULL, of another type than its column, or a date outside" in sentence
        assert sentence.endswith("until then no run carries out `profile`")
        way.run(code=1)
        assert way.operator.rows("SELECT count(name) FROM people") == [(3,)]
        assert way.operator.rows("SELECT id FROM calls") == []


def test_composite_keys_of_people_and_of_their_rows(tmp_path: Path) -> None:
    schema = [
        "CREATE TABLE people (tenant UUID, code VARCHAR(9), name TEXT, seen_at DATE, PRIMARY KEY (tenant, code))",
        """CREATE TABLE notes (tenant UUID, code VARCHAR(9), line SMALLINT, body TEXT, PRIMARY KEY (tenant, code, line),
            FOREIGN KEY (tenant, code) REFERENCES people)""",
        f"""INSERT INTO people VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'x,y', 'aigerim', '{OLD}'),
            ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'z', 'kept', '{NEW}'),
            ('b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'z', 'aigerim', '{OLD}')""",
        "INSERT INTO notes SELECT tenant, code, n, name FROM people, generate_series(1, 2) n",
    ]
    policy = HEAD + "subject: {table: people, key: [tenant, code]}\nclock: [people.seen_at]\n" + STAGE
    policy += "      notes: delete\n" + rule("nothing: [name]", "tenant, code, seen_at")
    with way_of("postgresql", tmp_path, schema, policy) as way:
        way.whole(
            "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,z",
            ("SELECT code, name FROM people ORDER BY tenant, code", [("x,y", None), ("z", "kept"), ("z", None)]),
            ("SELECT code, line, body FROM notes ORDER BY line", [("z", 1, "kept"), ("z", 2, "kept")]),
        )


def test_a_part_of_a_key_is_no_key_of_people(tmp_path: Path) -> None:
    schema = ["CREATE TABLE people (tenant INT, code INT, name TEXT, seen_at DATE, PRIMARY KEY (tenant, code))"]
    policy = HEAD + "subject: {table: people, key: code}\nclock: [people.seen_at]\n" + STAGE
    with way_of("postgresql", tmp_path, schema, policy + rule("nothing: [name]", "tenant, code, seen_at")) as way:
        assert way.sentences() == ["`code` is not a key of `people`; write `tenant`, `code`"]
