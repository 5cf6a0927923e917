"""A restore gives back identical rows, types included, for every column type of both databases."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyrage
import pytest
import sqlalchemy as sa
import zstandard

from tests.integration.small_operator import LONG_AGO, Operator, operator_on

# SQLAlchemy 2.1 has not yet told its own MONEY and DOMAIN how they compare; that is no business of ours.
pytestmark = pytest.mark.filterwarnings("ignore:Type object .*OperatorClass:DeprecationWarning")

PEOPLE = ("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, seen_at TIMESTAMP)",)
DUE = f"INSERT INTO people VALUES (1, 'Name', '{LONG_AGO}')"
POLICY = """\
policy: types
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
"""
PEOPLE_RULE = '      people: {depersonalise: {keep: [id, seen_at], constant "": [name]}}\n'

MAKE_TYPES = (
    "CREATE EXTENSION IF NOT EXISTS hstore",
    "CREATE EXTENSION IF NOT EXISTS citext",
    "CREATE TYPE mood AS ENUM ('glad', 'so so', 'көңілді')",
    "CREATE DOMAIN plate AS varchar(8) CHECK (VALUE ~ '^[0-9A-Z]+$')",
    "CREATE DOMAIN plates AS plate[]",
    'CREATE TYPE address AS (street text, "no" int, flats int[])',
)
ODD_TEXT = r"E'tab\there, line\nbreak, back\\slash, \\N, \\., \r, \x07, Әліби 🐎'"
VALUES: dict[str, Sequence[str]] = {
    "smallint": ("-32768", "32767"),
    "integer": ("-2147483648", "0"),
    "bigint": ("9223372036854775807", "-9223372036854775808"),
    "numeric": ("'NaN'", "123456789012345678901234567890.123456789012345678901", "1.10", "1.1"),
    "numeric(12, 3)": ("-999999999.999", "0"),
    "real": ("'-Infinity'", "1.1", "3.4028235e38", "'NaN'"),
    "double precision": (
        "0.1",
        "'Infinity'",
        "5e-324",
        "1.7976931348623157e308",
        "-0.0",
        "0.30000000000000004",
    ),
    "money": ("'1234.56'", "'-0.05'"),
    "boolean": ("true", "false"),
    '"char"': ("'x'",),
    "char(5)": ("'ab'", "''"),
    "varchar(10)": ("'ab  '", "''", "'қазақша'"),
    "text": (ODD_TEXT, "''", "'NULL'", r"E'\\N'"),
    "name": ("'pg'",),
    "citext": ("'MiXed'",),
    "bytea": (r"'\x00ff5c0a'", "''"),
    "date": ("'2024-02-29'", "'infinity'", "'-infinity'", "'0044-03-15 BC'", "'5874897-12-31'"),
    "time": ("'23:59:59.999999'", "'24:00:00'"),
    "time(0)": ("'12:00:00'",),
    "time with time zone": ("'10:20:30.5+05:30'",),
    "timestamp": (
        "'2024-02-29 23:59:59.999999'",
        "'infinity'",
        "'0001-01-01 00:00:00 BC'",
        "'294276-12-31 23:59:59'",
    ),
    "timestamp with time zone": ("'2024-03-01 00:00:00+05'", "'-infinity'", "'4713-01-01 00:00:00+00 BC'"),
    "interval": ("'1 year 2 months 3 days 04:05:06.789'", "'-1 mons +30 days'", "'30 days'", "'1 mon'"),
    "interval day to second(2)": ("'3 days 04:05:06.78'",),
    "uuid": ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",),
    "json": ("""'{"b": 1,  "a": [1, 2.50, null], "b": 2}'""", "'null'", "'1.0'"),
    "jsonb": ("""'{"b": 1, "a": "Ә\\\\u0041"}'""", "'null'", "'[]'"),
    "jsonpath": ("'$.a[*] ? (@ > 1)'",),
    "xml": ("'<a>x &lt; y</a>'", "'two <b/> parts'"),
    "inet": ("'192.168.0.1/24'", "'::1'"),
    "cidr": ("'10.0.0.0/8'",),
    "macaddr": ("'08:00:2b:01:02:03'",),
    "macaddr8": ("'08:00:2b:01:02:03:04:05'",),
    "bit(3)": ("B'101'",),
    "bit varying(9)": ("B'1'", "B''"),
    "integer[]": ("'{1,NULL,3}'", "'{}'", "'[0:1]={7,8}'", "'{{1,2},{3,4}}'"),
    "text[]": ("""'{"a,b","c\\"d",NULL,"NULL"}'""",),
    "mood": ("'көңілді'",),
    "mood[]": ("""'{glad,"so so"}'""",),
    "plate": ("'123ABC02'",),
    "plates": ("'{1A,2B}'",),
    "address": ("""ROW('Abay ave, "5"', 5, '{1,2}')""", "ROW(NULL, NULL, '{}')"),
    "address[]": ("ARRAY[ROW('x', 1, NULL)::address]",),
    "hstore": ("""'a=>1, "b c"=>NULL'""",),
    "tsvector": ("'a:1A fat:2 ''it''''s'':3'",),
    "tsquery": ("'fat & !rat'",),
    "point": ("'(1.1,0.30000000000000004)'",),
    "line": ("'{1,2,3}'",),
    "lseg": ("'[(0,0),(1,1)]'",),
    "box": ("'(2,2),(1,1)'",),
    "path": ("'[(0,0),(1,1)]'", "'((0,0),(1,1))'"),
    "polygon": ("'((0,0),(1,1),(1,0))'",),
    "circle": ("'<(1,2),3>'",),
    "int4range": ("'[1,10)'", "'empty'", "'(,)'"),
    "numrange": ("'(1.10,2]'",),
    "tsrange": ("""'["2024-01-01 00:00",infinity]'""",),
    "tstzrange": ("""'["2024-01-01 00:00+05",)'""",),
    "daterange": ("'[2024-01-01,2024-02-01)'",),
    "oid": ("4294967295",),
    "regclass": ("'people'",),
    "pg_lsn": ("'16/B374D848'",),
    "txid_snapshot": ("'10:20:10,14'",),
}
AWKWARD_NAMES = ("share %", "Аты", 'a "quote"', "order", "x:y")


def types_of(operator: Operator) -> dict[str, Sequence[str]]:
    """Column names with their types, awkward names included."""
    found = {f"c{place}": kind for place, kind in enumerate(VALUES)}
    if operator.one("SELECT current_setting('server_version_num')::int") >= 140000:
        found["multi"] = "int4multirange"
    return {**found, **dict.fromkeys(AWKWARD_NAMES, "text")}


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on("postgresql", tmp_path, [*PEOPLE, *MAKE_TYPES, DUE], POLICY):
        columns = types_of(operator)
        declared = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
        for table in ("gone", "emptied"):
            operator.sql(
                f"CREATE TABLE {table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, other serial, "
                f"person_id integer REFERENCES people (id), {declared}, "
                "twice numeric GENERATED ALWAYS AS (c1::numeric * 2) STORED)",
                f"CREATE INDEX ON {table} (person_id)",
            )
            rows = 1 + max(len(v) for v in VALUES.values())
            operator.sql(*(insert(table, columns, place) for place in range(rows)))
        treated = ", ".join("'" + name + "'" for name in columns)
        operator.policy_text += (
            "      gone: delete\n"
            f"      emptied: {{depersonalise: {{keep: [id, other, person_id, twice], nothing: [{treated}]}}}}\n"
        ) + PEOPLE_RULE
        yield operator


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def insert(table: str, columns: dict[str, Sequence[str]], place: int) -> str:
    """A row with the place-th value of each type; the last row is all NULL."""
    values = [(VALUES.get(str(kind)) or ("'{[1,3),[5,7)}'",)) for kind in columns.values()]
    chosen = [v[place] if place < len(v) else "NULL" for v in values]
    names = ", ".join(quoted(c) for c in columns)
    return f"INSERT INTO {table} (person_id, {names}) VALUES (1, {', '.join(chosen)})"


def copy_text(operator: Operator, table: str) -> bytes:
    """COPY's own text of a whole table."""
    table_of = sa.table(table, sa.column("id"))
    with operator.tools.database.reading() as connection:
        query: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(table_of).order_by(table_of.c.id)
        return b"".join(operator.tools.database.rows_out(connection, query))


