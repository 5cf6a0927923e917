"""check: the policy against the live schema, every problem at once. One read-only connection; nothing is changed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from config.loader import read_as_far_as_possible
from config.policy import Policy
from config.problems import Problem, in_order
from worker.databases.base import Database
from worker.databases.facts import Schema
from worker.plan.check_conditions import Condition, check_conditions, refuse_volatile, unreadable_to_database
from worker.plan.check_ground import Ground
from worker.plan.check_indexes import LARGE, Lookup, index_ddl, index_of, lookups, wanted_indexes, warn_of_scan
from worker.plan.check_key_values import key_questions, odd_key
from worker.plan.check_names import tables_named
from worker.plan.check_trial import cannot_compare, cannot_take, joins, queries, updates, written_values
from worker.plan.coverage import check_coverage
from worker.plan.links import true

MAY_NOT = "42501"  # PostgreSQL's insufficient_privilege


@dataclass(frozen=True)
class Checked:
    """What `check` found. `problems` stand in the order of the file; `stopped` are stages that must not run, each with
    the reason (promise 11); `stopping` are the errors which stop only those."""

    schema: Schema
    problems: tuple[Problem, ...]
    stopped: Mapping[str, str]
    stopping: tuple[Problem, ...] = field(default=(), repr=False)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Every error; with one, `merzim check` exits 2."""
        return tuple(p for p in self.problems if p.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What works, but not well."""
        return tuple(p for p in self.problems if p.severity == "warning")

    @property
    def unmentioned(self) -> tuple[str, ...]:
        """What the policy says nothing of without touching a stage: runs go on, and end with failures."""
        return tuple(p.sentence for p in self.stopping if p.path == "ignore" and p.sentence.endswith("failures"))

    @property
    def fatal(self) -> tuple[Problem, ...]:
        """Errors that refuse the whole run."""
        return tuple(p for p in self.errors if p not in self.stopping)


class Explain(sa.Executable, sa.ClauseElement):
    """Has the database plan a query without running it."""

    inherit_cache = False

    def __init__(self, query: sa.Select[Any] | sa.Update) -> None:
        self.query = query


@compiles(Explain)
def _explain(element: Explain, compiler: SQLCompiler, **more: Any) -> str:
    word = "EXPLAIN QUERY PLAN" if compiler.dialect.name == "sqlite" else "EXPLAIN"
    text = f"{word} {compiler.process(element.query, **more)}"
    compiler.isupdate = False  # whatever it explains, this statement changes nothing
    compiler._result_columns.clear()  # and gives lines of text, not the query's columns
    return text


def check_text(
    connection: sa.Connection,
    database: Database,
    text: str,
    source: str,
    stages_seen: Callable[[str], Collection[str]] = lambda _: (),
    file_roots: Mapping[str, Path] | None = None,
    copies_possible: bool = True,
) -> Checked:
    """The same as `check_policy` for a policy that may itself be wrong: problems of the text and of what is readable
    against the live schema come together. `stages_seen` tells the stages that a policy of a name has had."""
    policy, problems = read_as_far_as_possible(text, source)
    if policy is None:
        return Checked(Schema(database.dialect), in_order(problems), {})
    seen = stages_seen(policy.name) if policy.name else ()
    return _checked(connection, database, policy, problems, seen, file_roots, copies_possible)


def check_policy(
    connection: sa.Connection,
    database: Database,
    policy: Policy,
    stages_seen: Collection[str] = (),
    file_roots: Mapping[str, Path] | None = None,
    copies_possible: bool = True,
    try_queries: bool = True,
) -> Checked:
    """Hold a policy against the live schema. `stages_seen`: stages that the ledger knows of this policy; `file_roots`:
    folders by root (None: not looked at); `copies_possible`: whether archive settings are there; `try_queries`: False
    for who asks the same queries right afterwards, and saves most of the time."""
    return _checked(connection, database, policy, [], stages_seen, file_roots, copies_possible, try_queries)


def _checked(
    connection: sa.Connection,
    database: Database,
    policy: Policy,
    problems: Sequence[Problem],
    stages_seen: Collection[str],
    file_roots: Mapping[str, Path] | None,
    copies_possible: bool,
    try_queries: bool = True,
) -> Checked:
    schema = database.schema(connection, tables_named(policy))
    ground = Ground(policy, schema)
    ground.problems += problems
    check_coverage(ground, stages_seen, file_roots, copies_possible)
    _ask_about_conditions(connection, database, ground)
    _look_at_keys(connection, ground)
    _try_values(connection, ground)
    if try_queries:
        _try_queries(connection, ground)
    _try_changes(connection, ground)
    _look_for_indexes(connection, database, ground)
    return Checked(schema, in_order(ground.problems), ground.stopped, tuple(ground.stopping))


def _ask_about_conditions(connection: sa.Connection, database: Database, ground: Ground) -> None:
    conditions = check_conditions(ground)
    called = frozenset().union(*(c.functions for c in conditions))
    volatile = database.volatile_functions(connection, called) if called else set()
    for condition in refuse_volatile(ground, conditions, volatile):
        if message := _refusal(connection, _selecting(condition)):
            unreadable_to_database(ground, condition, message)


def _selecting(condition: Condition) -> sa.Select[Any]:
    table = condition.facts.table.alias()
    return sa.select(sa.literal_column("1")).select_from(table).where(true(condition.text))


def _try_queries(connection: sa.Connection, ground: Ground) -> None:
    for trial in joins(ground):
        if message := _refusal(connection, trial.query):
            cannot_compare(ground, trial, message)
    for trial in queries(ground, datetime.now(UTC)):
        if message := _refusal(connection, trial.query):
            cannot_compare(ground, trial, message)


def _look_at_keys(connection: sa.Connection, ground: Ground) -> None:
    for asked in key_questions(ground):
        if connection.execute(asked.query).first() is not None:
            odd_key(ground, asked)


def _try_values(connection: sa.Connection, ground: Ground) -> None:
    for treated, query in written_values(ground):
        if message := _refusal(connection, query, run=True):
            cannot_take(ground, treated, message)


def _try_changes(connection: sa.Connection, ground: Ground) -> None:
    for trial in updates(ground):
        if message := _refusal(connection, trial.query):
            cannot_compare(ground, trial, message)


def _look_for_indexes(connection: sa.Connection, database: Database, ground: Ground) -> None:
    for wanted in wanted_indexes(ground):
        rows = _rows(connection, database, ground, wanted.table)
        warn_of_scan(ground, wanted, rows, connection.dialect.identifier_preparer)


def _rows(connection: sa.Connection, database: Database, ground: Ground, table: str) -> int:
    facts = ground.schema.tables[table]
    return facts.rows if facts.rows >= LARGE else database.count_estimate(connection, facts.table)


@dataclass(frozen=True)
class Served:
    """A lookup with the index that serves it. Without one: `ddl` makes it, None where the table is small and needs
    none. `rows`: about how many the table has."""

    lookup: Lookup
    index: str | None
    rows: int
    ddl: str | None


def look_at_indexes(connection: sa.Connection, database: Database, policy: Policy) -> list[Served]:
    """Every clock, hold, link and step of a policy with the index that serves it."""
    ground = Ground(policy, database.schema(connection, tables_named(policy)))
    preparer = connection.dialect.identifier_preparer
    wanted = lookups(ground)
    rows = {table: _rows(connection, database, ground, table) for table in dict.fromkeys(k.table for k in wanted)}
    found = []
    for lookup in wanted:
        index = index_of(ground, lookup)
        missing = index is None and rows[lookup.table] >= LARGE
        found.append(
            Served(lookup, index, rows[lookup.table], index_ddl(ground, lookup, preparer) if missing else None)
        )
    return found


def _refusal(connection: sa.Connection, query: sa.Select[Any] | sa.Update, run: bool = False) -> str | None:
    """What the database says against a query, in its own first line; None if it can plan it. Nothing is executed but
    what asks for no row (`run`)."""
    try:
        with connection.begin_nested():
            connection.execute(query if run else Explain(query)).close()
    except SQLAlchemyError as error:
        if getattr(error, "connection_invalidated", False):
            raise  # the server is gone: that says nothing about the policy
        if isinstance(query, sa.Update) and getattr(getattr(error, "orig", None), "sqlstate", None) == MAY_NOT:
            return None  # who checks need not be who changes
        original = getattr(error, "orig", None) or error
        primary = getattr(getattr(original, "diag", None), "message_primary", None)
        return (str(primary or original).strip().splitlines() or [type(original).__name__])[0].rstrip(".;")
    return None
