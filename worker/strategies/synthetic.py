"""Values in an identifier's form that can belong to nobody. These serve where `nothing` cannot."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, ClassVar

import sqlalchemy as sa

from config.catalogue import text
from worker.identifiers.email import (
    SYNTHETIC_DOMAIN,
    SYNTHETIC_HEX_DIGITS,
    is_synthetic_email,
    synthetic_email,
)
from worker.identifiers.iin import LENGTH, is_synthetic_iin, synthetic_iin
from worker.identifiers.phone import SYNTHETIC_PREFIXES, is_synthetic_phone, synthetic_phone
from worker.strategies.base import Strategy
from worker.strategies.check_digit import CheckDigit
from worker.strategies.kinds import Kind, kind_of
from worker.strategies.sql import (
    as_text,
    is_mariadb,
    keep_null,
    looks_like,
    only_characters,
    random_below,
    random_digits,
    random_hex,
)

PHONE_DIGITS = 11  # a seven and a national number of ten


class _Synthetic(Strategy):
    types: ClassVar[frozenset[Kind]] = frozenset({"text", "integer"})
    unique = True
    draw: ClassVar[Callable[[Random], str]]
    recognise: ClassVar[Callable[[str], bool]]

    @abstractmethod
    def drawn(self, column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[str]:
        """A random value as SQL, drawn for each row."""

    @abstractmethod
    def recognised(self, text: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[bool]:
        """SQL: the text is one of ours."""

    def expression(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[Any]:
        """See Strategy. In an integer column a telephone loses its plus."""
        value: sa.ColumnElement[Any] = self.drawn(column, dialect)
        if kind_of(column.type) == "integer":
            value = sa.cast(value, sa.BigInteger)
        return keep_null(column, value)

    def make(
        self,
        values: Sequence[Any],
        argument: str | None,
        random: Random,
        allow: Sequence[str] = (),
        column_name: str = "",
    ) -> list[Any]:
        """See Strategy. No two of one call are the same; whole numbers stay whole numbers."""
        draw, used, made = type(self).draw, set[str](), list[Any]()
        for value in values:
            if value is None:
                made.append(None)
                continue
            while (drawn := draw(random)) in used:
                pass
            used.add(drawn)
            made.append(int(drawn) if isinstance(value, int) else drawn)
        return made

    def looks_done(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[bool]:
        """See Strategy."""
        return sa.or_(column.is_(None), self.recognised(as_text(column), dialect))

    def is_done(self, value: Any, argument: str | None, allow: Sequence[str] = ()) -> bool:
        """See Strategy."""
        return value is None or type(self).recognise(str(value))


class SyntheticIin(_Synthetic):
    """Twelve digits with an impossible month, seventh digit 9 and a wrong check digit: 7·10¹⁰ of them."""

    name = "synthetic iin"
    summary = text("strategy_does.synthetic_iin")
    draw = synthetic_iin
    recognise = is_synthetic_iin

    def longest(self, argument: str | None, column_name: str = "") -> int | None:
        """See Strategy."""
        return 12

    def drawn(self, column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[str]:
        """See _Synthetic."""
        body = (
            as_text(10 + random_below(90, dialect))
            + as_text(13 + random_below(87, dialect))
            + random_digits(2, dialect)
            + "9"
            + random_digits(4, dialect)
        )
        if is_mariadb(dialect):
            return _with_wrong_digit_on_mariadb(body, dialect)
        # The check digit reads the body many times: MATERIALIZED draws it once, and the reference to the
        # column anew for every row (PostgreSQL evaluates a subquery without one once for the whole UPDATE).
        row = sa.select(body.label("body")).where(column.is_not(None))
        if isinstance(column, sa.ColumnClause) and column.table is not None:
            row = row.correlate(column.table)
        once = row.cte("merzim_drawn_iin", nesting=True).prefix_with("MATERIALIZED")
        wrong = (CheckDigit(once.c.body) + 1 + random_below(9, dialect)) % 10
        return sa.select(once.c.body + as_text(wrong)).scalar_subquery()

    def recognised(self, text: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[bool]:
        """See _Synthetic. CASE: only what is known to be digits may be read as numbers."""
        twelve_digits = sa.and_(sa.func.length(text) == LENGTH, only_characters(text, "0-9", dialect))
        shape = sa.and_(twelve_digits, sa.func.substr(text, 7, 1) == "9")
        impossible = sa.cast(sa.func.substr(text, 3, 2), sa.Integer) > 12
        wrong = CheckDigit(text) != _digit(text, 12)
        return sa.case((shape, sa.and_(impossible, wrong)), else_=sa.false())


def _with_wrong_digit_on_mariadb(body: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[str]:
    """A variable of the session draws the body once: a subquery cannot, being asked once for the whole UPDATE. CONCAT
    takes its arguments from left to right; were it otherwise, no row would look done and the slice would roll back."""
    variable = sa.literal_column("@merzim_iin", sa.Text())
    wrong = (CheckDigit(variable) + 1 + random_below(9, dialect)) % 10
    return sa.func.concat(sa.func.concat(variable.op(":=")(body)), as_text(wrong), type_=sa.Text)


def _digit(text: sa.ColumnElement[str], place: int) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.substr(text, place, 1), sa.Integer)


class SyntheticPhone(_Synthetic):
    """+7 and a national number in a range that is assigned to nobody: 6·10⁸ of them."""

    name = "synthetic phone"
    summary = text("strategy_does.synthetic_phone")
    draw = synthetic_phone
    recognise = is_synthetic_phone

    def longest(self, argument: str | None, column_name: str = "") -> int | None:
        """See Strategy."""
        return 12

    def drawn(self, column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[str]:
        """See _Synthetic."""
        start = 1 + 3 * random_below(len(SYNTHETIC_PREFIXES), dialect)
        prefix = sa.func.substr("".join(SYNTHETIC_PREFIXES), start, 3, type_=sa.Text)
        return "+7" + prefix + random_digits(7, dialect)

    def recognised(self, text: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[bool]:
        """See _Synthetic."""
        without_plus = sa.func.replace(text, "+", "", type_=sa.Text)
        national = "7" + "[0-9]" * 10
        # The length apart: it is asked in half of the time that a regular expression takes to count.
        shape = looks_like(text, (f"+{national}", national), "[+]?7[0-9]*", dialect)
        # Constants of ours: PostgreSQL looks up a constant in a table, and compares a parameter with each.
        prefixes = [sa.literal_column(f"'{digits}'", sa.Text) for digits in SYNTHETIC_PREFIXES]
        prefix = sa.func.substr(without_plus, 2, 3).in_(prefixes)
        return sa.and_(sa.func.length(without_plus) == PHONE_DIGITS, shape, prefix)


class SyntheticEmail(_Synthetic):
    """Twenty random hexadecimal digits at a domain that can never exist."""

    name = "synthetic email"
    summary = text("strategy_does.synthetic_email", domain=SYNTHETIC_DOMAIN)
    types = frozenset({"text"})
    draw = synthetic_email
    recognise = is_synthetic_email

    def longest(self, argument: str | None, column_name: str = "") -> int | None:
        """See Strategy."""
        return SYNTHETIC_HEX_DIGITS + 1 + len(SYNTHETIC_DOMAIN)

    def drawn(self, column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[str]:
        """See _Synthetic."""
        return random_hex(SYNTHETIC_HEX_DIGITS, dialect) + f"@{SYNTHETIC_DOMAIN}"

    def recognised(self, text: sa.ColumnElement[str], dialect: str) -> sa.ColumnElement[bool]:
        """See _Synthetic."""
        begin, end = sa.func.substr(text, 1, SYNTHETIC_HEX_DIGITS), sa.func.substr(text, SYNTHETIC_HEX_DIGITS + 1)
        # The length, too: MariaDB sees no blanks at the end when it compares.
        whole = sa.func.length(text) == self.longest(None)
        return sa.and_(whole, end == f"@{SYNTHETIC_DOMAIN}", only_characters(begin, "0-9a-f", dialect))
