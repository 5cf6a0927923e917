"""What bites on MariaDB and MySQL: DDL that commits, a row as gate, engines without rollback, messages with values."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from tests.integration.ledger_support import Place, ledger_place
from tests.integration.small_operator import Operator, operator_on, people
from tests.mariadb_server import ON_BOTH, forget_ledger, server_url
from worker.databases.connect import open_database
from worker.databases.mariadb import MariaDB
from worker.ledger import gate
from worker.ledger.migrations import migrate
from worker.ledger.version import current_state
from worker.plan.zones import CLOCK, local_to_utc
from worker.telling import foreseen

ALMATY = ZoneInfo("Asia/Almaty")


@pytest.fixture(params=ON_BOTH)
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(server: str, tmp_path: Path) -> Iterator[Place]:
    with ledger_place(server, tmp_path) as fresh:
        yield fresh


@pytest.fixture
def shop(server: str, tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on(server, tmp_path)


def test_a_migration_that_was_cut_off_goes_on(server: str, place: Place) -> None:
    forget_ledger(server)
    schema = place.ledger.schema
    with place.engine.begin() as connection:
        migrate(connection, schema)
    with place.engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {schema}.alembic_version")
        connection.exec_driver_sql(f"DROP TABLE {schema}.seal")
        connection.exec_driver_sql(f"DROP TRIGGER {schema}.entry_refuse_delete")
        connection.exec_driver_sql(f"DELETE FROM {schema}.lock_row WHERE number > 9")
        assert current_state(connection, schema) == "absent"
    with place.engine.begin() as connection:
        migrate(connection, schema)
    with place.engine.begin() as connection:
        assert current_state(connection, schema) == "current"
        assert connection.scalar(sa.text(f"SELECT COUNT(*) FROM {schema}.lock_row")) == 260
        assert set(sa.inspect(connection).get_table_names(schema)) == {
            *(t.name for t in place.ledger.all_tables()),
            "alembic_version",
            "lock_row",
        }
        triggers = "SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = :schema"
        assert connection.scalar(sa.text(triggers), {"schema": schema}) == 6


def test_whoever_destroys_shares_the_gate_and_whoever_holds_has_it_alone(place: Place) -> None:
    with place.engine.connect() as one, place.engine.connect() as two, place.engine.connect() as three:
        three.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")
        gate.hold_shared(one, place.ledger)
        gate.hold_shared(two, place.ledger)
        with pytest.raises(sa.exc.OperationalError) as refused:
            gate.hold_exclusive(three, place.ledger)
        assert getattr(refused.value.orig, "sqlstate", None) == "55P03"
        three.rollback()
        one.rollback()
        two.rollback()
        gate.hold_exclusive(three, place.ledger)
        one.exec_driver_sql("SET SESSION innodb_lock_wait_timeout = 1")
        with pytest.raises(sa.exc.OperationalError):
            gate.hold_shared(one, place.ledger)


def test_a_table_that_cannot_roll_back_is_refused(shop: Operator) -> None:
    shop.sql("ALTER TABLE letters DROP INDEX letters_email, ENGINE=MyISAM")
    said = shop.cli("check")
    assert said.returncode == 2
    assert "`letters` is kept by MyISAM" in said.stdout


def test_the_printed_grants_are_enough_for_a_night_and_too_little_to_change_the_record(shop: Operator) -> None:
    shop.sql(*people(1, 2), "INSERT INTO orders VALUES (1, 1, 'x')")
    name = f"m_{uuid.uuid4().hex[:12]}"
    printed = shop.cli("init", "--print-grants", "--role", name).stdout.splitlines()
    shop.sql(f"CREATE USER {name} IDENTIFIED BY 'secret'", *printed)
    try:
        shop.accustom()
        text = shop.env_file.read_text()
        limited = sa.make_url(shop.url).set(username=name, password="secret").render_as_string(hide_password=False)
        shop.env_file.write_text(text.replace(shop.url, limited))
        said = shop.cli("run")
        assert (said.returncode, shop.ids("people", "name <> ''"), shop.ids("orders")) == (0, [], []), said.stderr
        database = open_database(limited, str(shop.tools.ledger.schema))
        for statement in ("UPDATE {}.entry SET kind = 'x'", "TRUNCATE {}.entry"):
            with pytest.raises(sa.exc.DBAPIError), database.writing() as connection:
                connection.exec_driver_sql(statement.format(shop.tools.ledger.schema))
        database.engine.dispose()
        shop.sql(f"REVOKE TRIGGER ON {sa.make_url(shop.url).database}.people FROM {name}")
        assert "may not see which triggers `people` has" in shop.cli("check").stdout
    finally:
        shop.sql(f"DROP USER {name}")


def test_what_the_server_says_of_a_duplicate_is_not_passed_on(shop: Operator) -> None:
    shop.sql(*people(1))
    with pytest.raises(sa.exc.IntegrityError) as refused, shop.tools.database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO people (id, name, email) VALUES (2, 'x', 'p1@mail.kz')")
    assert "p1@mail.kz" in str(refused.value.orig)
    assert "p1@mail.kz" not in str(foreseen(refused.value))
    assert shop.tools.database.is_duplicate(refused.value)


def test_a_password_that_is_wrong_is_one_sentence_and_not_said(server: str) -> None:
    url = server_url(server).set(username="nobody", password="secret", database="none").render_as_string(False)
    database = open_database(url, "merzim")
    with pytest.raises(sa.exc.OperationalError) as refused, database.reading():
        pass
    (sentence,) = foreseen(refused.value) or [""]
    assert "nobody" in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize(
    "local",
    [
        datetime(1995, 7, 1, 12),
        datetime(2003, 7, 1, 12),
        datetime(2003, 12, 1, 12),
        datetime(2010, 1, 1, 0, 0, 0, 1),
        datetime(2024, 6, 1, 12),
    ],
)
def test_local_times_become_utc_without_zone_tables(place: Place, local: datetime) -> None:
    value = local_to_utc(sa.literal(local, sa.DateTime()), ALMATY, date(1991, 1, 1), date(2026, 1, 1))
    query = sa.select(sa.cast(value, CLOCK))
    with place.engine.connect() as connection:
        found = connection.scalar(query)
    assert found == local.replace(tzinfo=ALMATY).astimezone(UTC).replace(tzinfo=None)


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_no_original_outlives_its_transaction_in_the_session(shop: Operator, ending: str) -> None:
    shop.sql(*people(1, 2))
    database, sessions, session = shop.tools.database, set[int](), "SELECT CONNECTION_ID()"
    with suppress(ValueError), database.writing() as connection:
        live = sa.Table("people", sa.MetaData(), autoload_with=connection)
        few = database.temporary(connection, "merzim_before", {"email": live.c.email})
        database.insert_from(connection, few, ["email"], sa.select(live.c.email))
        twice = sa.select(few.c.email).join(few.alias(), sa.true())
        assert len(connection.execute(twice).all()) == 4
        sessions.add(connection.exec_driver_sql(session).scalar_one())
        if ending == "rollback":
            raise ValueError
    with database.reading() as connection:
        assert sessions == {connection.exec_driver_sql(session).scalar_one()}
        assert connection.exec_driver_sql("SELECT @merzim_before").scalar_one() is None
        with pytest.raises(sa.exc.ProgrammingError, match="doesn't exist"):
            connection.execute(sa.select(few.c.email))


def test_a_session_says_everything_itself(server: str) -> None:
    database = MariaDB(server_url(server), "merzim")
    isolation = "@@tx_isolation" if server == "mysql" else "@@transaction_isolation"
    query = f"SELECT {isolation}, @@time_zone, @@collation_connection, @@foreign_key_checks"
    with database.writing() as connection:
        assert connection.execute(sa.text(query)).one() == ("READ-COMMITTED", "+00:00", "utf8mb4_bin", 1)
    database.engine.dispose()
