"""What ails a PostgreSQL server, as far as this role may see."""

import sqlalchemy as sa

LONG, LAGGING = "10 minutes", "10 seconds"
_QUERY = sa.text(
    "SELECT (SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted"
    " AND datname = current_database()) AS lock_waiters,"
    " (SELECT count(*) FROM pg_stat_replication WHERE replay_lag > CAST(:lagging AS interval)) AS lagging_replicas,"
    " (SELECT count(*) FROM pg_stat_archiver WHERE last_failed_time > coalesce(last_archived_time, '-infinity'))"
    " AS unarchived_wal,"
    " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND xact_start < now() - CAST(:long AS interval)) AS long_transactions,"
    # Of sessions of others a role without pg_read_all_stats sees that they are there, and nothing more.
    " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type IS NULL)"
    " AS hidden_sessions"
)


def ailments(connection: sa.Connection) -> list[str]:
    """The names of the counts above that are not zero."""
    found = connection.execute(_QUERY, {"long": LONG, "lagging": LAGGING}).mappings().one()
    return [name for name, count in found.items() if count]
