"""Shapes: rows that refer to each other, circles, cascades, partitions, heirs, views, foreign tables, row security,
triggers that undo."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.check_support import open_empty
from tests.integration.foreign_support import HEAD, NEW, OLD, PEOPLE, STAGE, people, refusal, rule, way_of
from tests.integration.small_operator import BOTH
from worker.pipeline.checking import check_text

NAME = rule("nothing: [name]")
NAMED = people("name TEXT", "'aigerim'")
USERS = HEAD + "subject: {table: users, key: id}\nclock: [users.seen_at]\n" + STAGE
CARDS = "CREATE TABLE cards (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), pan TEXT)"


def wallets(dialect: str) -> list[str]:
    """Users whose column names one of their own cards."""
    inside = ", FOREIGN KEY (card_id) REFERENCES cards (id)" if dialect == "sqlite" else ""
    later = [] if dialect == "sqlite" else ["ALTER TABLE users ADD FOREIGN KEY (card_id) REFERENCES cards (id)"]
    return [
        f"CREATE TABLE users (id INTEGER PRIMARY KEY, card_id INTEGER, name TEXT, seen_at TIMESTAMP{inside})",
        CARDS,
        *later,
        f"INSERT INTO users VALUES (1, NULL, 'aigerim', '{OLD}'), (2, NULL, 'kept', '{NEW}')",
        "INSERT INTO cards VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c')",
        "UPDATE users SET card_id = id * 2 - 1",
    ]


@pytest.mark.parametrize("dialect", BOTH)
def test_rows_that_refer_to_each_other_go_together_or_stay(dialect: str, tmp_path: Path) -> None:
    """5 is referred to by 6, which somebody else wrote who stays; 7 and 8 hang on 6, not the other way round."""
    comments = [
        """CREATE TABLE comments (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id),
            parent_id INTEGER REFERENCES comments (id), body TEXT)""",
        "INSERT INTO comments VALUES (1, 1, NULL, 'r'), (2, 1, 1, 's'), (3, 3, NULL, 'k'), (4, 1, 3, 'r')",
        "INSERT INTO comments VALUES (5, 1, NULL, 'r'), (6, 3, 5, 'k'), (7, 1, 6, 'r'), (8, 1, 7, 'r'), (9, 2, 9, 'r')",
    ]
    with way_of(dialect, tmp_path, [*NAMED, *comments], PEOPLE + "      comments: delete\n" + NAME) as way:
        assert way.sentences("warning") == [
            "rows of `comments` stay as long as other rows of `comments` that stay refer to them (parent_id)"
        ]
        way.whole("1", ("SELECT id FROM comments ORDER BY id", [(3,), (5,), (6,)]))


@pytest.mark.parametrize(("dialect", "action"), [(d, a) for d in BOTH for a in ("", "ON DELETE SET NULL")])
def test_who_leads_somebody_that_stays_is_not_deleted(dialect: str, action: str, tmp_path: Path) -> None:
    schema = [
        f"""CREATE TABLE staff (id INTEGER PRIMARY KEY, manager_id INTEGER REFERENCES staff (id) {action},
            seen_at TIMESTAMP)""",
        f"INSERT INTO staff VALUES (1, NULL, '{OLD}'), (2, 1, '{OLD}'), (3, 1, '{NEW}'), (4, 2, '{OLD}')",
    ]
    policy = HEAD + "subject: {table: staff, key: id}\nclock: [staff.seen_at]\n" + STAGE + "      staff: delete\n"
    with way_of(dialect, tmp_path, schema, policy) as way:
        way.whole("1", ("SELECT id, manager_id FROM staff ORDER BY id", [(1, None), (3, 1)]))


def test_a_cascade_within_a_table_that_sqlite_would_not_count(tmp_path: Path) -> None:
    bags = """CREATE TABLE bags (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id),
        up INTEGER REFERENCES bags (id) ON DELETE CASCADE)"""
    policy = PEOPLE + "      bags: delete\n" + NAME
    said = refusal("sqlite", tmp_path, [*NAMED, bags], policy)
    assert "makes SQLite delete others of `bags` by itself (up says ON DELETE CASCADE)" in said
    rows = "INSERT INTO bags VALUES (1, 1, NULL), (2, 1, 1), (3, 1, NULL), (4, 3, 3)"
    with way_of("postgresql", tmp_path / "postgresql", [*NAMED, bags, rows], policy) as way:
        way.whole("1", ("SELECT id FROM bags ORDER BY id", [(3,), (4,)]))


@pytest.mark.parametrize("dialect", BOTH)
def test_a_reference_that_the_stage_empties_itself_holds_nothing_back(dialect: str, tmp_path: Path) -> None:
    policy = USERS + "      cards: delete\n" + rule("nothing: [card_id, name]", table="users")
    with way_of(dialect, tmp_path, wallets(dialect), policy) as way:
        way.whole(
            "1",
            ("SELECT id, card_id, name FROM users ORDER BY id", [(1, None, None), (2, 3, "kept")]),
            ("SELECT id FROM cards", [(3,)]),
        )


@pytest.mark.parametrize("dialect", BOTH)
def test_a_reference_that_stays_keeps_its_row_and_nothing_is_due_again(dialect: str, tmp_path: Path) -> None:
    policy = USERS + "      cards: delete\n" + rule("nothing: [name]", "id, card_id, seen_at", "users")
    with way_of(dialect, tmp_path, wallets(dialect), policy) as way:
        way.whole(
            "1",
            ("SELECT id, card_id, name FROM users ORDER BY id", [(1, 1, None), (2, 3, "kept")]),
            ("SELECT id FROM cards ORDER BY id", [(1,), (3,)]),
        )


@pytest.mark.parametrize("dialect", BOTH)
def test_tables_in_a_circle_cannot_both_be_deleted(dialect: str, tmp_path: Path) -> None:
    said = refusal(dialect, tmp_path, wallets(dialect), USERS + "      cards: delete\n      users: delete\n")
    assert said.startswith("`cards`, `users` refer to each other in a circle, so none of their rows can be deleted")


@pytest.mark.parametrize("dialect", BOTH)
def test_people_go_as_soon_as_nothing_refers_to_them_any_more(dialect: str, tmp_path: Path) -> None:
    """Their payments have a longer term: the row waits, and was forgotten for ever once."""
    payments = [
        "CREATE TABLE payments (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id), at TIMESTAMP)",
        "INSERT INTO payments VALUES (1, 1, '2021-09-01 10:00:00')",
    ]
    policy = PEOPLE + "      people: delete\n"
    policy += "  payments: {from: payments.at, term: 5 years, tables: {payments: delete}}\n"
    with way_of(dialect, tmp_path, [*NAMED, *payments], policy) as way:
        operator = way.operator
        way.run()
        assert operator.ids("people") == [1, 3]
        for day in (1, 2):
            operator.night(operator.plan().now.replace(month=9, day=9 + day))
        assert (operator.ids("payments"), operator.ids("people")) == ([], [3])


def test_deferred_references(tmp_path: Path) -> None:
    notes = [
        """CREATE TABLE notes (id INT PRIMARY KEY, person_id INT REFERENCES people DEFERRABLE INITIALLY DEFERRED,
            up INT REFERENCES notes DEFERRABLE INITIALLY DEFERRED)""",
        "INSERT INTO notes VALUES (1, 1, 2), (2, 1, 1), (3, 3, NULL)",
    ]
    policy = PEOPLE + "      notes: delete\n      people: delete\n"
    with way_of("postgresql", tmp_path, [*NAMED, *notes], policy) as way:
        way.run()
        assert (way.operator.ids("notes"), way.operator.ids("people")) == ([3], [3])


PARTITIONED = [
    *NAMED,
    """CREATE TABLE visits (id BIGINT GENERATED BY DEFAULT AS IDENTITY, person_id INT REFERENCES people,
        at TIMESTAMP NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)""",
    "CREATE TABLE visits_2020 PARTITION OF visits FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
    "CREATE TABLE visits_rest PARTITION OF visits DEFAULT",
    """CREATE TABLE log (id INT, person_id INT REFERENCES people, kind TEXT, note TEXT, PRIMARY KEY (id, kind))
        PARTITION BY LIST (kind)""",
    "CREATE TABLE log_a PARTITION OF log FOR VALUES IN ('a')",
    "CREATE TABLE log_rest PARTITION OF log DEFAULT",
    """CREATE TABLE hashed (id INT PRIMARY KEY, visit BIGINT, visit_at TIMESTAMP,
        FOREIGN KEY (visit, visit_at) REFERENCES visits (id, at)) PARTITION BY HASH (id)""",
    "CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
    "CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
    f"INSERT INTO visits (person_id, at) VALUES (1, '{OLD}'), (1, '2018-01-01'), (3, '{NEW}')",
    "INSERT INTO log VALUES (1, 1, 'a', 'n'), (2, 1, 'b', 'n'), (3, 3, 'a', 'kept')",
    f"INSERT INTO hashed SELECT g, 1, '{OLD}' FROM generate_series(1, 4) g",
]
PARTITIONED_POLICY = PEOPLE + "      hashed: delete\n      visits: delete\n"


def test_partitioned_tables_are_changed_through_the_parent(tmp_path: Path) -> None:
    policy = PARTITIONED_POLICY + rule("nothing: [note]", "id, person_id, kind", "log") + NAME
    with way_of("postgresql", tmp_path, PARTITIONED, policy) as way:
        way.whole(
            "1",
            ("SELECT person_id FROM visits", [(3,)]),
            ("SELECT id, note FROM log ORDER BY id", [(1, None), (2, None), (3, "kept")]),
            ("SELECT id FROM hashed", []),
        )


def test_partitions_and_their_keys_are_refused(tmp_path: Path) -> None:
    moving = PARTITIONED_POLICY + rule('constant "b": [kind]', "id, person_id, note", "log") + NAME
    assert "`kind` is replaced by a strategy" in refusal("postgresql", tmp_path, PARTITIONED, moving)
    part = PARTITIONED_POLICY + "      log_a: delete\n" + NAME + "ignore: {log: later}\n"
    said = refusal("postgresql", tmp_path / "part", PARTITIONED, part)
    assert said.startswith("`log_a` is a partition; name the table that it belongs to")


def test_a_trigger_of_a_partition_is_one_of_its_table(tmp_path: Path) -> None:
    trigger = [
        "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "CREATE TRIGGER undo BEFORE UPDATE ON log_a FOR EACH ROW EXECUTE FUNCTION undo()",
    ]
    policy = PARTITIONED_POLICY + rule("nothing: [note]", "id, person_id, kind", "log") + NAME
    with way_of("postgresql", tmp_path, [*PARTITIONED, *trigger], policy) as way:
        (sentence,) = way.sentences()
        assert "table `log` has the trigger `undo`, which `triggers` does not mention" in sentence


def test_tables_with_heirs_are_refused(tmp_path: Path) -> None:
    heirs = "CREATE TABLE members (level INT) INHERITS (people)"
    said = refusal("postgresql", tmp_path, [*NAMED, heirs], PEOPLE + NAME + "ignore: {members: later}\n")
    assert "rows of `members` appear in `people` without being its own" in said


VIEWS = [
    "CREATE VIEW shown AS SELECT * FROM people",
    "CREATE MATERIALIZED VIEW kept AS SELECT * FROM shown",
    "CREATE EXTENSION IF NOT EXISTS file_fdw",
    "CREATE SERVER IF NOT EXISTS files FOREIGN DATA WRAPPER file_fdw",
    "CREATE FOREIGN TABLE afar (id INT, name TEXT) SERVER files OPTIONS (filename '/nowhere')",
]


def test_views_and_foreign_tables(tmp_path: Path) -> None:
    with way_of("postgresql", tmp_path, [*NAMED, *VIEWS], PEOPLE + NAME + "ignore: {afar: another's}\n") as way:
        (warning,) = way.sentences("warning")
        assert "`kept` keeps a copy of what stands in `people`" in warning
        way.whole("1", ("SELECT count(name) FROM shown", [(1,)]))
    touched = PEOPLE + NAME + "      shown: delete\n      kept: delete\n      afar: delete\n"
    with way_of("postgresql", tmp_path / "touched", [*NAMED, *VIEWS], touched) as way:
        kinds = [("shown", "view"), ("kept", "materialised view"), ("afar", "foreign table")]
        for sentence, (name, kind) in zip(way.sentences(), kinds, strict=True):
            assert sentence.startswith(f"`{name}` is a {kind}; merzim changes ordinary tables only")


def test_a_view_of_a_table_that_is_gone_is_no_obstacle(tmp_path: Path) -> None:
    broken = ["CREATE TABLE gone (x)", "CREATE VIEW old AS SELECT * FROM gone", "DROP TABLE gone"]
    with way_of("sqlite", tmp_path, [*NAMED, *broken], PEOPLE + NAME) as way:
        way.whole("1", ("SELECT count(name) FROM people", [(1,)]))


def test_row_level_security_that_hides_people_is_refused(tmp_path: Path) -> None:
    database = open_empty("postgresql", tmp_path)
    role = "merzim_without_rights"
    try:
        with database.engine.connect() as connection, connection.begin() as transaction:
            for statement in (
                *NAMED,
                "ALTER TABLE people ENABLE ROW LEVEL SECURITY",
                f"CREATE ROLE {role}",
                f"GRANT ALL ON people TO {role}",
            ):
                connection.exec_driver_sql(statement)
            assert check_text(connection, database, PEOPLE + NAME, "x.yaml").errors == ()
            connection.execute(sa.text(f"SET LOCAL ROLE {role}"))
            found = [p.sentence for p in check_text(connection, database, PEOPLE + NAME, "x.yaml").errors]
            transaction.rollback()
    finally:
        database.engine.dispose()
    assert found == [
        "row level security hides rows of `people` from this role, so people would be overlooked; "
        "connect as the table's owner, or as a role with BYPASSRLS"
    ]


@pytest.mark.parametrize(("event", "result"), [("UPDATE", "NULL"), ("UPDATE", "OLD"), ("DELETE", "NULL")])
def test_a_trigger_that_undoes_the_change(event: str, result: str, tmp_path: Path) -> None:
    """Named in the policy or not: nothing is called done that is not, and the copy is not kept either."""
    trigger = [
        f"CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN {result}; END $$",
        f"CREATE TRIGGER undo BEFORE {event} ON people FOR EACH ROW EXECUTE FUNCTION undo()",
    ]
    body = NAME if event == "UPDATE" else "      people: delete\n"
    policy = PEOPLE + body + "triggers: {undo: {writes: people}}\n"
    with way_of("postgresql", tmp_path, [*NAMED, *trigger], policy) as way:
        way.run(code=1)
        reasons = {row["reason"] for row in way.operator.ledger("quarantine")}
        assert len(reasons) == 1
        assert "Of 1 rows selected in people, 0 were de" in reasons.pop()
        assert way.operator.rows("SELECT count(name) FROM people") == [(3,)]
        assert way.operator.ledger("tombstone") == []
    with way_of("postgresql", tmp_path / "unnamed", [*NAMED, *trigger], PEOPLE + body) as way:
        (sentence,) = way.sentences()
        assert "the trigger `undo`, which `triggers` does not mention" in sentence
