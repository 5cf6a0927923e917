"""Constraints: what the database would refuse at night is said by check, and what it allows comes out right."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.foreign_support import PEOPLE, QUIET, people, refusal, rule, way_of
from tests.integration.small_operator import BOTH

pytestmark = QUIET


@dataclass(frozen=True)
class Refused:
    """Columns of `people` with a value, what is done to them, and the sentence. `more` is DDL after the table."""

    name: str
    columns: str
    values: str
    treated: str
    says: str
    dialects: tuple[str, ...] = ("postgresql",)
    before: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    keep: str = "id, seen_at"


MOOD = ("CREATE TYPE mood AS ENUM ('glad', 'so so')",)
PLATE = ("CREATE DOMAIN plate AS varchar(8) CHECK (VALUE ~ '^[0-9A-Z]+$')",)
REFUSED = [
    Refused(
        "unique expression",
        "email TEXT",
        "'#@b.kz'",
        'constant "x": [email]',
        '`constant "x"` may write one value into `email` twice',
        BOTH,
        more=("CREATE UNIQUE INDEX low ON people (lower(email))",),
    ),
    Refused(
        "nulls not distinct",
        "email TEXT UNIQUE NULLS NOT DISTINCT",
        "'#@b.kz'",
        "nothing: [email]",
        "`email` is unique with NULLS NOT DISTINCT, so `nothing` can empty it in one row only",
    ),
    Refused(
        "a flag as block",
        "name TEXT, blocked BOOLEAN NOT NULL",
        "'x', false",
        "nothing: [name]",
        "`people.blocked` is never empty (a flag, or NOT NULL)",
        BOTH,
        keep="id, seen_at, blocked",
    ),
    Refused(
        "identity",
        "no INT GENERATED ALWAYS AS IDENTITY, name TEXT",
        "DEFAULT, 'x'",
        'nothing: [name], constant "0": [no]',
        'column "no" can only be updated to DEFAULT',
    ),
    Refused(
        "domain without NULL",
        "name word",
        "'x'",
        "nothing: [name]",
        "column `name` is NOT NULL",
        before=("CREATE DOMAIN word AS text NOT NULL",),
    ),
    Refused(
        "domain of a domain",
        "name wording",
        "'x'",
        "nothing: [name]",
        "column `name` is NOT NULL",
        before=("CREATE DOMAIN word AS text NOT NULL", "CREATE DOMAIN wording AS word"),
    ),
    Refused(
        "domain with CHECK",
        "plate plate",
        "'1A'",
        'constant "": [plate]',
        'value for domain plate violates check constraint "plate_check"',
        before=PLATE,
    ),
    Refused(
        "domain that takes no address",
        "mail mail",
        "'#@b.kz'",
        "synthetic email: [mail]",
        "violates check constraint",
        before=("CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@b.kz')",),
    ),
    Refused("enum", "mood mood", "'glad'", 'constant "": [mood]', 'invalid input value for enum mood: ""', before=MOOD),
    Refused("range", "r int4range", "'[1,2)'", 'constant "z": [r]', 'malformed range literal: "z"'),
    Refused("number", "n NUMERIC(3, 2)", "1.5", 'constant "100": [n]', "numeric field overflow"),
    Refused("small number", "n SMALLINT", "1", 'constant "99999": [n]', "out of range for type smallint"),
    Refused("unknown type", "x xml", "'<a/>'", 'constant "<b/>": [x]', "whose type xml it does not know"),
]


CASES = [pytest.param(case, d, id=f"{case.name}-{d}") for case in REFUSED for d in case.dialects]


@pytest.mark.parametrize(("case", "dialect"), CASES)
def test_what_a_column_cannot_take_is_refused(case: Refused, dialect: str, tmp_path: Path) -> None:
    schema = [*case.before, *people(case.columns, case.values, *case.more)]
    policy = PEOPLE + rule(case.treated, case.keep)
    if "blocked" in case.columns:
        policy = policy.replace("key: id}", "key: id, blocked: blocked}")
    assert case.says in refusal(dialect, tmp_path, schema, policy)


@pytest.mark.parametrize("dialect", BOTH)
def test_a_check_over_columns_that_are_emptied_together(dialect: str, tmp_path: Path) -> None:
    schema = people("email TEXT, phone TEXT, CHECK (email IS NOT NULL OR phone IS NOT NULL)", "'#@b.kz', '7'")
    with way_of(dialect, tmp_path, schema, PEOPLE + rule("nothing: [email, phone]")) as way:
        assert [s.partition(" refuses ")[2] for s in way.sentences()] == ["what `nothing` writes; choose another"] * 2
    kept = PEOPLE + rule("synthetic email: [email], nothing: [phone]")
    (tmp_path / "kept").mkdir()
    with way_of(dialect, tmp_path / "kept", schema, kept) as way:
        way.whole("1", ("SELECT count(*) FROM people WHERE phone IS NULL AND email LIKE '%@anon.invalid'", [(2,)]))


MAYBE = [
    (
        "partial index",
        "email TEXT, gone TEXT",
        "'#@b.kz', NULL",
        'constant "x": [email], nothing: [gone]',
        "id, seen_at",
        "CREATE UNIQUE INDEX live ON people (email) WHERE gone IS NULL",
        "may make two rows alike in `email`",
        BOTH,
    ),
    (
        "check with a kept column",
        "email TEXT, at TEXT, CHECK ((email IS NULL) = (at IS NULL))",
        "'#@b.kz', 'x'",
        "nothing: [email]",
        "id, seen_at, at",
        "",
        "depending on the other columns in it",
        BOTH,
    ),
    (
        "exclusion",
        "room TEXT, during TSRANGE",
        "'r#', '[2020-01-01,2021-01-01)'",
        'constant "x": [room]',
        "id, seen_at, during",
        "ALTER TABLE people ADD EXCLUDE USING gist (room WITH =, during WITH &&)",
        "may make two rows alike in `room`, which EXCLUDE",
        ("postgresql",),
    ),
]


@pytest.mark.parametrize(
    ("dialect", "columns", "values", "treated", "keep", "ddl", "says"),
    [pytest.param(d, *m[1:7], id=f"{m[0]}-{d}") for m in MAYBE for d in m[7]],
)
def test_what_only_the_rows_can_tell_is_warned_of_and_quarantined(
    dialect: str, columns: str, values: str, treated: str, keep: str, ddl: str, says: str, tmp_path: Path
) -> None:
    extension = ["CREATE EXTENSION IF NOT EXISTS btree_gist"] if "EXCLUDE" in ddl else []
    schema = [*extension, *people(columns, values, *([ddl] if ddl else []))]
    with way_of(dialect, tmp_path, schema, PEOPLE + rule(treated, keep)) as way:
        assert way.sentences() == []
        assert says in way.sentences("warning")[0]
        way.run(code=1)
        reasons = [row["reason"] for row in way.operator.ledger("quarantine")]
        assert reasons
        assert all(r.startswith("failed: the database refused the change (") for r in reasons)
        assert way.operator.one("SELECT count(*) FROM people") == 3


@pytest.mark.parametrize("dialect", BOTH)
def test_computed_columns(dialect: str, tmp_path: Path) -> None:
    schema = [
        """CREATE TABLE people (id INTEGER PRIMARY KEY, seen_at TIMESTAMP, name TEXT,
            low TEXT GENERATED ALWAYS AS (lower(name)) STORED)""",
        f"INSERT INTO people (id, seen_at, name) VALUES (1, '2020-05-05', 'AIGERIM'), (2, '{'2026-05-05'}', 'B')",
    ]
    with way_of(dialect, tmp_path, schema, PEOPLE + rule("nothing: [name]", "id, seen_at, low")) as way:
        way.whole("1", ("SELECT name, low FROM people ORDER BY id", [(None, None), ("B", "b")]))
    strict = [schema[0].replace("STORED", "STORED NOT NULL"), schema[1]]
    (tmp_path / "strict").mkdir()
    with way_of(dialect, tmp_path / "strict", strict, PEOPLE + rule("nothing: [name]", "id, seen_at, low")) as way:
        (warning,) = way.sentences("warning")
        assert "the database computes `low`, which is NOT NULL, from `name`" in warning


@pytest.mark.parametrize("dialect", BOTH)
def test_unique_values_fit_where_two_may_not_be_alike(dialect: str, tmp_path: Path) -> None:
    schema = people("email TEXT", "'#@b.kz'", "CREATE UNIQUE INDEX low ON people (lower(email))")
    with way_of(dialect, tmp_path, schema, PEOPLE + rule("synthetic email: [email]")) as way:
        way.whole("1", ("SELECT count(DISTINCT email) FROM people WHERE email LIKE '%@anon.invalid'", [(2,)]))


def test_values_that_domains_and_enums_take(tmp_path: Path) -> None:
    schema = [
        *MOOD,
        *PLATE,
        "CREATE DOMAIN iin AS char(12) CHECK (VALUE ~ '^[0-9]{12}$')",
        *people("mood mood, plate plate, iin iin", "'glad', '1A', '99123149061#'"),
    ]
    policy = PEOPLE + rule('constant "so so": [mood], constant "0": [plate], synthetic iin: [iin]')
    with way_of("postgresql", tmp_path, schema, policy) as way:
        way.whole(
            "1",
            ("SELECT mood::text FROM people ORDER BY id", [("so so",), ("so so",), ("glad",)]),
            ("SELECT plate::text FROM people ORDER BY id", [("0",), ("0",), ("1A",)]),
            ("SELECT iin LIKE '99123149061%' FROM people ORDER BY id", [(False,), (False,), (True,)]),
        )


def test_an_update_that_cascades_is_never_made(tmp_path: Path) -> None:
    notes = "CREATE TABLE notes (id INT PRIMARY KEY, code TEXT REFERENCES people (code) ON UPDATE CASCADE)"
    policy = PEOPLE + "      notes: delete\n" + rule("synthetic iin: [code]")
    said = refusal("postgresql", tmp_path, people("code TEXT UNIQUE", "'c#'", notes), policy)
    assert said == "a foreign key of `notes` refers to `code`, so it cannot be replaced; keep it"
