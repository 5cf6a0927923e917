"""Temporary tables on MySQL, which lets a statement name each of them only once ("Can't reopen table"), and counts a
common table expression as often as it is used. Our queries name the claimed people's originals many times.

So a statement that names one more than once reads its rows out of a variable of the session, as JSON. The variable
is filled again whenever the table has changed since. The table itself is written to as anywhere else.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql.base import MySQLCompiler

from worker.databases.mariadb_rows import as_words

# A server may ask for a primary key in every table; nothing of ours sees this one.
KEY = "(merzim_row BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY)"
COLUMNS = "merzim_columns"  # in a table's `info`: the types of its columns in MySQL's own words
TOLD = "merzim_told"  # there too: what tells them to its variable
FILLED = "merzim_filled"  # in a connection's `info`: which variables say what stands in their tables
ALL = 2**63 - 1  # a LIMIT: the rows are made once a statement, with an index of their own, not anew for every other row


class Compiler(MySQLCompiler):
    """Names a temporary table once, or reads it as JSON."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._places: list[tuple[sa.Table, bool]] = []
        self.read_as_json: tuple[sa.Table, ...] = ()
        super().__init__(*arguments, **more)
        often = Counter(table for table, _ in self._places)
        self.read_as_json = tuple(table for table, times in often.items() if times > 1 or self.ctes)
        for number, (table, named) in enumerate(self._places):
            written = self._json(table, named) if table in self.read_as_json else self._name(table)
            self.string = self.string.replace(_mark(number), written)
        for table in self.read_as_json:
            self.string = self.string.replace(f"{self._name(table)}.", f"{self._alias(table)}.")

    def visit_table(  # type: ignore[override]  # SQLAlchemy gives no types here
        self, table: Any, asfrom: bool = False, enclosing_alias: Any = None, **more: Any
    ) -> str:
        """A temporary table that is read from gets its name when it is known how often it is read from."""
        if asfrom and COLUMNS in getattr(table, "info", ()) and getattr(self.statement, "table", None) is not table:
            self._places.append((table, getattr(enclosing_alias, "element", None) is not table))
            return _mark(len(self._places) - 1)
        written = super().visit_table(table, asfrom=asfrom, enclosing_alias=enclosing_alias, **more)  # type: ignore[no-untyped-call]  # the same
        return str(written)

    def _name(self, table: sa.Table) -> str:
        return self.preparer.format_table(table)

    def _alias(self, table: sa.Table) -> str:
        return self.preparer.quote(f"{table.schema}.{table.name}")

    def _json(self, table: sa.Table, named: bool) -> str:
        quote, kinds = self.preparer.quote, list(enumerate(table.info[COLUMNS]))
        told = [f"c{i} {'LONGTEXT' if _is_bytes(k) else k} PATH '$[{i}]' ERROR ON ERROR" for i, k in kinds]
        plain = [f"UNHEX(c{i})" if _is_bytes(k) else f"c{i}" for i, k in kinds]
        read = [f"{value} AS {quote(column.name)}" for value, column in zip(plain, table.c, strict=True)]
        rows = f"JSON_TABLE({_variable(table)}, '$[*]' COLUMNS ({', '.join(told)})) AS merzim_rows"
        query = f"(SELECT {', '.join(read)} FROM {rows} LIMIT {ALL})"
        return f"{query} AS {self._alias(table)}" if named else query


def describe(connection: sa.Connection, table: sa.Table, live: Mapping[str, sa.ColumnElement[Any]]) -> None:
    """Keep with a temporary table, once it was made, how its rows are told as JSON and read again. Of a temporary table
    itself the server tells an account with few rights nothing, so the columns that it was made of are asked."""
    changed(connection, table)
    if COLUMNS in table.info:
        return
    kinds = kinds_of(connection, live.values())
    cells = [sa.func.hex(as_words(c)) if _is_bytes(k) else as_words(c) for c, k in zip(table.c, kinds, strict=True)]
    rows = sa.select(sa.func.json_arrayagg(sa.func.json_array(*cells))).select_from(table)
    table.info[TOLD] = f"SET {_variable(table)} = ({rows.compile(connection)})"
    table.info[COLUMNS] = [k.replace("%", "%%") for k in kinds]


def kinds_of(connection: sa.Connection, columns: Iterable[sa.ColumnElement[Any]]) -> list[str]:
    """Types and collations of live columns, as JSON_TABLE takes them. What is no column is a text of ours."""
    wanted, known = list(columns), dict[tuple[Any, str], str]()
    for table in {c.table for c in wanted if isinstance(c, sa.Column)}:
        quoted = connection.dialect.identifier_preparer.format_table(table)
        for name, kind, collation, *_ in connection.exec_driver_sql(f"SHOW FULL COLUMNS FROM {quoted}"):
            read_as = f" CHARACTER SET {collation.split('_')[0]} COLLATE {collation}" if collation else ""
            known[table, name] = f"{kind}{read_as}"
    ours = "LONGTEXT COLLATE utf8mb4_bin"
    return [known[c.table, c.name] if isinstance(c, sa.Column) else ours for c in wanted]


def changed(connection: sa.Connection, table: sa.Table) -> None:
    """The table no longer says what its variable does."""
    connection.info.get(FILLED, set()).discard(table.name)


def use(engine: sa.Engine) -> None:
    """Have the variables say what stands in the tables whenever they are read."""
    sa.event.listen(engine, "before_cursor_execute", _tell)
    sa.event.listen(engine, "rollback", _forget)
    sa.event.listen(engine, "rollback_savepoint", _forget)


def _tell(connection: sa.Connection, _: Any, __: str, ___: Any, context: Any, ____: bool) -> None:
    compiled = context.compiled
    if not isinstance(compiled, Compiler):
        return
    filled = connection.info.setdefault(FILLED, set())
    for table in compiled.read_as_json:
        if table.name not in filled:
            cursor = connection.connection.cursor()
            cursor.execute(table.info[TOLD])
            cursor.close()
            filled.add(table.name)
    target = getattr(compiled.statement, "table", None)
    if isinstance(target, sa.Table):
        filled.discard(target.name)


def _forget(connection: sa.Connection, *_: Any) -> None:
    if not connection.invalidated:  # else there is nothing left to forget it
        connection.info.pop(FILLED, None)


def _variable(table: sa.Table) -> str:
    return f"@{table.name}"


def _is_bytes(kind: str) -> bool:
    return any(word in kind for word in ("binary", "blob", "bit", "geometry"))


def _mark(number: int) -> str:
    return f"\0{number}\0"