def opened(operator: Operator, segment: str) -> bytes:
    """The plain text of a segment, by the tools that everybody has."""
    assert operator.tools.store is not None
    path = operator.tools.store.folder / segment
    if shutil.which("age") is None or shutil.which("zstd") is None:
        identity = pyrage.x25519.Identity.from_str(operator.identity_file.read_text().splitlines()[-1])
        return zstandard.ZstdDecompressor().decompressobj().decompress(pyrage.decrypt(path.read_bytes(), [identity]))
    age = subprocess.run(["age", "-d", "-i", operator.identity_file, path], capture_output=True, check=True)
    return subprocess.run(["zstd", "-d"], input=age.stdout, capture_output=True, check=True).stdout


def sequences(operator: Operator) -> list[tuple[object, ...]]:
    names = [r[0] for r in operator.rows("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")]
    return [operator.rows(f"SELECT last_value, is_called FROM {name}")[0] for name in sorted(names)]


def test_every_type_of_postgresql_comes_back(postgresql: Operator) -> None:
    before, text, at = postgresql.contents(), copy_text(postgresql, "gone"), sequences(postgresql)
    run = postgresql.usual_night()
    assert run.state == "done"
    assert postgresql.ids("gone") == []
    assert postgresql.one('SELECT count(*) FROM emptied WHERE num_nonnulls(c0, c12, c28, "Аты", multi) > 0') == 0
    (segment,) = postgresql.segments(run.run_id)
    assert text in opened(postgresql, segment)

    dry = postgresql.restore(segment, dry_run=True)
    assert postgresql.ids("gone") == []
    done = postgresql.restore(segment)

    assert dry.tables == done.tables
    assert {t.table: (t.inserted, t.put_back, t.changed_since) for t in done.tables} == {
        "people": (0, 1, 0),
        "emptied": (0, len(before["emptied"]) - 1, 0),
        "gone": (len(before["gone"]), 0, 0),
    }
    assert postgresql.contents() == before
    assert copy_text(postgresql, "gone") == text
    assert sequences(postgresql) == at


