"""The few forms in which lists of keys appear in SQL.

A list that is given when the statement runs is one parameter wherever the database takes it as one: the statement is
then the same whatever the number of keys. It is built once, and PostgreSQL plans it once.
"""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from worker.ledger.lists import ListOf
from worker.plan.calendar import Test


class _OneOf(sa.BinaryExpression[bool]):
    """One column in a list that the statement gets when it runs."""

    inherit_cache = True


class _OneOfThese(_OneOf):
    """One column in a list that is given now. Never kept compiled: the array below would keep the first list."""

    inherit_cache = False


class _NoneOf(_OneOf):
    """One column in no list that the statement gets when it runs. PostgreSQL would compare with every key of an array,
    and looks a query's up."""

    inherit_cache = True


@compiles(_NoneOf, "postgresql")
def _none_of_array(element: _NoneOf, compiler: SQLCompiler, **more: Any) -> str:
    keys, array_type = element.right, _array_of(element.left.type)
    assert isinstance(keys, sa.BindParameter)
    if array_type is None:
        return _not_one_of(element, compiler, **more)
    array: sa.BindParameter[Any] = sa.bindparam(keys.key, type_=array_type)
    left = compiler.process(element.left, **more)
    return f"NOT ({left} IN (SELECT unnest({compiler.process(array, **more)})))"


@compiles(_NoneOf)
def _not_one_of(element: _NoneOf, compiler: SQLCompiler, **more: Any) -> str:
    form = _OneOf(element.left, element.right, element.operator, element.type)
    return f"NOT ({compiler.process(form, **more)})"


@compiles(_OneOf, "postgresql")
def _any_of_array(element: _OneOf, compiler: SQLCompiler, **more: Any) -> str:
    keys, array_type = element.right, _array_of(element.left.type)
    assert isinstance(keys, sa.BindParameter)
    if array_type is None:
        return str(compiler.visit_binary(element, **more))  # type: ignore[no-untyped-call]  # SQLAlchemy gives no types here
    array: sa.BindParameter[Any] = sa.bindparam(keys.key, type_=array_type)
    if isinstance(element, _OneOfThese):
        array = sa.bindparam(keys.key, keys.value, type_=array_type, unique=True)
    return f"{compiler.process(element.left, **more)} = ANY ({compiler.process(array, **more)})"


@compiles(_OneOf, "sqlite")
def _any_of_json(element: _OneOf, compiler: SQLCompiler, **more: Any) -> str:
    keys = element.right
    assert isinstance(keys, sa.BindParameter)
    if not isinstance(element.left.type, sa.Integer):
        return str(compiler.visit_binary(element, **more))  # type: ignore[no-untyped-call]  # SQLAlchemy gives no types here
    whole: sa.BindParameter[Any] = sa.bindparam(keys.key, type_=_Numbers())
    if isinstance(element, _OneOfThese):
        whole = sa.bindparam(keys.key, json.dumps(keys.value), type_=sa.Text(), unique=True)
    left, right = compiler.process(element.left, **more), compiler.process(whole, **more)
    return f"{left} IN (SELECT value FROM json_each({right}))"  # noqa: S608  # the compiler's own texts


class _Numbers(sa.types.TypeDecorator[list[int]]):
    """A list of numbers as one text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: list[int] | None, dialect: sa.Dialect) -> str:
        """As JSON."""
        return json.dumps(value)


class _Padded(sa.types.UserDefinedType[str]):
    """PostgreSQL's CHAR of any length: blanks at the end mean nothing. Plain CHAR would mean one character."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Its own name for it."""
        return "BPCHAR"


def _array_of(kind: sa.types.TypeEngine[Any]) -> ListOf | None:
    """The type of a list of such values; None where no array is written (an enum)."""
    plain = _without_limits(kind)
    return None if plain is None else ListOf(plain)


def _without_limits(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any] | None:
    """The type without length, precision and collation: a cast to them would cut or round a value that is asked for,
    and find another row."""
    if isinstance(kind, sa.CHAR):
        return _Padded()
    if isinstance(kind, CITEXT | sa.Integer | sa.Uuid | sa.Date | sa.Boolean):
        return kind
    if isinstance(kind, sa.DateTime):
        return sa.DateTime(timezone=kind.timezone)
    if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum):
        return sa.Text()
    return sa.Numeric() if type(kind) in (sa.Numeric, sa.NUMERIC, sa.DECIMAL) else None


class _TupleIn(sa.BinaryExpression[bool]):
    """Tuples in a list. SQLite uses no index for `(a, b) IN (VALUES …)`, and does for a query over the same values."""

    inherit_cache = True


@compiles(_TupleIn, "sqlite")
def _tuple_in(element: _TupleIn, compiler: SQLCompiler, **more: Any) -> str:
    written: str = compiler.visit_binary(element, **more)  # type: ignore[no-untyped-call]  # SQLAlchemy gives no types here
    return written.replace(" IN (", " IN (SELECT * FROM (", 1) + ")"  # noqa: S608  # the compiler's own text


def key_in(columns: Sequence[sa.ColumnElement[Any]], keys: sa.BindParameter[Any] | list[Any]) -> Test:
    """Whether a key is one of a list, given now or when the statement runs: values for one column, tuples for more."""
    if len(columns) > 1:
        plain = sa.tuple_(*columns).in_(keys)
        return _TupleIn(plain.left, plain.right, plain.operator, plain.type, negate=plain.negate)
    one = columns[0].in_(keys)
    # Without a negated form of its own, a negation keeps it as it is, behind NOT.
    form = _OneOfThese if isinstance(keys, list) else _OneOf
    return form(one.left, one.right, one.operator, one.type)


def key_not_in(columns: Sequence[sa.ColumnElement[Any]], keys: sa.BindParameter[Any]) -> Test:
    """Whether a key is none of a list that is given when the statement runs."""
    if len(columns) > 1:
        return sa.not_(key_in(columns, keys))
    one = columns[0].in_(keys)
    return _NoneOf(one.left, one.right, one.operator, one.type)


def key_in_query(columns: Sequence[sa.ColumnElement[Any]], query: sa.SelectBase) -> Test:
    """Whether a key is one that a query gives."""
    return columns[0].in_(query) if len(columns) == 1 else sa.tuple_(*columns).in_(query)


def keys_named(name: str) -> sa.BindParameter[Any]:
    """A list of keys that a statement gets when it runs."""
    return sa.bindparam(name, expanding=True)


def bare(keys: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Keys in the form that `key_in` compares: values instead of tuples of one."""
    return [k[0] if len(k) == 1 else k for k in keys]
