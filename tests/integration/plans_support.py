"""The plan of every statement of a slice, taken where and when the statement itself runs: same transaction, same
settings, same parameters. What reads a large table from end to end is a finding."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import psycopg
import pytest
import sqlalchemy as sa

from tests.integration.small_operator import Operator

LARGE = 1000  # rows
SLICE = re.compile(r"INSERT INTO (merzim\.|merzim_)?entry\b")
WHOLE = [re.compile(p) for p in (r"SCAN (\S+)", r"BLOOM FILTER ON (\S+)", r"SEARCH (\S+) .*\(stage=\?\)$")]
BY_KEY = re.compile(r"key_(?:number|text) = \(*[a-z]")  # of a row, not the empty text that every number has beside it
READING = re.compile(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)\b", re.IGNORECASE)


@dataclass
class Seen:
    """The statements of one transaction, each with what its plan reads from end to end."""

    statements: list[str] = field(default_factory=list)
    scans: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_slice(self) -> bool:
        return any(SLICE.search(s) for s in self.statements)


@contextmanager
def slices_of(operator: Operator) -> Iterator[list[Seen]]:
    """Fills the list with the transactions of the slices that are carried out meanwhile."""
    slices: list[Seen] = []
    engine = operator.tools.database.engine
    engine.dispose()
    watch = _on_postgresql if operator.dialect == "postgresql" else _on_sqlite
    with watch(engine) as transactions:
        yield slices
    slices += [seen for seen in transactions if seen.is_slice]
    engine.dispose()


@contextmanager
def _on_postgresql(engine: sa.Engine) -> Iterator[list[Seen]]:
    """Every cursor explains before it executes or copies."""
    transactions: list[Seen] = []
    _Explaining.transactions = transactions

    def connected(driver: psycopg.Connection[Any], _: object) -> None:
        driver.cursor_factory = _Explaining

    def begun(_: sa.Connection) -> None:
        transactions.append(Seen())

    with _listening(engine, ("connect", connected), ("begin", begun)), _copies_explained():
        yield transactions


@contextmanager
def _listening(engine: sa.Engine, *pairs: tuple[str, Any]) -> Iterator[None]:
    for name, function in pairs:
        sa.event.listen(engine, name, function)
    try:
        yield
    finally:
        for name, function in pairs:
            sa.event.remove(engine, name, function)


class _Explaining(psycopg.RawCursor[Any]):
    transactions: ClassVar[list[Seen]] = []

    def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
        _explain(psycopg.RawCursor(self.connection), str(query), params)
        return super().execute(query, params, **more)


@contextmanager
def _copies_explained() -> Iterator[None]:
    copy = psycopg.Cursor.copy

    def explained(cursor: psycopg.Cursor[Any], statement: Any, params: Any = None, **more: Any) -> Any:
        query = str(statement)
        if query.startswith("COPY (SELECT"):
            selecting = query.removeprefix("COPY (").removesuffix(") TO STDOUT")
            _explain(psycopg.Cursor(cursor.connection), selecting, params)
        return copy(cursor, statement, params, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(psycopg.Cursor, "copy", explained)
        yield


def _explain(cursor: psycopg.Cursor[Any], query: str, params: Any) -> None:
    if not _Explaining.transactions or not READING.match(query):
        return
    seen = _Explaining.transactions[-1]
    seen.statements.append(query)
    with cursor:
        ((plans,),) = cursor.execute(f"EXPLAIN (FORMAT JSON) {query}".encode(), params).fetchall()
        for relation, node in _whole_reads(plans[0]["Plan"]):
            if relation == "tombstone" or _rows(psycopg.Cursor(cursor.connection), relation) >= LARGE:
                seen.scans.append((f"{node} on {relation}", query))


def _rows(cursor: psycopg.Cursor[Any], relation: str) -> int:
    ((rows,),) = cursor.execute("SELECT max(reltuples) FROM pg_class WHERE relname = %s", [relation]).fetchall()
    return int(rows)


def _whole_reads(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Relations that a plan reads from end to end: a scan of the table, or of an index without a condition."""
    kind = node["Node Type"]
    if kind == "Seq Scan" or (kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in node):
        yield node["Relation Name"], kind
    if node.get("Relation Name") == "tombstone" and "Index Cond" in node and not BY_KEY.search(node["Index Cond"]):
        yield "tombstone", f"{kind} by stage alone"
    if kind == "Bitmap Heap Scan" and any("Index Cond" not in n for n in _bitmaps(node)):
        yield node["Relation Name"], kind
    for inner in node.get("Plans", ()):
        yield from _whole_reads(inner)


def _bitmaps(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for inner in node.get("Plans", ()):
        if inner["Node Type"] == "Bitmap Index Scan":
            yield inner
        yield from _bitmaps(inner)


@contextmanager
def _on_sqlite(engine: sa.Engine) -> Iterator[list[Seen]]:
    transactions: list[Seen] = []

    def begun(_: sa.Connection) -> None:
        transactions.append(Seen())

    def executing(_: object, cursor: Any, statement: str, parameters: Any, __: object, many: bool) -> None:
        if transactions and READING.match(statement):
            seen = transactions[-1]
            seen.statements.append(statement)
            driver: sqlite3.Connection = cursor.connection
            given: Sequence[Any] = parameters[0] if many else parameters
            for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", given).fetchall():
                found = next(filter(None, (whole.match(row[3]) for whole in WHOLE)), None)
                table = _table_of(statement, found.group(1)) if found else None
                if table is not None and _is_large(driver, table):
                    seen.scans.append((row[3], statement))

    with _listening(engine, ("begin", begun), ("before_cursor_execute", executing)):
        yield transactions


def _table_of(statement: str, name: str) -> str:
    """The table behind the alias that SQLite names."""
    found = re.search(rf'(\S+) AS "?{re.escape(name)}"?[\s,)]', statement)
    return found.group(1).strip('"') if found else name


def _is_large(driver: sqlite3.Connection, table: str) -> bool:
    known = driver.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [table]).fetchone()
    if known is None:
        return False  # a subquery, a CTE or a temporary table
    quoted = '"' + table.replace('"', '""') + '"'
    return int(driver.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0]) >= LARGE
