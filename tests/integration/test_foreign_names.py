"""Names: quoted, reserved, Cyrillic, with blanks, dots, percent signs and quotes, as long as they may be; tables and
people in other schemas than the default one."""

from pathlib import Path

import pytest

from tests.integration.foreign_support import HEAD, NEW, OLD, PEOPLE, STAGE, people, refusal, rule, way_of
from tests.integration.small_operator import BOTH

CLIENTS = '"Клиенты AS 100%"'
ODD = [
    f'CREATE TABLE {CLIENTS} ("Код" INTEGER PRIMARY KEY, "order" TEXT, "Last Seen" TIMESTAMP, "select" TEXT)',
    f"""CREATE TABLE "Group" ("Id" INTEGER PRIMARY KEY, "Клиент Код" INTEGER NOT NULL REFERENCES {CLIENTS} ("Код"),
        "from" TEXT, "при %s" TEXT)""",
    f"INSERT INTO {CLIENTS} VALUES (1, 'aigerim', '{OLD}', 'x'), (2, 'kept', '{NEW}', 'y')",
    """INSERT INTO "Group" VALUES (1, 1, 'a', 'b'), (2, 2, 'c', 'b'), (3, 1, 'a', 'other')""",
]
ODD_POLICY = (
    HEAD
    + "subject: {table: Клиенты AS 100%, key: Код}\nclock: [Клиенты AS 100%.Last Seen]\n"
    + STAGE
    + """\
      Group: {where: "\\"from\\" IS NOT NULL AND \\"при %s\\" LIKE '%b%'", delete: row}
      Клиенты AS 100%: {depersonalise: {keep: [Код, Last Seen], nothing: [order], constant "%": [select]}}
"""
)


@pytest.mark.parametrize("dialect", BOTH)
def test_reserved_and_cyrillic_names_with_blanks_and_percent_signs(dialect: str, tmp_path: Path) -> None:
    with way_of(dialect, tmp_path, ODD, ODD_POLICY) as way:
        way.whole(
            "1",
            (f'SELECT "Код", "order", "select" FROM {CLIENTS} ORDER BY 1', [(1, None, "%"), (2, "kept", "y")]),
            ('SELECT * FROM "Group" ORDER BY 1', [(2, 2, "c", "b"), (3, 1, "a", "other")]),
        )


@pytest.mark.parametrize("dialect", BOTH)
def test_names_with_dots_and_quotes_beside_a_key_of_two_columns(dialect: str, tmp_path: Path) -> None:
    schema = [
        """CREATE TABLE "v1.users" (tenant INTEGER, "no" INTEGER, "i.in" VARCHAR(12), seen_at TIMESTAMP,
            PRIMARY KEY (tenant, "no"))""",
        """CREATE TABLE "a.""b" (id INTEGER PRIMARY KEY, t INTEGER, n INTEGER, "i.in" VARCHAR(12), x TEXT,
            FOREIGN KEY (t, n) REFERENCES "v1.users" (tenant, "no"))""",
        "CREATE TABLE users (id INTEGER PRIMARY KEY)",
        f"""INSERT INTO "v1.users" VALUES (1, 1, '991231490611', '{OLD}'), (1, 2, '5', '{NEW}'),
            (2, 1, '7', '{OLD}')""",
        """INSERT INTO "a.""b" VALUES (1, 1, 1, '991231490611', 'x'), (2, 1, 2, '5', 'kept'), (3, 2, 1, '8', 'x'),
            (4, 2, 1, NULL, 'x')""",
    ]
    policy = (
        HEAD
        + """\
subject: {table: '"v1.users"', key: [tenant, no]}
clock: ['"v1.users".seen_at']
links:
  - {from: '"a.""b"."i.in"', to: '"v1.users"."i.in"'}
"""
        + STAGE
        + """\
      '"v1.users"': {depersonalise: {keep: [tenant, no, seen_at], synthetic iin: [i.in]}}
      '"a.""b"': {depersonalise: {keep: [id, t, n], 'follows "v1.users"."i.in"': [i.in], nothing: [x]}}
ignore: {users: no data}
"""
    )
    joined = """SELECT b.id, b.x, b."i.in" = u."i.in"
        FROM "a.""b" b JOIN "v1.users" u ON (t, n) = (tenant, "no") ORDER BY 1"""
    with way_of(dialect, tmp_path, schema, policy) as way:
        yes = 1 if dialect == "sqlite" else True
        way.whole("1,1", (joined, [(1, None, yes), (2, "kept", yes), (3, None, yes), (4, None, None)]))


