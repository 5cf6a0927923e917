"""SQLite: the embedded default. One writer at a time; BEGIN IMMEDIATE is the lock."""

import base64
import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, groupby
from typing import Any

import sqlalchemy as sa

from worker.databases.facts import Schema
from worker.databases.reflection import Extras, read_schema
from worker.databases.sqlite_errors import tell_state
from worker.databases.sqlite_functions import SQLITE_FUNCTIONS
from worker.databases.temporary import QUERIES_KEPT, described

VOLATILE = {"random", "randomblob", "changes", "total_changes", "last_insert_rowid", "load_extension"}
CHUNK_ROWS = 500


class SQLite:
    """See `base.Database`."""

    dialect = "sqlite"
    encoding = "json"
    ledger_schema: str | None = None

    def __init__(self, url: sa.URL) -> None:
        self.engine = sa.create_engine(url, hide_parameters=True, query_cache_size=QUERIES_KEPT)
        sa.event.listen(self.engine, "connect", _on_connect)
        sa.event.listen(self.engine, "begin", _on_begin)
        sa.event.listen(self.engine, "handle_error", tell_state)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """See `base.Database.reading`."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self, lock_seconds: float | None = None) -> Iterator[sa.Connection]:
        """See `base.Database.writing`."""
        with self.engine.connect() as connection:
            connection = connection.execution_options(merzim_write=True)
            with connection.begin():
                yield connection

    def expect_whole_tables(self, connection: sa.Connection, whole: bool) -> None:
        """SQLite indexes intermediate results by itself."""

    def schema(self, connection: sa.Connection, tables: Iterable[str]) -> Schema:
        """See `base.Database.schema`."""
        found = connection.execute(
            # The trigger names its table as it was written there, whatever the case of its letters.
            sa.text(
                "SELECT m.name, t.name FROM sqlite_master t JOIN sqlite_master m ON m.type = 'table' AND"
                " m.name = t.tbl_name COLLATE NOCASE WHERE t.type = 'trigger' ORDER BY t.name"
            )
        ).all()
        triggers: dict[tuple[str | None, str], tuple[str, ...]] = {}
        for table, name in found:
            triggers[(None, table)] = (*triggers.get((None, table), ()), name)
        extras = Extras(
            triggers=triggers,
            types=_types(connection),
            on_delete=_on_delete(connection),
            unusual_uniques=_unusual_uniques(connection),
        )
        return read_schema(connection, {None: None}, extras)

    def ailments(self, connection: sa.Connection) -> list[str]:
        """One writer at a time, and no replica."""
        return []

    def locked(self, query: sa.Select[Any], skip: bool, shared: bool = False) -> sa.Select[Any]:
        """The transaction holds the only write lock already."""
        return query

    def rows(self, connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
        """See `base.Database.rows`."""
        with connection.execute(query) as found:
            yield from chain.from_iterable(found.partitions(CHUNK_ROWS))

    def rows_out(self, connection: sa.Connection, query: sa.Select[Any], keys: Sequence[Any] = ()) -> Iterator[bytes]:
        """Each row's stored values, whatever the column's declared type, as one JSON array a line."""
        stored = [
            sa.type_coerce(c, sa.types.NullType()).label(f"merzim_{i}") for i, c in enumerate(query.selected_columns)
        ]
        told = query.with_only_columns(*stored, maintain_column_froms=True)
        with connection.execute(told, {"keys": keys}) as found:
            for rows in found.partitions(CHUNK_ROWS):
                yield b"".join(_line(row) for row in rows)

    def rows_in(
        self, connection: sa.Connection, target: sa.Table, columns: Sequence[str], rows: Iterable[bytes]
    ) -> int:
        """See `base.Database.rows_in`."""
        quote = connection.dialect.identifier_preparer
        names = ", ".join(quote.quote(c) for c in columns)
        into = f"INSERT INTO {quote.format_table(target)} ({names}) VALUES"
        found = (_values(line) for chunk in rows for line in chunk.splitlines())
        count = 0
        for marks, alike in groupby(found, key=lambda row: row[0]):
            count += _driver(connection).executemany(f"{into} ({marks})", (row[1] for row in alike)).rowcount
        return count

    def temporary(self, connection: sa.Connection, name: str, columns: Mapping[str, sa.Column[Any]]) -> sa.Table:
        """See `base.Database.temporary`. CREATE TABLE AS keeps each column's affinity."""
        table = described(name, "temp", columns)
        connection.execute(sa.schema.DropTable(table, if_exists=True))
        empty = sa.select(*(c.label(label) for label, c in columns.items())).where(sa.literal_column("0"))
        quoted = connection.dialect.identifier_preparer.quote(name)
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {quoted} AS {empty.compile(connection)}")
        return table

    def clear(self, connection: sa.Connection, table: sa.Table) -> None:
        """See `base.Database.clear`."""
        connection.execute(sa.delete(table))

    def insert_from(
        self, connection: sa.Connection, table: sa.Table, columns: Sequence[str], query: sa.Select[Any]
    ) -> int:
        """See `base.Database.insert_from`."""
        return connection.execute(sa.insert(table).from_select(list(columns), query)).rowcount

    def fill(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Sequence[Any]]) -> None:
        """See `base.Database.fill`."""
        if not rows:
            return
        names = [c.name for c in table.c]
        connection.execute(sa.insert(table), [dict(zip(names, row, strict=True)) for row in rows])

    def count_estimate(self, connection: sa.Connection, table: sa.Table) -> int:
        """See `base.Database.count_estimate`."""
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def is_duplicate(self, error: BaseException) -> bool:
        """See `base.Database.is_duplicate`."""
        original = getattr(error, "orig", error)
        return isinstance(original, sqlite3.IntegrityError) and "UNIQUE" in str(original)

    def is_stale(self, error: BaseException) -> bool:
        """See `base.Database.is_stale`: no plans are kept."""
        return False

    def volatile_functions(self, connection: sa.Connection, names: Iterable[str]) -> set[str]:
        """See `base.Database.volatile_functions`."""
        return {n.lower() for n in names} & VOLATILE


