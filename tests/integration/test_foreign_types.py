"""Types: constants for every type of PostgreSQL, JSON, very long texts, dates that no calendar of Python has."""

from pathlib import Path

import pytest

from tests.integration.foreign_support import HEAD, NEW, OLD, PEOPLE, QUIET, STAGE, people, rule, way_of

pytestmark = QUIET
# type: (a value, the constant that replaces it, as PostgreSQL then writes it)
CONSTANTS = {
    "time": ("'10:00'", "00:00", "00:00:00"),
    "interval": ("'1 day'", "0 days", "00:00:00"),
    "money": ("5.5", "0", "$0.00"),
    "text[]": ("'{a}'", "{}", "{}"),
    "int4range": ("'[1,2)'", "empty", "empty"),
    "json": ("'{\"a\":1}'", "{}", "{}"),
    "jsonb": ("'[1]'", "{}", "{}"),
    "hstore": ("'a=>1'", "", ""),
    "citext": ("'aigerim'", "-", "-"),
    "numeric(5,2)": ("1.5", "0", "0.00"),
    "real": ("1.5", "0.5", "0.5"),
    "bytea": ("'\\x01'", "", "\\x"),
    "timestamptz": ("now()", "2000-01-01", "2000-01-01 00:00:00+00"),
    "date": ("'infinity'", "2000-01-01", "2000-01-01"),
    "boolean": ("true", "false", "false"),
    "uuid": ("gen_random_uuid()", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"),
    "inet": ("'1.1.1.1'", "0.0.0.0", "0.0.0.0/32"),
    "bit(3)": ("B'101'", "000", "000"),
    "char(9)": ("'aigerim'", "-", "-"),
}


def test_constants_of_every_type(tmp_path: Path) -> None:
    columns = {f"c{i}": kind for i, kind in enumerate(CONSTANTS)}
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    schema = [
        "CREATE EXTENSION IF NOT EXISTS hstore",
        "CREATE EXTENSION IF NOT EXISTS citext",
        *people(declared, ", ".join(value for value, _, _ in CONSTANTS.values())),
    ]
    treated: dict[str, list[str]] = {}
    for name, kind in columns.items():
        treated.setdefault(CONSTANTS[kind][1], []).append(name)
    rules = ", ".join(f"'constant \"{text}\"': [{', '.join(names)}]" for text, names in treated.items())
    written = ", ".join(f"{name}::text" for name in columns)
    with way_of("postgresql", tmp_path, schema, PEOPLE + rule(rules)) as way:
        after = tuple(text for _, _, text in CONSTANTS.values())
        way.whole("1", (f"SELECT {written} FROM people WHERE id < 3", [after, after]))


def test_json_is_redacted_where_it_names_somebody_and_else_untouched(tmp_path: Path) -> None:
    found, plain = '{"iin": "991231490611", "n": [991231490611, null, 1.5]}', '{"sum":  1.50, "sum": 1e3}'
    schema = people(
        "j JSON, jb JSONB, plain JSON, nothing JSONB, word JSON, note TEXT",
        f"'{found}', '{found}', '{plain}', NULL, 'null', 'ИИН 991231490611'",
    )
    policy = PEOPLE + rule("redact: [j, jb, plain, nothing, word, note]")
    clean = {"iin": "[IIN]", "n": ["[IIN]", None, 1.5]}
    with way_of("postgresql", tmp_path, schema, policy) as way:
        way.whole(
            "1",
            ("SELECT j, jb, note FROM people WHERE id = 1", [(clean, clean, "ИИН [IIN]")]),
            ("SELECT plain::text, nothing IS NULL, word::text FROM people WHERE id = 1", [(plain, True, "null")]),
            ("SELECT j::text, note FROM people WHERE id = 3", [(found, "ИИН 991231490611")]),
        )


def test_texts_of_megabytes(tmp_path: Path) -> None:
    schema = people("note TEXT", "repeat('ИИН 991231490611 #, ', 50000)")
    with way_of("postgresql", tmp_path, schema, PEOPLE + rule("redact: [note]")) as way:
        way.whole(
            "1",
            ("SELECT note = repeat('ИИН [IIN] 1, ', 50000) FROM people WHERE id = 1", [(True,)]),
            ("SELECT note = repeat('ИИН 991231490611 3, ', 50000) FROM people WHERE id = 3", [(True,)]),
        )


def test_years_before_christ_and_without_end(tmp_path: Path) -> None:
    schema = people("b DATE, c TIMESTAMPTZ", "'0044-03-15 BC', 'infinity'")
    with way_of("postgresql", tmp_path, schema, PEOPLE + rule("to year: [b, c]")) as way:
        way.whole("1", ("SELECT b::text, c::text FROM people WHERE id = 1", [("0044-01-01 BC", "infinity")]))


ODD = ("infinity", "-infinity", "0044-03-15 BC", "0001-01-01", "9999-12-31")
EVENTS = [f"'{OLD}'", *(f"'{event}'" for event in ODD), "NULL", f"'{NEW}'"]


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date", "text", "word", "day", "citext"])
def test_only_a_sane_event_ends_a_term(kind: str, tmp_path: Path) -> None:
    """A domain over text is a text: what is no date must not pass for one, such as 20.05.2019."""
    texts = kind in ("text", "word", "citext")
    events = [*EVENTS, "'20.05.2019'"] if texts else EVENTS
    schema = [
        "CREATE EXTENSION IF NOT EXISTS citext",
        "CREATE DOMAIN word AS text",
        "CREATE DOMAIN day AS date",
        f"CREATE TABLE people (id INT PRIMARY KEY, name TEXT, seen_at {kind})",
        *(f"INSERT INTO people VALUES ({i}, 'aigerim', {event})" for i, event in enumerate(events)),
    ]
    with way_of("postgresql", tmp_path, schema, PEOPLE + rule("nothing: [name]")) as way:
        way.run()
        assert way.operator.ids("people", "name IS NULL") == [0]
        quarantined = {row["key_number"] for row in way.operator.ledger("quarantine")}
        assert quarantined == set(range(1, len(events))) - {7}


def test_a_day_in_a_domain_is_compared_as_a_day(tmp_path: Path) -> None:
    """The cut-off is 1 July 2023 in Almaty, which begins on 30 June in UTC."""
    schema = [
        "CREATE DOMAIN day AS date",
        "CREATE TABLE people (id INT PRIMARY KEY, name TEXT, seen_at day)",
        "INSERT INTO people VALUES (1, 'aigerim', '2023-06-30'), (2, 'kept', '2023-07-01')",
    ]
    policy = HEAD + "subject: {table: people, key: id}\nclock: [people.seen_at]\n" + STAGE + rule("nothing: [name]")
    with way_of("postgresql", tmp_path, schema, policy) as way:
        way.run()
        assert way.operator.ids("people", "name IS NULL") == [1]
