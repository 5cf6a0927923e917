"""What a session of MariaDB and one of MySQL are told. They share nearly everything; what only one of them knows, or
calls by another name, stands here.

What a server or a role has set must not decide what is read, written or waited for: the session says it all.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.databases.errors import UnknownDatabase

# Zero dates stand in many old tables and must be put back as they were, so NO_ZERO_DATE is not among these.
_MODES = ("STRICT_ALL_TABLES", "ERROR_FOR_DIVISION_BY_ZERO", "NO_AUTO_VALUE_ON_ZERO", "NO_ENGINE_SUBSTITUTION")
# utf8mb4_bin: what is compared with a text of ours, or cast to text, is compared letter by letter.
_NAMES = "SET NAMES utf8mb4 COLLATE utf8mb4_bin"
_BOTH = (
    "SET SESSION time_zone = '+00:00', foreign_key_checks = 1, unique_checks = 1, group_concat_max_len = 1048576,"
    " wait_timeout = 3600, sql_safe_updates = 0, sql_select_limit = 18446744073709551615"
)


@dataclass(frozen=True)
class Session:
    """`connect` is said once, the others at the beginning of each transaction, before it looks at anything. `writing`
    has the places {seconds}, how long a lock is waited for, and {ceiling}, how long a statement may take. Both say the
    isolation: SQLAlchemy would with four statements around each transaction."""

    oldest: tuple[int, ...]
    connect: tuple[str, ...]
    reading: str
    writing: str


# SIMULTANEOUS_ASSIGNMENT: an UPDATE's right sides see the row as it was, as in every other database.
MARIADB = Session(
    (10, 6),
    (_NAMES, f"{_BOTH}, idle_write_transaction_timeout = 60, sql_mode = '{','.join(_MODES)},SIMULTANEOUS_ASSIGNMENT'"),
    "SET SESSION tx_isolation = 'REPEATABLE-READ', max_statement_time = 0",
    "SET SESSION tx_isolation = 'READ-COMMITTED', innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds},"
    " max_statement_time = {ceiling}, foreign_key_checks = 1",
)
# MySQL ends a session that is idle, not one that is idle in a transaction: so while it writes, it may not be idle long.
# It bounds no statement that writes; `ceiling.Ceiling` does. It would tell sizes of tables as they were a day ago, and
# round what MariaDB cuts off.
MYSQL = Session(
    (8, 0, 23),
    (
        _NAMES,
        f"{_BOTH}, sql_mode = '{','.join(_MODES)},TIME_TRUNCATE_FRACTIONAL', information_schema_stats_expiry = 0"
        " /*!80030 , show_gipk_in_create_table_and_information_schema = 1 */",
    ),
    "SET SESSION transaction_isolation = 'REPEATABLE-READ', max_execution_time = 0, wait_timeout = 3600",
    "SET SESSION transaction_isolation = 'READ-COMMITTED', innodb_lock_wait_timeout = {seconds},"
    " lock_wait_timeout = {seconds}, wait_timeout = 60, foreign_key_checks = 1",
)


def session_of(dialect: sa.Dialect) -> Session:
    """Which of the two a connection leads to; known once a first connection was made."""
    return MARIADB if is_mariadb(dialect) else MYSQL


def is_mariadb(dialect: sa.Dialect) -> bool:
    """Whether the server is MariaDB, where SQLAlchemy's name for the dialect is mysql for both."""
    return bool(getattr(dialect, "is_mariadb", False))


def begin(driver: Any, record: object) -> None:
    """Tell a new session everything. Raises UnknownDatabase where the server is too old, or another one."""
    with driver.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        (version,) = cursor.fetchone()
        session = MARIADB if "MariaDB" in version else MYSQL
        if _numbers(version) < session.oldest or "TiDB" in version:
            raise UnknownDatabase(text("database_url.too_old", version=version))
        for statement in session.connect:
            cursor.execute(statement)
    driver.commit()


def _numbers(version: str) -> tuple[int, ...]:
    """10.11.6-MariaDB-… → (10, 11, 6)."""
    return tuple(int(part) for part in version.split("-")[0].split(".") if part.isdecimal())
