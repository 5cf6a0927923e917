"""The ledger's migrations, run from the program on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.integration.ledger_support import BOTH, Place, empty_place
from worker.ledger import migrations
from worker.ledger.errors import LedgerError
from worker.ledger.migrations import migrate
from worker.ledger.tables import ledger_tables
from worker.ledger.version import REVISIONS, current_state, version_table


@pytest.fixture(params=BOTH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with empty_place(request.param, tmp_path) as empty:
        yield empty


def state(place: Place) -> str:
    with place.engine.connect() as conn:
        return current_state(conn, place.ledger.schema)


def test_the_migrated_ledger_equals_its_description(place: Place) -> None:
    schema = place.ledger.schema
    with place.engine.begin() as conn:
        migrate(conn, schema)
    options = {
        "compare_server_default": True,
        "include_schemas": schema is not None,
        "include_name": lambda name, kind, _parents: kind != "schema" or name == schema,
        "version_table": version_table(schema),
        "version_table_schema": schema,
    }
    with place.engine.connect() as conn:
        context = MigrationContext.configure(conn, opts=options)
        assert compare_metadata(context, place.ledger.metadata) == []


def test_a_ledger_is_absent_then_current_and_migrating_again_changes_nothing(place: Place) -> None:
    assert state(place) == "absent"
    for _ in range(2):
        with place.engine.begin() as conn:
            migrate(conn, place.ledger.schema)
        assert state(place) == "current"


def test_a_migration_that_is_rolled_back_leaves_nothing(place: Place) -> None:
    with place.engine.connect() as conn:
        migrate(conn, place.ledger.schema)
        conn.rollback()
    assert state(place) == "absent"
    with place.engine.connect() as conn:
        assert sa.inspect(conn).get_table_names(schema=None) == []


def test_a_ledger_of_a_newer_merzim_is_refused(place: Place) -> None:
    schema = place.ledger.schema
    version = sa.table(version_table(schema), sa.column("version_num", sa.Text), schema=schema)
    with place.engine.begin() as conn:
        migrate(conn, schema)
        conn.execute(version.update().values(version_num="9999"))
    assert state(place) == "newer"
    with place.engine.connect() as conn, pytest.raises(LedgerError, match="newer merzim"):
        migrate(conn, schema)


def test_operator_tables_are_left_alone(place: Place) -> None:
    with place.engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE run (id integer primary key)")
        migrate(conn, place.ledger.schema)
        assert [column["name"] for column in sa.inspect(conn).get_columns("run")] == ["id"]


def test_two_migrations_at_once_make_one_ledger(tmp_path: Path) -> None:
    with empty_place("postgresql", tmp_path) as place:

        def migrate_now(_: int) -> str:
            with place.engine.begin() as conn:
                migrate(conn, "two words")
                return current_state(conn, "two words")

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(migrate_now, range(2))) == ["current", "current"]
        with place.engine.connect() as conn:
            assert conn.scalar(sa.select(sa.func.count()).select_from(ledger_tables("two words").run)) == 0


def test_key_texts_are_compared_binary_on_postgresql(tmp_path: Path) -> None:
    with empty_place("postgresql", tmp_path) as place, place.engine.begin() as conn:
        migrate(conn, "merzim")
        collations = conn.exec_driver_sql(
            "SELECT DISTINCT collation_name FROM information_schema.columns "
            "WHERE table_schema = 'merzim' AND column_name = 'key_text'"
        )
        assert collations.scalars().all() == ["C"]


def test_the_revisions_are_those_that_alembic_finds() -> None:
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert tuple(reversed([revision.revision for revision in script.walk_revisions()])) == REVISIONS