@pytest.mark.parametrize("dialect", BOTH)
def test_names_as_long_as_they_may_be(dialect: str, tmp_path: Path) -> None:
    """62 bytes are 31 Cyrillic letters: two aliases of such a table must not be cut to one name."""
    long, other = "ы" * 31, "ы" * 30 + "ю"
    schema = [
        f'CREATE TABLE "{long}" (id INTEGER PRIMARY KEY, "{long}" TEXT, seen_at TIMESTAMP, '
        f'boss INTEGER REFERENCES "{long}" (id))',
        f'CREATE TABLE "{other}" (id INTEGER PRIMARY KEY, "{long}" INTEGER REFERENCES "{long}" (id), '
        f'up INTEGER REFERENCES "{other}" (id))',
        f"""INSERT INTO "{long}" VALUES (1, 'a', '{OLD}', NULL), (2, 'a', '{NEW}', 1), (3, 'b', '{OLD}', 2),
            (4, 'c', '{OLD}', 4)""",
        f'INSERT INTO "{other}" VALUES (1, 1, NULL), (2, 3, NULL), (3, 4, NULL), (4, 2, 2), (5, 4, 2)',
    ]
    policy = (
        HEAD
        + f"subject: {{table: {long}, key: id, same person: {long}}}\nclock: [{long}.seen_at]\n"
        + STAGE
        + f"      {other}: delete\n      {long}: delete\n"
    )
    with way_of(dialect, tmp_path, schema, policy) as way:
        way.whole(
            "1",
            (f'SELECT id FROM "{long}" ORDER BY id', [(1,), (2,), (3,)]),
            (f'SELECT id FROM "{other}" ORDER BY id', [(1,), (2,), (4,)]),
        )


def test_people_and_rows_in_other_schemas(tmp_path: Path) -> None:
    key = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    person = "person UUID REFERENCES hr.people, note TEXT"
    schema = [
        "CREATE SCHEMA hr",
        'CREATE SCHEMA "Бил.линг"',
        "CREATE TABLE hr.people (person_no UUID PRIMARY KEY, name TEXT, seen_at TIMESTAMPTZ)",
        f"CREATE TABLE hr.orders (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {person})",
        f'CREATE TABLE "Бил.линг".orders (id SMALLINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, {person})',
        f"CREATE TABLE orders (id SERIAL PRIMARY KEY, {person})",
        f"INSERT INTO hr.people VALUES ('{key}', 'aigerim', '{OLD}'), ('b{key[1:]}', 'kept', '{NEW}')",
        *(
            f"INSERT INTO {table} (person, note) SELECT person_no, name FROM hr.people ORDER BY seen_at"
            for table in ("hr.orders", '"Бил.линг".orders', "orders")
        ),
    ]
    policy = (
        HEAD
        + "subject: {table: hr.people, key: person_no}\nclock: [hr.people.seen_at]\n"
        + STAGE
        + "      hr.orders: delete\n      '\"Бил.линг\".orders': delete\n"
        + rule("nothing: [note]", "id, person", "orders")
        + rule("nothing: [name]", "person_no, seen_at", "hr.people")
    )
    with way_of("postgresql", tmp_path, schema, policy) as way:
        assert 'GRANT SELECT, UPDATE, DELETE ON "Бил.линг"."orders"' in way.merzim("init", "--print-grants")
        way.whole(
            key,
            ("SELECT name FROM hr.people ORDER BY seen_at", [(None,), ("kept",)]),
            ("SELECT id, note FROM hr.orders", [(2, "kept")]),
            ('SELECT id, note FROM "Бил.линг".orders', [(2, "kept")]),
            ("SELECT id, note FROM orders ORDER BY id", [(1, None), (2, "kept")]),
        )


