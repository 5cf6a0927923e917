"""What bites on MySQL alone: no ceiling for what writes, temporary tables named once, columns changed in turn."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.small_operator import HEAD, LONG_AGO, PROFILE, Operator, ignoring, operator_on, people
from tests.mariadb_server import server_url
from worker.databases import ceiling
from worker.databases.connect import open_database
from worker.databases.mariadb import MariaDB

PAYER = """\
links:
  - {from: payments.payer_iin, to: people.iin}
"""
PAYMENTS = """\
  payments:
    from: payments.paid_at
    term: 4 years
    basis: tax code
    tables:
      payments:
        depersonalise:
          keep: [id, paid_at]
          nothing: [person_id, purpose]
          follows people.iin: [payer_iin]
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on("real mysql", tmp_path)


def mysql(shop: Operator) -> MariaDB:
    database = shop.tools.database
    assert isinstance(database, MariaDB)
    return database


def test_a_statement_that_writes_too_long_is_ended_and_only_that(
    shop: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ceiling, "LOOK_SECONDS", 0.05)
    shop.sql(*people(1, 2))
    database = mysql(shop)
    with database.writing() as connection:
        database._ceiling.allow(connection, 0.2)
        with pytest.raises(sa.exc.OperationalError) as refused:
            connection.exec_driver_sql("UPDATE people SET note = SLEEP(20)")
        connection.rollback()
    assert getattr(refused.value.orig, "sqlstate", None) == "57014"
    with database.writing() as connection:
        database._ceiling.allow(connection, 0.2)
        for _ in range(5):
            connection.exec_driver_sql("UPDATE people SET note = 'quick'")
            time.sleep(0.1)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT SLEEP(0.5)").scalar_one() == 0
    assert shop.rows("SELECT DISTINCT note FROM people") == [("quick",)]


def test_who_is_cut_off_while_writing_is_ended_soon(shop: Operator) -> None:
    query = "SELECT @@wait_timeout"
    with mysql(shop).writing() as connection:
        assert connection.exec_driver_sql(query).scalar_one() == 60
    with mysql(shop).reading() as connection:
        assert connection.exec_driver_sql(query).scalar_one() == 3600


def test_a_temporary_table_is_read_as_often_as_one_likes_and_as_it_is_then(shop: Operator) -> None:
    shop.sql(*people(1, 2, 3), "ALTER TABLE people ADD raw VARBINARY(8), ADD born DATE")
    shop.sql("UPDATE people SET raw = x'00ff5c', born = '0000-00-00' WHERE id = 2")
    database = mysql(shop)
    with database.writing() as connection:
        live = sa.Table("people", sa.MetaData(), autoload_with=connection)
        names = ["id", "iin", "raw", "born"]
        few = database.temporary(connection, "few", {name: live.c[name] for name in names})
        both = sa.select(few.c.id).join(few.alias("again"), sa.literal_column("TRUE"))
        assert connection.execute(both).all() == []
        rows = sa.select(*(live.c[name] for name in names))
        database.insert_from(connection, few, names, rows)
        assert len(connection.execute(both).all()) == 9
        again = few.alias("again")
        exact = sa.select(sa.func.count()).select_from(few.join(again, few.c.id == again.c.id))
        alike = [sa.cast(a, sa.BINARY()).is_not_distinct_from(sa.cast(live.c[a.name], sa.BINARY())) for a in again.c]
        assert connection.scalar(exact.join(live, live.c.id == few.c.id).where(*alike)) == 3
        connection.execute(sa.delete(few).where(few.c.id == 1))
        assert len(connection.execute(both).all()) == 4
        database.clear(connection, few)
        assert connection.execute(both).all() == []


def test_a_column_is_read_before_it_is_emptied(tmp_path: Path) -> None:
    """The way to the person whose number is to be followed is emptied by the same UPDATE."""
    policy = HEAD + PAYER + PROFILE + PAYMENTS + ignoring("scans", "letters")
    for shop in operator_on("real mysql", tmp_path, policy=policy):
        shop.sql(*people(1, 2), f"INSERT INTO payments VALUES (1, 2, '900199999999', 'x', '{LONG_AGO}')")
        assert shop.usual_night().state == "done"
        assert shop.rows("SELECT person_id, purpose FROM payments") == [(None, None)]
        assert shop.one("SELECT payer_iin FROM payments") == shop.one("SELECT iin FROM people WHERE id = 2")


def test_what_mysql_alone_has_is_seen(shop: Operator) -> None:
    newer = shop.one("SELECT VERSION()").startswith("9.")
    shop.sql(
        "ALTER TABLE people ADD secret VARCHAR(20) INVISIBLE, ADD UNIQUE INDEX folded (id, (LOWER(LEFT(name, 20))))",
        "ALTER TABLE letters DROP PRIMARY KEY, ADD my_row_id BIGINT AUTO_INCREMENT INVISIBLE PRIMARY KEY",
        *(["ALTER TABLE scans ADD meant VECTOR(3)"] if newer else []),
    )
    with mysql(shop).reading() as connection:
        tables = mysql(shop).schema(connection, []).tables
    assert "secret" in tables["people"].table.c
    assert tables["people"].uniques == (("email",),)
    (unusual,) = tables["people"].unusual_uniques
    assert "lower(left(`name`,20))" in unusual
    assert tables["letters"].key == ("my_row_id",)
    assert ("meant" in tables["scans"].table.c) == newer
    assert "lower(left(`name`,20))" in shop.cli("check").stdout


def test_a_server_that_is_too_old_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    database = open_database(server_url("real mysql").render_as_string(False), "merzim")
    monkeypatch.setattr("worker.databases.mariadb_session._numbers", lambda _: (8, 0, 11))
    with pytest.raises(ValueError, match=r"MariaDB 10\.6 or newer and on MySQL 8\.0\.23 or newer"):
        database.engine.connect()
