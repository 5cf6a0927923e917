"""A stage that deletes people: what still leads to them before COMMIT is found over their originals."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.small_operator import EACH, LATELY, LONG_AGO, Operator, operator_on
from worker.pipeline import applying
from worker.pipeline import slice as slicing

SCHEMA = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, iin VARCHAR(12), seen_at TIMESTAMP NULL)",
    "CREATE INDEX people_iin ON people (iin)",
    "CREATE TABLE payments (id INTEGER PRIMARY KEY, payer_iin VARCHAR(12), paid_at TIMESTAMP NULL)",
    "CREATE INDEX payments_payer_iin ON payments (payer_iin)",
)
POLICY = """\
policy: gone
operator: Whoever
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id}
links:
  - {from: payments.payer_iin, to: people.iin}
clock: [people.seen_at, payments.paid_at]
stages:
  gone:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      payments: delete
      people: delete
"""


@pytest.fixture(params=[dialect for dialect in EACH if dialect != "sqlite"])
def operator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on(request.param, tmp_path, SCHEMA, POLICY):
        operator.accustom()
        yield operator


def test_a_payment_of_somebody_who_is_being_deleted(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    operator.sql(f"INSERT INTO people VALUES (1, '810101300011', '{LONG_AGO}'), (2, '820202300022', '{LONG_AGO}')")
    delete, paid = applying.delete, list[int]()

    def deleted(connection: sa.Connection, *more: object) -> None:
        delete(connection, *more)  # type: ignore[arg-type]  # whatever it takes
        if not paid:
            paid.append(1)
            operator.sql(f"INSERT INTO payments VALUES (1, '820202300022', '{LATELY}')")

    monkeypatch.setattr(slicing, "delete", deleted)
    assert operator.night().state == "done"
    with operator.tools.database.reading() as connection:
        left = connection.execute(sa.text("SELECT id FROM people")).scalars().all()
    assert (paid, left) == ([1], [2])
