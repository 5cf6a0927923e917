"""SQL that each database writes in its own way: numbers, days ago, and random values as written by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa


class Sql(Protocol):
    """What the bench's statements are made of. `now` is a moment as text."""

    @property
    def key(self) -> str:
        """The type of a whole number as the primary key."""

    @property
    def moment(self) -> str:
        """The type of a moment in UTC."""

    def numbers(self, upto: int) -> str:
        """What stands after FROM: a table s with the column n, from 1."""

    def ago(self, now: str, days: str) -> str:
        """The moment so many days before."""

    def earlier(self, moment: str, days: str) -> str:
        """A column's moment, so many days before it."""

    def padded(self, number: str, width: int) -> str:
        """A number as text with leading zeros."""

    def joined(self, *parts: str) -> str:
        """Texts one after another."""

    def random_digits(self, count: int) -> str:
        """So many random digits as text."""

    def random_hex(self) -> str:
        """Twenty random hexadecimal digits."""

    def settled(self, tables: Sequence[str]) -> Sequence[str]:
        """What leaves the tables as after a quiet day: statistics, and nothing to clean up."""


@dataclass(frozen=True)
class PostgreSQLSql:
    """See Sql."""

    key: str = "BIGINT PRIMARY KEY"
    moment: str = "TIMESTAMP"

    def numbers(self, upto: int) -> str:
        """See Sql."""
        return f"generate_series(1, {upto}) AS s (n)"

    def ago(self, now: str, days: str) -> str:
        """See Sql."""
        return self.earlier(f"TIMESTAMP '{now}'", days)

    def earlier(self, moment: str, days: str) -> str:
        """See Sql."""
        return f"{moment} - ({days}) * INTERVAL '1 day'"

    def padded(self, number: str, width: int) -> str:
        """See Sql."""
        return f"lpad(({number})::text, {width}, '0')"

    def joined(self, *parts: str) -> str:
        """See Sql."""
        return " || ".join(parts)

    def random_digits(self, count: int) -> str:
        """See Sql."""
        return self.padded(f"floor(random() * {10**count})::bigint", count)

    def random_hex(self) -> str:
        """See Sql."""
        return "substr(md5(random()::text), 1, 20)"

    def settled(self, tables: Sequence[str]) -> Sequence[str]:
        """See Sql."""
        return ["VACUUM ANALYZE"]


@dataclass(frozen=True)
class MariaDBSql:
    """See Sql."""

    key: str = "BIGINT PRIMARY KEY"
    moment: str = "DATETIME"

    def numbers(self, upto: int) -> str:
        """See Sql. Digit by digit: MySQL has no sequences, and follows no recursion so far."""
        digits = " UNION ALL ".join(f"SELECT {d} AS d" for d in range(10))
        places = range(len(str(upto - 1)))
        number = " + ".join(f"d{place}.d * {10**place}" for place in places)
        tables = " CROSS JOIN ".join(f"({digits}) AS d{place}" for place in places)
        return f"(SELECT {number} + 1 AS n FROM {tables} WHERE {number} < {upto}) AS s"

    def ago(self, now: str, days: str) -> str:
        """See Sql."""
        return self.earlier(f"TIMESTAMP '{now}'", days)

    def earlier(self, moment: str, days: str) -> str:
        """See Sql."""
        return f"{moment} - INTERVAL ({days}) DAY"

    def padded(self, number: str, width: int) -> str:
        """See Sql."""
        return f"lpad({number}, {width}, '0')"

    def joined(self, *parts: str) -> str:
        """See Sql."""
        return f"concat({', '.join(parts)})"

    def random_digits(self, count: int) -> str:
        """See Sql."""
        return self.padded(f"floor(rand() * {10**count})", count)

    def random_hex(self) -> str:
        """See Sql."""
        return "substr(sha2(rand(), 256), 1, 20)"

    def settled(self, tables: Sequence[str]) -> Sequence[str]:
        """See Sql."""
        return [f"ANALYZE TABLE {table}" for table in tables]


@dataclass(frozen=True)
class SQLiteSql:
    """See Sql."""

    key: str = "INTEGER PRIMARY KEY"
    moment: str = "TIMESTAMP"

    def numbers(self, upto: int) -> str:
        """See Sql."""
        return (
            f"(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {upto}) SELECT n FROM c) AS s"
        )

    def ago(self, now: str, days: str) -> str:
        """See Sql."""
        return self.earlier(f"'{now}'", days)

    def earlier(self, moment: str, days: str) -> str:
        """See Sql."""
        return f"datetime({moment}, '-' || ({days}) || ' days')"

    def padded(self, number: str, width: int) -> str:
        """See Sql."""
        return f"printf('%0{width}d', {number})"

    def joined(self, *parts: str) -> str:
        """See Sql."""
        return " || ".join(parts)

    def random_digits(self, count: int) -> str:
        """See Sql."""
        return self.padded(f"abs(random() % {10**count})", count)

    def random_hex(self) -> str:
        """See Sql."""
        return "lower(hex(randomblob(10)))"

    def settled(self, tables: Sequence[str]) -> Sequence[str]:
        """See Sql."""
        return ["ANALYZE"]


def sql_of(url: str | sa.URL) -> Sql:
    """The SQL of the database at a URL."""
    name = sa.make_url(url).get_backend_name()
    known: dict[str, Sql] = {"postgresql": PostgreSQLSql(), "sqlite": SQLiteSql()}
    return known.get(name, MariaDBSql())
