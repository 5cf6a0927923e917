"""The same operator on both servers: equal schemas, equal rows, and identities that go on after the loaded ids."""

import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from worker.demo import fill, make_schema
from worker.demo.rows import TABLES

NOW = datetime(2026, 11, 23, 12)
SERVER = os.environ.get("MERZIM_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
SAME_KIND = {
    "BIGINT": "INTEGER", "SMALLINT": "INTEGER", "TIMESTAMP": "DATETIME", "JSONB": "JSON", "INET": "VARCHAR(45)",
    "BYTEA": "BLOB", "UUID": "CHAR(36)",
}  # fmt: skip


@pytest.fixture(scope="module")
def postgresql() -> Iterator[sa.Engine]:
    name = f"merzim_demo_{uuid.uuid4().hex}"
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    # A session far from UTC: what is loaded must not depend on it.
    engine = sa.create_engine(
        sa.make_url(SERVER).set(database=name), connect_args={"options": "-c TimeZone=America/New_York"}
    )
    try:
        make_schema(engine)
        yield engine
    finally:
        engine.dispose()
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        server.dispose()


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{tmp_path_factory.mktemp('demo') / 'operator.sqlite'}")
    make_schema(engine)
    return engine


@pytest.fixture(scope="module")
def filled(
    postgresql: sa.Engine, sqlite: sa.Engine, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, int], dict[str, int]]:
    roots = {root: tmp_path_factory.mktemp(root) for root in ("scans", "recordings")}
    return fill(postgresql, 300, 3, roots, NOW), fill(sqlite, 300, 3, roots, NOW)


def shape(engine: sa.Engine) -> dict[str, Any]:
    inspector = sa.inspect(engine)
    return {table: described(inspector, table) for table in inspector.get_table_names()}


def described(inspector: sa.Inspector, table: str) -> dict[str, Any]:
    columns, foreign_keys = inspector.get_columns(table), inspector.get_foreign_keys(table)
    assert not any(key.get("options", {}).get("ondelete") for key in foreign_keys)
    indexes = [index for index in inspector.get_indexes(table) if not index.get("duplicates_constraint")]
    return {
        "columns": [(column["name"], kind(column["type"])) for column in columns],
        # SQLite calls a key nullable that it never leaves empty.
        "not null": [column["name"] for column in columns if not column["nullable"] and column["name"] != "id"],
        "key": inspector.get_pk_constraint(table)["constrained_columns"],
        "foreign keys": sorted((*key["constrained_columns"], key["referred_table"]) for key in foreign_keys),
        "unique": sorted(key["column_names"] for key in inspector.get_unique_constraints(table)),
        "checks": len(inspector.get_check_constraints(table)),
        "indexes": sorted((index["name"], index["column_names"]) for index in indexes),
    }


def kind(type_: sa.types.TypeEngine[Any]) -> str:
    spelling = str(type_)
    return SAME_KIND.get(spelling, spelling)


def test_both_servers_have_the_same_schema(postgresql: sa.Engine, sqlite: sa.Engine) -> None:
    shapes = shape(postgresql)
    assert shapes == shape(sqlite)
    assert set(shapes) == set(TABLES.values())
    assert len(shapes) == 17


def test_the_rows_name_every_column_in_order(sqlite: sa.Engine) -> None:
    for kind_, table in TABLES.items():
        assert [column["name"] for column in sa.inspect(sqlite).get_columns(table)] == list(kind_._fields)


def test_every_foreign_key_has_an_index(postgresql: sa.Engine) -> None:
    inspector = sa.inspect(postgresql)
    for table in TABLES.values():
        first = {index["column_names"][0] for index in inspector.get_indexes(table)}
        assert {key["constrained_columns"][0] for key in inspector.get_foreign_keys(table)} <= first, table


def test_both_servers_get_the_same_rows(
    filled: tuple[dict[str, int], dict[str, int]], postgresql: sa.Engine, sqlite: sa.Engine
) -> None:
    assert filled[0] == filled[1]
    for table in TABLES.values():
        ours, theirs = values(postgresql, table), values(sqlite, table)
        assert len(ours) == filled[0][table]
        assert ours == theirs, table


def values(engine: sa.Engine, table: str) -> list[list[Any]]:
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # Python has no year 0, nor a year 10000
            connection.exec_driver_sql("SET LOCAL TimeZone = 'UTC'")
        return [
            [plain(value) for value in row] for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY id")
        ]


def plain(value: Any) -> Any:
    """A value of either driver in one spelling."""
    if isinstance(value, datetime):
        return str((value.astimezone(UTC) if value.tzinfo else value).replace(tzinfo=None))
    if isinstance(value, str) and value.startswith(("{", "[")):
        return json.loads(value)
    if isinstance(value, Decimal | float):
        return int(value) if value == int(value) else f"{value:.2f}"
    if isinstance(value, bool | int | dict | list | bytes | None):
        return int(value) if isinstance(value, bool) else value
    return str(value) if isinstance(value, date | uuid.UUID) or not isinstance(value, str) else value


def test_identities_go_on_after_the_loaded_ids(
    filled: tuple[dict[str, int], dict[str, int]], postgresql: sa.Engine
) -> None:
    with postgresql.connect() as connection:
        new = connection.scalar(
            sa.text("INSERT INTO consents (user_id, policy_version, text_hash, given_at)"
                    " VALUES (1, '1', repeat('0', 64), now()) RETURNING id")
        )  # fmt: skip
        assert new == filled[0]["consents"] + 1
        connection.exec_driver_sql("UPDATE users SET login = 'changed' WHERE id = 1")
        assert connection.scalar(sa.text("SELECT max(id) FROM audit_log")) == filled[0]["audit_log"] + 1


def test_a_failed_load_leaves_nothing(
    filled: tuple[dict[str, int], dict[str, int]], postgresql: sa.Engine, tmp_path: Path
) -> None:
    roots = {"scans": tmp_path, "recordings": tmp_path}
    with pytest.raises(psycopg.errors.UniqueViolation, match="regions_pkey"):
        fill(postgresql, 10, 1, roots, NOW)
    with postgresql.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM users")) == 300
