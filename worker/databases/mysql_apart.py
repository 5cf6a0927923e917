"""Common table expressions on MySQL, which expands each use of one within each use of what uses it.

A thousand at most, and long before that (9.7) it drops tables that it still needs. Whether something is left to be done
of a person asks the same of everybody who has a part in it; so there the inner answer, a few keys, is asked for first,
and told as JSON to the statement that uses it.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from worker.databases.mariadb_session import is_mariadb
from worker.databases.mysql_scratch import ALL, Compiler, kinds_of

STAYING, FEW = "merzim_staying", ("merzim_going_", "merzim_with_a_part")  # as `plan.leftovers` calls them
BEGIN, END = "/* merzim: apart */", "/* merzim: again */"


class ApartCompiler(Compiler):
    """Marks what is asked first."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self.apart: list[sa.ColumnElement[Any]] = []
        super().__init__(*arguments, **more)

    def visit_cte(self, cte: sa.CTE, asfrom: bool = False, **more: Any) -> str:  # type: ignore[override]  # SQLAlchemy gives no types here
        """Writes out what is small and used inside of others; marks what is asked first, once it is known to be few."""
        if is_mariadb(self.dialect):
            return str(super().visit_cte(cte, asfrom=asfrom, **more))
        if asfrom and cte.name.startswith(FEW) and isinstance(cte.element, sa.Select | sa.CompoundSelect):
            return str(self.process(cte.element.subquery(cte.name), asfrom=True, **more))
        written = str(super().visit_cte(cte, asfrom=asfrom, **more))
        told = (self.ctes or {}).get(cte, "")
        if self.ctes and cte.name == STAYING and BEGIN not in told and any(FEW[1] in e for e in self.ctes.values()):
            begin = told.index("(") + 1
            self.ctes[cte] = f"{told[:begin]}{BEGIN}{told[begin:-1]}{END})"
            self.apart = list(cte.c)
        return written


def use(engine: sa.Engine) -> None:
    """Have statements asked in two where that is needed."""
    engine.dialect.statement_compiler = ApartCompiler  # of this engine alone
    sa.event.listen(engine, "before_cursor_execute", _ask, retval=True)


def _ask(connection: sa.Connection, _: Any, statement: str, parameters: Any, context: Any, __: bool) -> tuple[str, Any]:
    columns = getattr(context.compiled, "apart", ())
    if not columns or statement.startswith("EXPLAIN"):
        return statement, parameters
    head, _, rest = statement.partition(BEGIN)
    body, _, tail = rest.partition(END)
    quote = connection.dialect.identifier_preparer.quote
    names = [quote(c.name) for c in columns]
    cells = ", ".join(f"CAST({name} AS CHAR)" for name in names)
    asked = f"{head}{body}) SELECT JSON_ARRAYAGG(JSON_ARRAY({cells})) INTO @{STAYING} FROM {STAYING}"
    cursor = connection.connection.cursor()
    cursor.execute(asked, parameters)
    cursor.close()
    return f"{head}{_told(connection, columns, names)}{tail}", parameters


def _told(connection: sa.Connection, columns: Sequence[sa.ColumnElement[Any]], names: Sequence[str]) -> str:
    kinds = kinds_of(connection, (next(iter(c.base_columns)) for c in columns))
    paths = ", ".join(
        f"{n} {kind} PATH '$[{i}]' ERROR ON ERROR" for i, (n, kind) in enumerate(zip(names, kinds, strict=True))
    )
    return f"SELECT {', '.join(names)} FROM JSON_TABLE(@{STAYING}, '$[*]' COLUMNS ({paths})) AS merzim_rows LIMIT {ALL}"
