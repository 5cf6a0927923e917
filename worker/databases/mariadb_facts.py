"""What the catalogue of MariaDB and MySQL knows of the operator's tables and SQLAlchemy's inspector does not tell."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from worker.databases.facts import TableKind
from worker.databases.mariadb_session import is_mariadb
from worker.databases.reflection import Extras, Where

VOLATILE = {
    "rand", "random_bytes", "uuid", "uuid_short", "sys_guid", "now", "sysdate", "curdate", "curtime", "current_date",
    "current_time", "current_timestamp", "localtime", "localtimestamp", "utc_date", "utc_time", "utc_timestamp",
    "unix_timestamp", "connection_id", "last_insert_id", "row_count", "found_rows", "sleep", "benchmark", "get_lock",
    "release_lock", "release_all_locks", "is_free_lock", "is_used_lock", "load_file", "nextval", "lastval", "setval",
    "current_user", "session_user", "user", "version", "master_pos_wait",
}  # fmt: skip

_OURS = "table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')"
_TRIGGERS = """
    SELECT event_object_schema, event_object_table, trigger_name FROM information_schema.triggers
    WHERE event_object_schema <> 'sys' ORDER BY trigger_name"""
_TABLES = f"""
    SELECT table_schema, table_name, table_type, COALESCE(engine, ''), COALESCE(table_rows, 0)
    FROM information_schema.tables WHERE {_OURS}"""
_COLUMNS = f"""
    SELECT table_schema, table_name, column_name, column_type, COALESCE(collation_name, ''), extra
    FROM information_schema.columns WHERE {_OURS}"""
_REFERRING = """
    SELECT DISTINCT table_schema, table_name FROM information_schema.key_column_usage
    WHERE referenced_table_schema IN :schemas AND table_schema NOT IN :schemas"""
_ACTIONS = """
    SELECT k.constraint_schema, k.table_name, k.constraint_name, r.delete_rule, u.column_name
    FROM information_schema.table_constraints k
    JOIN information_schema.referential_constraints r ON r.constraint_schema = k.constraint_schema
        AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
    JOIN information_schema.key_column_usage u ON u.constraint_schema = k.constraint_schema
        AND u.constraint_name = k.constraint_name AND u.table_name = k.table_name
    WHERE k.constraint_type = 'FOREIGN KEY' ORDER BY k.constraint_name, u.ordinal_position"""
_OVER_EXPRESSIONS = f"""
    SELECT table_schema, table_name, index_name, MAX(non_unique),
        CONCAT('UNIQUE INDEX ', index_name, ' (', GROUP_CONCAT(COALESCE(expression, column_name) SEPARATOR ', '), ')')
    FROM information_schema.statistics WHERE {_OURS}
    GROUP BY table_schema, table_name, index_name HAVING COUNT(expression) > 0"""
_MAY_SEE = """
    SELECT NULL, NULL FROM information_schema.user_privileges WHERE privilege_type = 'TRIGGER' AND grantee = :me
    UNION ALL SELECT table_schema, NULL FROM information_schema.schema_privileges
    WHERE privilege_type = 'TRIGGER' AND grantee = :me
    UNION ALL SELECT table_schema, table_name FROM information_schema.table_privileges
    WHERE privilege_type = 'TRIGGER' AND grantee = :me"""
_FUNCTIONS = """
    SELECT LOWER(routine_name) FROM information_schema.routines
    WHERE LOWER(routine_name) IN :names AND (is_deterministic = 'NO' OR sql_data_access = 'MODIFIES SQL DATA')"""


def extras(connection: sa.Connection, default: str) -> Extras:
    """Everything by (schema, table); the schema is None for the default one."""

    def rows(query: str) -> list[tuple[Where, tuple[Any, ...]]]:
        found = connection.execute(sa.text(query)).all()
        return [((None if r[0] == default else r[0], r[1]), tuple(r[2:])) for r in found]

    tables, columns = rows(_TABLES), rows(_COLUMNS)
    types: dict[Where, dict[str, str]] = {}
    for where, (column, kind, collation, _) in columns:
        types.setdefault(where, {})[column] = f"{kind} {collation}".rstrip()
    triggers: dict[Where, tuple[str, ...]] = {}
    for where, (name,) in rows(_TRIGGERS):
        triggers[where] = (*triggers.get(where, ()), name)
    seen = _triggers_seen(connection)
    expressions = [] if is_mariadb(connection.dialect) else rows(_OVER_EXPRESSIONS)
    unusual: dict[Where, tuple[str, ...]] = {}
    for where, (_, many, definition) in expressions:
        unusual[where] = unusual.get(where, ()) if many else (*unusual.get(where, ()), definition)
    real = [(where, engine) for where, (kind, engine, _) in tables if kind == "BASE TABLE"]
    return Extras(
        triggers=triggers,
        kinds={where: _kind(kind) for where, (kind, *_) in tables},
        rows={where: int(size) for where, (*_, size) in tables},
        types=types,
        on_delete=_on_delete(connection, default),
        unusual_uniques=unusual,
        over_expressions=frozenset((where, index) for where, (index, *_) in expressions),
        hiding_triggers=frozenset(w for w, _ in real if not _sees_triggers(seen, w[0] or default, w[1])),
        no_rollback={where: engine for where, engine in real if engine.lower() != "innodb"},
        stamped=frozenset((where, c) for where, (c, _, _, extra) in columns if "on update" in extra.lower()),
    )


def _triggers_seen(connection: sa.Connection) -> frozenset[tuple[str | None, str | None]]:
    """(schema, table) on which the account itself has the privilege TRIGGER; None: on all. One that it has by a role
    does not show here."""
    user, _, host = connection.execute(sa.text("SELECT CURRENT_USER()")).scalar_one().rpartition("@")
    found: set[tuple[str | None, str | None]] = set()
    for schema, table in connection.execute(sa.text(_MAY_SEE), {"me": f"'{user}'@'{host}'"}):
        found.add((schema and schema.replace("\\", ""), table))
    return frozenset(found)


def _sees_triggers(seen: frozenset[tuple[str | None, str | None]], schema: str, table: str) -> bool:
    return not seen.isdisjoint({(None, None), (schema, None), (schema, table)})


def _kind(kind: str) -> TableKind:
    return "view" if "VIEW" in kind else "table"


def _on_delete(connection: sa.Connection, default: str) -> dict[tuple[str | None, str, tuple[str, ...]], str]:
    """What each foreign key does when its target's row is deleted."""
    columns: dict[tuple[str, str, str], tuple[str, ...]] = {}
    rules: dict[tuple[str, str, str], str] = {}
    for schema, table, name, rule, column in connection.execute(sa.text(_ACTIONS)):
        key = (schema, table, name)
        columns[key], rules[key] = (*columns.get(key, ()), column), rule
    return {(None if s == default else s, t, columns[s, t, n]): rule for (s, t, n), rule in rules.items()}


def referring(connection: sa.Connection, schemas: Iterable[str]) -> dict[str | None, list[str]]:
    """Tables outside of the schemas whose foreign keys point into them, by schema: what a delete would meet there."""
    found: dict[str | None, list[str]] = {}
    query = sa.text(_REFERRING).bindparams(sa.bindparam("schemas", expanding=True))
    for schema, table in connection.execute(query, {"schemas": sorted(schemas)}):
        found.setdefault(schema, []).append(table)
    return found


def volatile_of_theirs(connection: sa.Connection, names: Iterable[str]) -> set[str]:
    """Which of the functions are the operator's own and may write or answer differently."""
    query = sa.text(_FUNCTIONS).bindparams(sa.bindparam("names", expanding=True))
    return set(connection.execute(query, {"names": sorted(names)}).scalars())
