"""CHECK constraints as far as they are simple: whether one would refuse the value that a strategy writes.

What cannot be read here is no problem: the database refuses in the slice, and the subject goes to quarantine.
"""

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from random import Random
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from worker.plan.check_conditions import DIALECTS
from worker.plan.check_rules import Treated
from worker.strategies.base import StrategyError
from worker.strategies.fixed import unquote
from worker.strategies.registry import BoundStrategy

SAMPLES = 8


Row = Mapping[str, Any]
"""Known values by column, in lower case."""


class Unknown(Exception):
    """An expression that is not simple."""


def refusing_check(
    treated: Treated, bound: BoundStrategy, dialect: str, others: Mapping[str, BoundStrategy] | None = None
) -> str | None:
    """The first CHECK of the table that refuses what the strategy writes into the column, None if none surely does.
    `others` are the strategies of the columns that change with it: of those, fixed values are known too."""
    fixed = {name.lower(): value for name, b in (others or {}).items() for value in _fixed(b)}
    for check in treated.facts.checks:
        for value in written(bound, treated.name):
            if _refuses(check, treated.name, fixed | {treated.name.lower(): value}, dialect):
                return check
    return None


def doubtful_checks(
    treated: Treated, bound: BoundStrategy, dialect: str, others: Mapping[str, BoundStrategy]
) -> list[str]:
    """Every CHECK over this and other columns that may refuse what is written, depending on what stands in those."""
    fixed = {name.lower(): value for name, b in others.items() for value in _fixed(b)}
    found = []
    for check in treated.facts.checks:
        values = written(bound, treated.name)
        answers = [_answer(check, treated.name, fixed | {treated.name.lower(): v}, dialect) for v in values]
        if None in answers and False not in answers:
            found.append(check)
    return found


def _answer(check: str, column: str, row: Row, dialect: str) -> bool | None:
    """Whether the CHECK lets the row pass; None if that depends on other columns. One of this column alone passes."""
    try:
        node = sqlglot.parse_one(f"({check}\n)", dialect=DIALECTS[dialect])
        names = {c.name.lower() for c in node.find_all(exp.Column)}
        return column.lower() not in names or len(names) == 1 or _value(node, row) is not False
    except (SqlglotError, Unknown, re.error, TypeError):
        return None


def _fixed(bound: BoundStrategy) -> list[Any]:
    """The one value that the strategy writes into every row, if it does."""
    if bound.strategy.name == "constant":
        return [unquote(bound.argument or '""')]
    return [None] if bound.strategy.writes_null else []


def written(bound: BoundStrategy, column: str) -> list[Any]:
    """What the strategy writes: a sample where it invents, nothing where it depends on the old value."""
    if fixed := _fixed(bound):
        return fixed
    if not bound.strategy.unique:
        return []
    try:
        return bound.make(["?"] * SAMPLES, Random(0), (), column)  # noqa: S311 - a sample to look at, never written
    except StrategyError:
        return []


def _refuses(check: str, column: str, row: Row, dialect: str) -> bool:
    try:
        node = sqlglot.parse_one(f"({check}\n)", dialect=DIALECTS[dialect])
        names = {c.name.lower() for c in node.find_all(exp.Column)}
        return column.lower() in names and _value(node, row) is False
    except (SqlglotError, Unknown, re.error, TypeError):
        return False


_COMPARISONS: dict[type[exp.Expr], Callable[[Any, Any], bool]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
    exp.Glob: lambda text, pattern: fnmatchcase(text, pattern.replace("[^", "[!")),
    exp.Like: lambda text, pattern: bool(re.fullmatch(_like(pattern), text, re.DOTALL)),
    exp.RegexpLike: lambda text, pattern: bool(re.search(pattern, text)),
    exp.RegexpILike: lambda text, pattern: bool(re.search(pattern, text, re.IGNORECASE)),
}
_FUNCTIONS: dict[type[exp.Expr], Callable[[Any], Any]] = {
    exp.Length: len,
    exp.Lower: str.lower,
    exp.Upper: str.upper,
    exp.Trim: str.strip,
}


def _like(pattern: str) -> str:
    return "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)


def _value(node: exp.Expr, column: Row) -> Any:
    """The expression's value in a row of which some columns are known; None is SQL's unknown. Raises Unknown."""
    value = _plain_value(node, column)
    return not value if node.args.get("negate") and value is not None else value  # IS NOT NULL is one node


def _plain_value(node: exp.Expr, column: Row) -> Any:
    match node:
        case exp.Paren() | exp.Cast():
            return _value(node.this, column)
        case exp.Column():
            if node.name.lower() not in column:
                raise Unknown
            return column[node.name.lower()]
        case exp.Literal():
            return node.this if node.is_string else Decimal(node.this)
        case exp.Introducer():  # MySQL writes _utf8mb4'x'
            return _value(node.expression, column)
        case exp.Null():
            return None
        case exp.Boolean():
            return node.this
        case exp.And() | exp.Or():
            return _either(isinstance(node, exp.And), node.this, node.expression, column)
        case exp.Not():
            inner = _value(node.this, column)
            return None if inner is None else not inner
        case exp.Is():
            return _is(node, column)
        case exp.In() | exp.Between():
            return _among(node, column)
    if type(node) in _COMPARISONS:
        return _compared(node, column)
    if type(node) in _FUNCTIONS:
        inner = _value(node.this, column)
        return None if inner is None else _FUNCTIONS[type(node)](inner)
    raise Unknown


def _either(both: bool, left: exp.Expr, right: exp.Expr, column: Row) -> bool | None:
    """AND or OR, decided by one side if that is enough, whatever stands in the columns of the other."""
    known = []
    for side in (left, right):
        try:
            known.append(_value(side, column))
        except Unknown:
            continue
    decisive = not both
    if decisive in known:
        return decisive
    if len(known) < 2:
        raise Unknown
    return _joined(both, *known)


def _joined(both: bool, left: object, right: object) -> bool | None:
    decisive = not both
    if left is decisive or right is decisive:
        return decisive
    return None if left is None or right is None else both


def _is(node: exp.Is, column: Row) -> bool:
    if not isinstance(node.expression, exp.Null):
        raise Unknown
    return _value(node.this, column) is None


def _among(node: exp.In | exp.Between, column: Row) -> bool | None:
    value = _value(node.this, column)
    if isinstance(node, exp.Between):
        low, high = _value(node.args["low"], column), _value(node.args["high"], column)
        return _joined(True, _test(operator.ge, value, low), _test(operator.le, value, high))
    if not node.expressions:
        raise Unknown
    return _any_of(value, [_value(e, column) for e in node.expressions])


def _any_of(value: Any, options: list[Any]) -> bool | None:
    found: bool | None = False
    for option in options:
        found = _joined(False, found, _test(operator.eq, value, option))
    return found


def _compared(node: exp.Expr, column: Row) -> bool | None:
    left, right = node.this, node.args["expression"]
    if isinstance(right, exp.Any) and isinstance(node, exp.EQ):
        array = right.this.find(exp.Array)
        if array is None:
            raise Unknown
        return _any_of(_value(left, column), [_value(e, column) for e in array.expressions])
    return _test(_COMPARISONS[type(node)], _value(left, column), _value(right, column))


def _test(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    if isinstance(left, str) != isinstance(right, str):
        try:
            left, right = Decimal(left), Decimal(right)
        except InvalidOperation:
            raise Unknown from None
    return compare(left, right)