def test_how_a_role_or_database_writes_values_does_not_matter(postgresql: Operator) -> None:
    before = postgresql.contents()
    name = sa.make_url(postgresql.url).database
    settings = {
        "datestyle": "'SQL, DMY'",
        "intervalstyle": "'sql_standard'",
        "extra_float_digits": "0",
        "lc_monetary": "'C'",
        "xmloption": "'document'",
        "bytea_output": "'escape'",
        "timezone": "'Asia/Almaty'",
    }
    postgresql.sql(*(f"ALTER DATABASE {name} SET {key} = {value}" for key, value in settings.items()))
    postgresql.tools.database.engine.dispose()
    run = postgresql.usual_night()
    postgresql.sql(*(f"ALTER DATABASE {name} RESET {key}" for key in settings))
    postgresql.tools.database.engine.dispose()
    postgresql.restore(postgresql.segments(run.run_id)[0])
    assert postgresql.contents() == before


LITE_COLUMNS = {
    "bare": "",
    "i": "INTEGER",
    "r": "REAL",
    "t": "TEXT",
    "n": "NUMERIC(10, 2)",
    "b": "BLOB",
    "d": "DATETIME",
    "day": "DATE",
    "f": "BOOLEAN",
    "v": "VARCHAR(5)",
    "nocase": "TEXT COLLATE NOCASE",
    "j": "JSON",
}
LITE_VALUES = (
    "1",
    "-1",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "1.0",
    "0.1",
    "1e308",
    "5e-324",
    "9e999",
    "-9e999",
    "'text'",
    "'TEXT'",
    "''",
    "' 12 '",
    "'1.10'",
    "'2024-02-29'",
    "'2024-02-29T10:00:00+05:00'",
    "'not a date'",
    "CAST(x'61006200' AS TEXT)",
    "CAST(x'ff41c3' AS TEXT)",
    "CAST(x'eda080' AS TEXT)",
    "'line' || char(10) || 'break' || char(13) || char(9) || '\\.' || char(8232)",
    "'Әліби 🐎'",
    "x''",
    "x'00ff0a'",
    "x'74657874'",
    '\'{"b": "not bytes"}\'',
    "NULL",
)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on("sqlite", tmp_path, [*PEOPLE, DUE], POLICY):
        declared = ", ".join(f"{name} {kind}" for name, kind in LITE_COLUMNS.items())
        twice = "stored AS (i * 2) STORED, virtual AS (r * 2) VIRTUAL"
        for table in ("gone", "emptied"):
            operator.sql(
                f"CREATE TABLE {table} (id INTEGER PRIMARY KEY AUTOINCREMENT, person_id INTEGER REFERENCES people (id),"
                f" {declared}, {twice})",
                *(
                    f"INSERT INTO {table} (person_id, {', '.join(LITE_COLUMNS)}) VALUES "
                    f"(1, {', '.join([value] * len(LITE_COLUMNS))})"
                    for value in LITE_VALUES
                ),
            )
        operator.sql(
            "CREATE TABLE rowless (code TEXT, day DATE, person_id INTEGER REFERENCES people (id), x,"
            " PRIMARY KEY (code, day)) WITHOUT ROWID",
            "INSERT INTO rowless VALUES ('ә', '2024-02-29', 1, 9e999), ('b', '2020-01-01', 1, x'ff')",
            "CREATE TABLE rigid (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), x ANY) STRICT",
            "INSERT INTO rigid VALUES (1, 1, '12'), (2, 1, 12), (3, 1, 1.0), (4, 1, x'12')",
        )
        operator.policy_text += (
            "      gone: delete\n"
            "      rowless: delete\n"
            "      rigid: delete\n"
            "      emptied: {depersonalise: {keep: [id, person_id, stored, virtual], nothing: ["
            f"{', '.join(LITE_COLUMNS)}]}}}}\n"
        ) + PEOPLE_RULE
        yield operator


def test_every_value_of_sqlite_comes_back(sqlite: Operator) -> None:
    before, at = sqlite.contents(), sqlite.rows("SELECT * FROM sqlite_sequence ORDER BY name")
    run = sqlite.usual_night()
    assert run.state == "done"
    assert [sqlite.ids("gone"), sqlite.ids("rigid"), sqlite.rows("SELECT * FROM rowless")] == [[], [], []]
    assert sqlite.one("SELECT count(*) FROM emptied WHERE coalesce(bare, i, r, t, n, b, nocase) IS NOT NULL") == 0
    (segment,) = sqlite.segments(run.run_id)
    for line in opened(sqlite, segment).replace(b"\\.\n", b"").decode().splitlines():
        json.loads(line, parse_constant=pytest.fail)  # JSON as everybody reads it: no Infinity
    done = sqlite.restore(segment)
    assert {t.table: t.changed_since for t in done.tables} == dict.fromkeys(
        ("people", "emptied", "rigid", "rowless", "gone"), 0
    )
    assert sqlite.contents() == before
    assert sqlite.rows("SELECT * FROM sqlite_sequence ORDER BY name") == at
    again = sqlite.restore(segment)
    assert all(t.inserted == t.put_back == t.changed_since == 0 for t in again.tables)
