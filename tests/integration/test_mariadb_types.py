"""On MariaDB and MySQL too a restore gives back identical rows of every type; a night changes nothing it should not."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.integration.small_operator import LONG_AGO, Operator, operator_on
from tests.integration.test_restore_types import PEOPLE_RULE, POLICY, opened
from tests.mariadb_server import ON_BOTH

# SQLAlchemy 2.1 has not yet told its own BIT how it compares; that is no business of ours.
pytestmark = pytest.mark.filterwarnings("ignore:Type object .*OperatorClass:DeprecationWarning")

PEOPLE = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, seen_at DATETIME,"
    " stamped TIMESTAMP(6) NOT NULL DEFAULT '2020-02-02 02:02:02.020202' ON UPDATE CURRENT_TIMESTAMP(6))",
    f"INSERT INTO people (id, name, seen_at) VALUES (1, 'Name', '{LONG_AGO}')",
)
TYPES = {
    "TINYINT": ("-128", "127"),
    "BOOLEAN": ("TRUE", "FALSE"),
    "BIGINT UNSIGNED": ("18446744073709551615", "0"),
    "DECIMAL(65,30)": ("12345678901234567890123456789012345.123456789012345678901234567890", "-0.1"),
    "FLOAT": ("1.1", "3.4028234e38", "16777217"),
    "DOUBLE": ("0.1", "5e-324", "1.7976931348623157e308", "-0.0"),
    "BIT(1)": ("b'1'", "b'0'"),
    "BIT(64)": ("b'1000000000000000000000000000000000000000000000000000000000000001'", "0"),
    "DATE": ("'2024-02-29'", "'0000-00-00'", "'9999-12-31'"),
    "DATETIME(6)": ("'2024-02-29 23:59:59.000001'", "'0000-00-00 00:00:00'"),
    "TIMESTAMP(6) NULL DEFAULT NULL": ("'2024-02-29 23:59:59.999999'", "'0000-00-00 00:00:00'"),
    "TIME(3)": ("'-838:59:59.000'", "'12:00:00.125'"),
    "YEAR": ("2155", "0"),
    "CHAR(5)": ("'ab'", "''"),
    "VARCHAR(40)": ("'Әліби 🐎  '", "''", "'1.10'"),
    "VARCHAR(40) CHARACTER SET latin1": ("'é '", "'a'"),
    "VARCHAR(40) COLLATE utf8mb4_general_ci": ("'ABC'", "'abc'"),
    "TEXT": ("'tab\\there, line\\nbreak, back\\\\slash, \\0, \\r'", '\'{"b": "not bytes"}\''),
    "LONGTEXT": ("REPEAT('ұ', 100000)", "''"),
    "JSON": ('\'{"a":  [1, 2.0, "ә"]}\'', "'null'"),
    "BINARY(4)": ("x'00ff0a00'", "'a'"),
    "VARBINARY(8)": ("x'00ff0a'", "''"),
    "BLOB": ("x'00ff0a5c27'", "''"),
    "ENUM('glad','so so','көңілді')": ("'көңілді'", "'glad'"),
    "SET('a','b','c')": ("'a,c'", "''"),
    "GEOMETRY": ("POINT(1.5, 2.25)",),
}
ITS_OWN = {
    "mysql": {"INET6": ("'2001:db8::1'", "'::'"), "UUID": ("'6ba7b810-9dad-11d1-80b4-00c04fd430c8'",)},
    "real mysql": {
        "POINT SRID 4326": ("ST_SRID(POINT(76.9, 43.2), 4326)",),
        "VARCHAR(40) COLLATE utf8mb4_0900_ai_ci": ("'Straße  '", "'strasse'"),
        "JSON": ("JSON_OBJECT('at', CAST('2024-02-29 23:59:59.000001' AS DATETIME(6)), 'n', 18446744073709551615)",),
    },
}

EXACT = "SELECT c4 + 0E0, c5 + 0E0 FROM emptied UNION ALL SELECT c4 + 0E0, c5 + 0E0 FROM gone"


@pytest.fixture(params=ON_BOTH)
def operator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    types = [*TYPES.items(), *ITS_OWN[request.param].items()]
    for operator in operator_on(request.param, tmp_path, PEOPLE, POLICY):
        declared = ", ".join(f"c{i} {kind}" for i, (kind, _) in enumerate(types))
        for table in ("gone", "emptied"):
            operator.sql(
                f"CREATE TABLE {table} (id BIGINT AUTO_INCREMENT PRIMARY KEY, person_id INTEGER REFERENCES people (id),"
                f" {declared}, twice INTEGER AS (c0 * 2) STORED)",
                *(row(table, types, place) for place in range(4)),
                f"INSERT INTO {table} (id, person_id) VALUES (0, 1)",
            )
        columns = ", ".join(f"c{i}" for i in range(len(types)))
        operator.policy_text += (
            "      gone: delete\n"
            f"      emptied: {{depersonalise: {{keep: [id, person_id, twice], nothing: [{columns}]}}}}\n"
        ) + PEOPLE_RULE.replace("seen_at", "seen_at, stamped")
        yield operator


def row(table: str, types: Sequence[tuple[str, Sequence[str]]], place: int) -> str:
    """A row with the place-th value of each type."""
    values = [v[place] if place < len(v) else "NULL" for _, v in types]
    names = ", ".join(f"c{i}" for i in range(len(types)))
    return f"INSERT INTO {table} (person_id, {names}) VALUES (1, {', '.join(values)})"


def test_every_type_comes_back(operator: Operator) -> None:
    before, exact = operator.contents(), operator.rows(EXACT)
    run = operator.usual_night()
    assert run.state == "done"
    assert operator.ids("gone") == []
    assert operator.one("SELECT COUNT(*) FROM emptied WHERE COALESCE(c0, c5, c18, c22) IS NOT NULL") == 0
    (segment,) = operator.segments(run.run_id)
    for line in opened(operator, segment).replace(b"\\.\n", b"").decode().splitlines():
        json.loads(line, parse_constant=pytest.fail)
    done = operator.restore(segment)
    assert {t.table: t.changed_since for t in done.tables} == {"people": 0, "emptied": 0, "gone": 0}
    assert operator.contents() == before
    assert operator.rows(EXACT) == exact
    again = operator.restore(segment)
    assert all(t.inserted == t.put_back == t.changed_since == 0 for t in again.tables)


def test_a_night_leaves_alone_what_stamps_itself_on_every_update(operator: Operator) -> None:
    operator.usual_night()
    assert operator.one("SELECT CAST(stamped AS CHAR) FROM people WHERE name = ''") == "2020-02-02 02:02:02.020202"
