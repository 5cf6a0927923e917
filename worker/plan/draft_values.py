"""How a value looks in SQL: what the draft counts among a few values. Rough on purpose: a person decides."""

from typing import Any

import sqlalchemy as sa

from worker.plan.draft_words import Personal

KINDS: tuple[Personal, ...] = ("iin", "email", "phone", "ip")
_EXPRESSIONS: dict[Personal, str] = {
    "iin": r"^\d\d(0\d|1[0-2])[0-3]\d[0-6]\d{5}$",
    "email": r"^[^@\s]+@[^@\s]+\.[^@\s.]+$",
    "phone": r"^(\+|8|7|\()[\d() -]{9,19}$",
    "ip": r"^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$",
}


def like(kind: Personal, column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[bool]:
    """Whether a text looks like an identifier of this kind; NULL looks like none."""
    if dialect != "sqlite":
        return sa.and_(column.is_not(None), column.regexp_match(_EXPRESSIONS[kind]))
    return sa.and_(column.is_not(None), *_globs(kind, column))


def _globs(kind: Personal, column: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
    """SQLite knows no regular expressions of its own."""

    def glob(pattern: str) -> sa.ColumnElement[bool]:
        return column.op("GLOB", is_comparison=True)(pattern)

    digits = sa.func.length(column)
    match kind:
        case "iin":
            return [glob("[0-9][0-9][01][0-9][0-3][0-9][0-6]" + "[0-9]" * 5)]
        case "email":
            return [glob("?*@?*.?*"), sa.not_(glob("*[ @]*@*")), sa.not_(glob("*@*@*"))]
        case "phone":
            return [glob("[+78(]*"), sa.not_(glob("*[^0-9() +-]*")), digits >= 10, digits <= 20]
        case _:
            return [glob("[0-9]*.[0-9]*.[0-9]*.[0-9]*"), sa.not_(glob("*[^0-9.]*")), digits <= 15]