def test_a_cascade_into_a_schema_that_the_policy_does_not_name(tmp_path: Path) -> None:
    schema = [
        "CREATE SCHEMA far",
        *people("name TEXT", "'aigerim'"),
        "CREATE TABLE far.bank (id INT PRIMARY KEY, person_id INT REFERENCES people ON DELETE CASCADE)",
        "INSERT INTO far.bank VALUES (1, 1)",
    ]
    with way_of("postgresql", tmp_path, schema, PEOPLE + "      people: delete\n") as way:
        unnamed, unseen = way.sentences()
        assert "`far.bank` stands in no stage and is not ignored" in unnamed
        assert "would delete what is kept in `far.bank` unseen" in unseen
        way.merzim("run", code=2)
        assert way.operator.rows("SELECT * FROM far.bank") == [(1, 1)]
    ignored = PEOPLE + rule("nothing: [name]") + "ignore: {far.bank: kept by the bank}\n"
    with way_of("postgresql", tmp_path / "ignored", schema, ignored) as way:
        way.whole("1", ("SELECT count(name) FROM people", [(1,)]), ("SELECT * FROM far.bank", [(1, 1)]))


def test_needless_quotes_do_no_harm(tmp_path: Path) -> None:
    policy = PEOPLE.replace("[people.seen_at]", '[\'"people"."seen_at"\']') + rule("nothing: [name]")
    with way_of("sqlite", tmp_path, people("name TEXT", "'aigerim'"), policy) as way:
        way.whole("1", ("SELECT count(name) FROM people", [(1,)]))


def test_a_wrong_name_gets_a_sentence(tmp_path: Path) -> None:
    policy = PEOPLE.replace("people.seen_at", "people..seen_at") + rule("nothing: [name]")
    assert "`people..seen_at` is not a column" in refusal("sqlite", tmp_path, people("name TEXT", "'x'"), policy)


OURS = """\
subject: {table: verdicts, key: person_0, same person: rank}
clock: [verdicts.clock]
stages:
  profile:
    from: subject
    term: 3 years
    tables:
      people_verdicts: delete
      verdicts:
        where: "rank IN ('a', 'b') AND clock IS NOT NULL AND stage = 'x' AND key_text = 'y'"
        depersonalise: {keep: [person_0, rank, clock, stage, key_text], nothing: [state]}
"""


@pytest.mark.parametrize("dialect", BOTH)
def test_names_that_merzim_uses_itself(dialect: str, tmp_path: Path) -> None:
    """1 and 2 are one person, who is active: a column that bore the name of ours hid that."""
    schema = [
        """CREATE TABLE verdicts (person_0 INTEGER PRIMARY KEY, rank TEXT, clock TIMESTAMP, state TEXT, stage TEXT,
            key_text TEXT)""",
        "CREATE TABLE people_verdicts (key_0 INTEGER PRIMARY KEY, person_0 INTEGER REFERENCES verdicts (person_0))",
        f"""INSERT INTO verdicts VALUES (1, 'a', '{OLD}', 'kept', 'x', 'y'), (2, 'a', '{NEW}', 'kept', 'x', 'y'),
            (3, 'b', '{OLD}', 'aigerim', 'x', 'y')""",
        "INSERT INTO people_verdicts VALUES (1, 1), (2, 3)",
    ]
    with way_of(dialect, tmp_path, schema, HEAD + OURS) as way:
        way.run()
        assert way.operator.rows("SELECT state FROM verdicts ORDER BY person_0") == [("kept",), ("kept",), (None,)]
        assert way.operator.rows("SELECT key_0 FROM people_verdicts") == [(1,)]
        assert way.operator.plan().rows_due == 0