def _types(connection: sa.Connection) -> dict[tuple[str | None, str], dict[str, str]]:
    """Declared types as they were written; a column may have none."""
    query = """
        SELECT m.name AS owner, c.name, c.type
        FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c WHERE m.type = 'table'"""
    types: dict[tuple[str | None, str], dict[str, str]] = {}
    for owner, column, kind in connection.execute(sa.text(query)):
        types.setdefault((None, owner), {})[column] = kind
    return types


def _unusual_uniques(connection: sa.Connection) -> dict[tuple[str | None, str], tuple[str, ...]]:
    """Definitions of unique indexes over a part of the rows, or over an expression (column number -2)."""
    query = """
        SELECT m.name AS owner, i.sql
        FROM sqlite_master m JOIN pragma_index_list(m.name) l
            JOIN sqlite_master i ON i.type = 'index' AND i.name = l.name
        WHERE m.type = 'table' AND l."unique"
            AND (l.partial OR EXISTS (SELECT 1 FROM pragma_index_xinfo(l.name) x WHERE x.cid = -2))
        ORDER BY i.name"""
    found: dict[tuple[str | None, str], tuple[str, ...]] = {}
    for owner, definition in connection.execute(sa.text(query)):
        found[(None, owner)] = (*found.get((None, owner), ()), definition)
    return found


def _on_delete(connection: sa.Connection) -> dict[tuple[str | None, str, tuple[str, ...]], str]:
    """What each foreign key does when its target's row is deleted."""
    query = """
        SELECT m.name AS owner, f.id, f."from" AS part, f.on_delete
        FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
        WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq"""
    columns: dict[tuple[str, int], tuple[str, ...]] = {}
    actions: dict[tuple[str, int], str] = {}
    for owner, number, part, action in connection.execute(sa.text(query)):
        columns[owner, number] = (*columns.get((owner, number), ()), part)
        actions[owner, number] = action
    return {(None, owner, columns[owner, number]): action for (owner, number), action in actions.items()}


def _on_connect(driver: sqlite3.Connection, record: object) -> None:
    driver.isolation_level = None  # SQLAlchemy's events below begin transactions, not the driver
    driver.text_factory = _text
    for pragma in ("foreign_keys = ON", "busy_timeout = 10000", "secure_delete = ON"):
        driver.execute(f"PRAGMA {pragma}")
    for name, function in SQLITE_FUNCTIONS.items():
        driver.create_function(name, 1, function, deterministic=True)


def _on_begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("merzim_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _text(raw: bytes) -> str:
    """Text that is not UTF-8 goes through unchanged instead of failing the night."""
    return raw.decode("utf-8", "surrogateescape")


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _line(row: Sequence[Any]) -> bytes:
    text = json.dumps([_plain(v) for v in row], ensure_ascii=True, separators=(",", ":"))
    return text.encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"b": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"f": repr(value)}
    if isinstance(value, str) and not value.isascii() and (raw := value.encode("utf-8", "surrogateescape")):
        try:
            raw.decode()
        except UnicodeDecodeError:
            return {"t": base64.b64encode(raw).decode()}
    return value


def _values(line: bytes) -> tuple[str, list[Any]]:
    """A row's values with the marks by which they go in: text that is not UTF-8 goes in as bytes and is cast back."""
    row = json.loads(line)
    marks = ["CAST(? AS TEXT)" if isinstance(v, dict) and "t" in v else "?" for v in row]
    return ", ".join(marks), [_stored(v) for v in row]


def _stored(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return float(value["f"]) if "f" in value else base64.b64decode(value["b"] if "b" in value else value["t"])
