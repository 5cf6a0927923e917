"""The check digit of an IIN as SQL."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from worker.identifiers.iin import FIRST_WEIGHTS, SECOND_WEIGHTS


class CheckDigit(sa.sql.functions.FunctionElement[int]):
    """0 to 9, or 10 when there is none, of a text that begins with eleven digits. The text is written out many times:
    it must be a column, not a question or something with parameters.

    One element and not an expression of a hundred: that took longer to build and to compile than to carry out.
    """

    type = sa.Integer()
    name = "merzim_check_digit"
    inherit_cache = True


@compiles(CheckDigit)
def _check_digit(element: CheckDigit, compiler: SQLCompiler, **more: Any) -> str:
    (column,) = element.clauses
    digits = compiler.process(column, **more)
    first, second = (_remainder(compiler, digits, weights) for weights in (FIRST_WEIGHTS, SECOND_WEIGHTS))
    return f"coalesce(nullif({first}, 10), {second})"


def _remainder(compiler: SQLCompiler, digits: str, weights: tuple[int, ...]) -> str:
    """Characters' codes stand for digits: they are 48 more, and 48 times the sum of the weights (66) is nothing mod 11.
    To read each digit as a number takes twice as long."""
    lite = compiler.dialect.name == "sqlite"
    code = "unicode" if lite else "ascii"
    total = " + ".join(f"{weight} * {code}(substr({digits}, {at}, 1))" for at, weight in enumerate(weights, 1))
    return f"({total}) % 11" if lite else f"mod({total}, 11)"
