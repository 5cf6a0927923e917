"""check as a whole: all mistakes at once, what stops only a stage, warnings with DDL, settings, the demo's policy."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from config.loader import load_policy
from tests.integration.check_support import (
    BOTH,
    POLICY,
    TABLES,
    changed,
    check,
    on_server,
    only,
    open_empty,
    operator,
    postgresql_database,
    trigger,
)
from worker.demo import make_schema
from worker.pipeline.checking import check_policy, check_text

KPI = Path(__file__).parents[2] / "config" / "policies" / "kpi.yaml"


NULLABLE = {
    "postgresql": ["ALTER TABLE orders ALTER person_id DROP NOT NULL"],
    "sqlite": [
        "DROP TABLE orders",
        *(
            t.replace("person_id INTEGER NOT NULL", "person_id INTEGER")
            for t in TABLES
            if t.startswith("CREATE TABLE orders")
        ),
    ],
}

TEN_CHANGES = [
    ("operator: A shop", "operater: A shop"),
    ("timezone: Asia/Almaty", "timezone: Asia/Almaty\ntimezone: UTC"),
    ("  email: [people.email]", "  email: [people.email, clients.email]"),
    ("  - people.seen_at\n", "  - people.sen_at\n"),
    ("status, seen_at, blocked_at]", "seen_at, blocked_at]"),
    ("    term: 3 years\n", "    term: 1 year\n"),
    ('where: "closed_at IS NULL"', 'where: "closed_at IS; DROP TABLE people"'),
    ('constant "": [name]\n          nothing: [', "nothing: [name, "),
    ("letters: {", "bags: delete\n      letters: {"),
    ("regions: no", "tags: kept for good\n  regions: no"),
    ("lines: delete", "subscribers: delete\n      lines: delete"),
]
TEN_TABLES = [
    "CREATE TABLE bags (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id))",
    "CREATE TABLE tags (id INTEGER PRIMARY KEY, bag INTEGER REFERENCES bags (id) ON DELETE CASCADE)",
    "CREATE TABLE subscribers (email VARCHAR(99) PRIMARY KEY, order_id INTEGER REFERENCES orders (id))",
]
TEN_SENTENCES = [
    ("operater", "`operater` is not a word of this place; did you mean `operator`?"),
    ("timezone", "`timezone` is written twice"),
    ("identifiers.email[1]", "no table `clients`"),
    ("clock[0]", "no column `sen_at`; did you mean `seen_at`?"),
    ("holds.open order.where", "a semicolon"),
    ("stages.profile.term", "under the floor"),
    ("stages.profile.tables.bags", "would delete what is kept in `tags` unseen"),
    ("stages.profile.tables.people.depersonalise", "column `status` of `people` is not mentioned"),
    ("stages.profile.tables.people.depersonalise.nothing[0]", "column `name` is NOT NULL"),
    ("stages.orders.tables.subscribers", "the key of `subscribers` is itself personal"),
]


@pytest.mark.parametrize("dialect", BOTH)
def test_ten_mistakes_get_ten_sentences(dialect: str, tmp_path: Path) -> None:
    checked = check(dialect, tmp_path, changed(*TEN_CHANGES), *TEN_TABLES)
    assert [error.path for error in checked.errors] == [path for path, _ in TEN_SENTENCES]
    for error, (_, words) in zip(checked.errors, TEN_SENTENCES, strict=True):
        assert words in error.sentence
    assert [error.line for error in checked.errors] == sorted(error.line or 0 for error in checked.errors)
    assert len(checked.fatal) == 9  # the unnamed column stops one stage only


@pytest.mark.parametrize("dialect", BOTH)
def test_a_new_column_stops_the_stages_of_its_table_only(dialect: str, tmp_path: Path) -> None:
    checked = check(dialect, tmp_path, POLICY, "ALTER TABLE journal ADD author TEXT")
    error = only(checked.problems)
    assert "column `author` of `journal` is not mentioned" in error.sentence
    assert list(checked.stopped) == ["profile"]
    assert "`author`" in checked.stopped["profile"]
    assert checked.fatal == ()


@pytest.mark.parametrize("dialect", BOTH)
def test_a_stage_that_carries_a_link_column_along_stops_too(dialect: str, tmp_path: Path) -> None:
    checked = check(dialect, tmp_path, POLICY, "ALTER TABLE orders ADD author TEXT")
    assert set(checked.stopped) == {"profile", "orders"}
    assert checked.fatal == ()


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(("target", "stopped"), [("lines", {"orders"}), ("letters", {"profile"})])
def test_a_new_table_stops_the_stages_that_it_refers_to(
    target: str, stopped: set[str], dialect: str, tmp_path: Path
) -> None:
    ddl = f"CREATE TABLE fresh (id INTEGER PRIMARY KEY, other INTEGER REFERENCES {target} (id))"
    checked = check(dialect, tmp_path, POLICY, ddl)
    error = only(checked.errors)
    assert "table `fresh` stands in no stage and is not ignored, and a foreign key joins it" in error.sentence
    assert set(checked.stopped) == stopped
    assert checked.fatal == ()


@pytest.mark.parametrize("dialect", BOTH)
def test_an_unnamed_trigger_stops_its_stage(dialect: str, tmp_path: Path) -> None:
    checked = check(dialect, tmp_path, POLICY, *trigger(dialect, "lines_log", "lines"))
    assert "the trigger `lines_log`" in only(checked.problems).sentence
    assert set(checked.stopped) == {"orders"}


@pytest.mark.parametrize("dialect", BOTH)
def test_rows_that_wait_for_others_are_a_warning(dialect: str, tmp_path: Path) -> None:
    ddl = "CREATE TABLE tags (id INTEGER PRIMARY KEY, line INTEGER REFERENCES lines (id))"
    text = changed(("regions: no", "tags: no\n  regions: no"))
    checked = check(dialect, tmp_path, text, ddl)
    assert "rows of `lines` stay as long as rows of `tags` refer to them" in only(checked.problems).sentence
    assert checked.errors == ()


@pytest.mark.parametrize("dialect", BOTH)
def test_a_missing_index_is_a_warning_with_its_ddl(dialect: str, tmp_path: Path) -> None:
    rows = (
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) "
        "INSERT INTO letters (id, person_id, direction, sent_at) SELECT i, 1, 'in', '2020-01-01' FROM n"
    )
    if dialect == "postgresql":
        rows = rows.replace("'2020-01-01'", "TIMESTAMP '2020-01-01'")
    person = "INSERT INTO people (id, name, status) VALUES (1, 'x', 'open')"
    more = ["DROP INDEX letters_person_id", person, rows, *(["ANALYZE letters"] if dialect == "postgresql" else [])]
    checked = check(dialect, tmp_path, POLICY, *more)
    warning = only(checked.problems)
    assert warning.severity == "warning"
    assert warning.sentence == "without an index on letters(person_id) each slice scans 1200 rows; make one"
    assert warning.fix is not None
    with operator(dialect, tmp_path) as (connection, _):
        connection.exec_driver_sql("DROP INDEX letters_person_id")
        connection.exec_driver_sql(warning.fix.replace("CONCURRENTLY ", ""))
        assert ["person_id"] in [index["column_names"] for index in sa.inspect(connection).get_indexes("letters")]


@pytest.mark.parametrize("dialect", BOTH)
def test_a_stage_that_waits_for_the_last_use_of_a_link_may_cut_it(dialect: str, tmp_path: Path) -> None:
    text = changed(
        ("from: subject", "from: [subject, {done: orders}]"),
        ("follows people.iin: [payer_iin]\n          nothing: [note]", "nothing: [payer_iin, note]"),
    )
    assert check(dialect, tmp_path, text).problems == ()


@pytest.mark.parametrize("dialect", BOTH)
def test_a_link_column_that_another_stage_needs_is_a_warning(dialect: str, tmp_path: Path) -> None:
    text = changed(
        ("ignore:\n", "  early: {from: subject, term: 3 years, tables: {lines: delete}}\nignore:\n"),
        ("keep: [id, person_id, paid_at", "keep: [id, paid_at"),
        ("nothing: [note]", "nothing: [note, person_id]"),
    )
    checked = check(dialect, tmp_path, text, *NULLABLE[dialect])
    assert checked.errors == ()
    assert "stage `early` finds rows over `orders.person_id`" in only(checked.warnings).sentence


@pytest.mark.parametrize("dialect", BOTH)
def test_settings_and_names_that_vanished(dialect: str, tmp_path: Path) -> None:
    policy = load_policy(POLICY, "shop.yaml")
    with operator(dialect, tmp_path) as (connection, database):
        checked = check_policy(connection, database, policy, {"profile", "oders"}, {}, copies_possible=False)
        again = check_policy(connection, database, policy, {"profile", "orders"}, {"scans": tmp_path})
    assert [(e.path, e.severity) for e in checked.problems] == [
        ("stages.profile.archive", "error"),
        ("stages.profile.tables.letters.files.root", "error"),
        ("stages.orders", "error"),
    ]
    settings, root, name = (e.sentence for e in checked.errors)
    assert "MERZIM_ARCHIVE_RECIPIENTS" in settings
    assert "`scans`; name it in the setting MERZIM_FILES" in root
    assert "stage `oders` stood in this policy before and is gone (is it `orders` now?)" in name
    assert again.problems == ()


def test_columns_that_postgresql_cannot_compare(tmp_path: Path) -> None:
    text = changed(("  - {from: journal.row_id", "  - {from: journal.code, to: people.id}\n  - {from: journal.row_id"))
    text = text.replace("keep: [id, table_name, row_id]", "keep: [id, table_name, row_id, code]")
    error = only(check("postgresql", tmp_path, text, "ALTER TABLE journal ADD code UUID").errors)
    assert error.path == "links[1]"
    assert "cannot compare `journal.code` with `people.id`: operator does not exist: uuid = integer" in error.sentence


def test_tables_that_postgresql_alone_has(tmp_path: Path) -> None:
    ddl = [
        "CREATE RULE silent AS ON DELETE TO lines DO INSTEAD NOTHING",
        "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM lines",
    ]
    text = changed(("lines: delete", "counted: delete\n      lines: delete"))
    view, rule = check("postgresql", tmp_path, text, *ddl).errors
    assert "`counted` is a materialised view" in view.sentence
    assert "the rewrite rule `silent`" in rule.sentence


@pytest.mark.parametrize("dialect", BOTH)
def test_nothing_readable_at_all(dialect: str, tmp_path: Path) -> None:
    assert "the file is empty" in only(check(dialect, tmp_path, "").fatal).sentence
    assert len(check(dialect, tmp_path, "policy: shop\n").fatal) > 3


def test_check_needs_only_to_read(tmp_path: Path) -> None:
    database = open_empty("sqlite", tmp_path)
    with database.engine.begin() as connection:
        for statement in [*TABLES, *trigger("sqlite", "people_log", "people")]:
            connection.exec_driver_sql(statement)
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        assert check_text(connection, database, POLICY, "shop.yaml").problems == ()


@pytest.mark.parametrize("dialect", BOTH)
def test_the_policy_of_the_demonstration_has_no_problem(dialect: str, tmp_path: Path) -> None:
    database = open_empty(dialect, tmp_path)
    make_schema(database.engine)
    try:
        with database.reading() as connection:
            checked = check_text(connection, database, KPI.read_text("utf-8"), "kpi.yaml")
        assert checked.problems == ()
    finally:
        database.engine.dispose()
        if dialect == "postgresql":
            name = postgresql_database()
            postgresql_database.cache_clear()
            on_server(f"DROP DATABASE {name} WITH (FORCE)")
