"""A condition that holds people, on a table of a schema that no stage names and no foreign key joins."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.small_operator import NOW, PEOPLE_POLICY, SHOP, Operator, operator_on, people
from worker.office.explaining import Explainer
from worker.pipeline import night
from worker.pipeline.work import work

HOLD = """\
links:
  - {from: crm.debts.person_id, to: people.id}
holds:
  debt: {exists: crm.debts, basis: contract}
stages:
"""
POLICY = PEOPLE_POLICY.replace("stages:\n", HOLD)
CRM = (
    "CREATE SCHEMA crm",
    "CREATE TABLE crm.debts (id INTEGER PRIMARY KEY, person_id INTEGER)",
    "CREATE INDEX debts_person_id ON crm.debts (person_id)",
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on("postgresql", tmp_path, (*SHOP, *CRM), POLICY + "  crm.debts: sums only\n")


def test_it_holds_from_the_moment_on_in_which_it_is_met(shop: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the plan and the claim: the night reads the schemas of all that the policy names, as the plan did."""
    shop.sql(*people(1, 2))

    def first_a_debt(*given: Any, **more: Any) -> object:
        shop.sql("INSERT INTO crm.debts VALUES (1, 1)")
        return work(*given, **more)

    monkeypatch.setattr(night, "work", first_a_debt)
    assert shop.usual_night().state == "done"
    assert [name for (name,) in shop.rows("SELECT name FROM people ORDER BY id")] == ["Name 1", ""]


def test_explain_names_it(shop: Operator) -> None:
    shop.sql(*people(1), "INSERT INTO crm.debts VALUES (1, 1)")
    with shop.tools.database.reading() as connection:
        facts = Explainer(connection, shop.tools, shop.policy, NOW).person((1,))
    assert [(c.name, c.rows) for c in facts.conditions] == [("debt", 1)]
    assert {t.table: t.rows for t in facts.tables}["crm.debts"] == 1
