"""A stage by rows: what a row's own term and its own hold rest on changes while a slice is at it. Nobody is active."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from tests.integration.small_operator import EACH, LATELY, LONG_AGO, Operator, operator_on
from worker.pipeline import gathering
from worker.pipeline import slice as one_slice

SCHEMA = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(80), seen_at TIMESTAMP NULL)",
    "CREATE TABLE courts (id INTEGER PRIMARY KEY, ended_on TIMESTAMP NULL)",
    "CREATE TABLE cases (id INTEGER PRIMARY KEY, court_id INTEGER NOT NULL REFERENCES courts (id))",
    """CREATE TABLE debts (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id),
        case_id INTEGER NOT NULL REFERENCES cases (id), closed_on TIMESTAMP NULL)""",
    "CREATE TABLE plans (id INTEGER PRIMARY KEY, debt_id INTEGER NOT NULL REFERENCES debts (id))",
    """CREATE TABLE payments (id INTEGER PRIMARY KEY, plan_id INTEGER NOT NULL REFERENCES plans (id),
        paid_at TIMESTAMP NULL)""",
    "CREATE INDEX debts_person_id ON debts (person_id)",
    "CREATE INDEX debts_case_id ON debts (case_id)",
    "CREATE INDEX plans_debt_id ON plans (debt_id)",
    "CREATE INDEX payments_plan_id ON payments (plan_id)",
    f"INSERT INTO people VALUES (1, 'Anna', '{LONG_AGO}'), (2, 'Clara', '{LATELY}')",
    f"INSERT INTO courts VALUES (1, '{LONG_AGO}'), (2, NULL)",
    "INSERT INTO cases VALUES (1, 1)",
    f"INSERT INTO debts VALUES (1, 1, 1, '{LONG_AGO}')",
    "INSERT INTO plans VALUES (1, 1)",
    f"INSERT INTO payments VALUES (1, 1, '{LONG_AGO}')",
)
POLICY = """\
policy: debts
operator: An agency
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id}
clock: [people.seen_at]
holds:
  court: {exists: courts, where: "ended_on IS NULL", basis: law}
stages:
  debts:
    from: [debts.closed_on, payments.paid_at]
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables: {payments: delete, plans: delete, debts: delete}
ignore: {people: others take them, courts: no person, cases: no person}
"""
EVENTS = {
    "a payment gets another date": f"UPDATE payments SET paid_at = '{LATELY}'",
    "the court takes it up again": "UPDATE courts SET ended_on = NULL WHERE id = 1",
    "the case goes to another court": "UPDATE cases SET court_id = 2",
}
IMPATIENT = {"postgresql": "SET lock_timeout = '50ms'", "mysql": "SET innodb_lock_wait_timeout = 1"}
MOMENTS = {
    "before the rows are selected": (gathering, "_select"),
    "when they are selected": (gathering, "check_still_so"),
    "when they are archived": (one_slice, "_apply"),
}


@pytest.fixture(params=EACH[1:])
def operator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on(request.param, tmp_path, SCHEMA, POLICY):
        operator.accustom()
        yield operator


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_row_that_is_kept_now_stays(
    operator: Operator, event: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the application waits until the row has gone."""
    happened: list[bool] = []
    where, name = MOMENTS[moment]
    do = getattr(where, name)

    def after_the_event(*arguments: Any) -> Any:
        if not happened:
            happened.append(happens(operator, EVENTS[event]))
        return do(*arguments)

    monkeypatch.setattr(where, name, after_the_event)
    assert operator.night().state == "done"
    assert operator.ids("debts") == operator.ids("payments") == ([1] if happened == [True] else [])


def happens(operator: Operator, statement: str) -> bool:
    """Whether the application could do it at once."""
    engine = operator.tools.database.engine
    with sa.create_engine(engine.url, poolclass=sa.NullPool).connect() as connection:
        connection.exec_driver_sql(IMPATIENT[operator.dialect])
        try:
            connection.exec_driver_sql(statement)
        except OperationalError as error:
            if "lock" not in str(error.orig).lower():
                raise
            return False
        connection.commit()
        return True


def test_the_term_is_not_asked_of_what_has_gone(operator: Operator) -> None:
    """Nobody is at it, and no copy is kept: that the rows have gone is no sign of somebody else."""
    operator.change_policy(("    archive: {term: 30 days, basis: clause 3.4}\n", ""))
    operator.accustom()
    assert operator.usual_night().state == "done"
    assert operator.ids("debts") == operator.ids("payments") == []


def test_the_printed_grants_let_it_lock_what_lies_between(operator: Operator) -> None:
    """PostgreSQL asks for UPDATE before it lets a row be locked."""
    name = f"m_{uuid.uuid4().hex[:12]}"
    if operator.dialect == "postgresql":
        operator.sql("GRANT USAGE ON SCHEMA public TO PUBLIC")  # as in every new database
    printed = operator.cli("init", "--print-grants", "--role", name).stdout.splitlines()
    login = "IDENTIFIED BY 'secret'" if operator.dialect == "mysql" else "LOGIN PASSWORD 'secret'"
    operator.sql(f"CREATE USER {name} {login}", *printed)
    try:
        text = operator.env_file.read_text()
        limited = sa.make_url(operator.url).set(username=name, password="secret").render_as_string(hide_password=False)
        operator.env_file.write_text(text.replace(operator.url, limited))
        said = operator.cli("run")
        assert (said.returncode, operator.ids("debts")) == (0, []), said.stderr
    finally:
        operator.sql(*([f"DROP OWNED BY {name}"] if operator.dialect == "postgresql" else []), f"DROP USER {name}")
