"""Several holds on one row, of each scope, in every way that destroys: releasing one leaves the others in force."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.small_operator import BOTH, LONG_AGO, SHOP_POLICY, Operator, operator_on, people

ANNA, BOLAT = 1, 2
IIN = f"9001{ANNA:08d}"
HELD: dict[str, list[tuple[str, str, str | None]]] = {
    "person": [("person", "people", "1")],
    "row": [("row", table, "1") for table in ("people", "orders", "lines", "scans", "payments", "letters")],
    "table": [("table", table, None) for table in ("people", "orders", "lines", "scans", "payments", "letters")],
}
"""Of each scope: what has its own term, what goes with the person, over one link or two, what has files or no owner."""
TABLES = ("people", "orders", "lines", "scans", "payments", "letters")


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    """Anna has something in every table, and everything is past its term; so has Bolat."""
    for operator in operator_on(request.param, tmp_path, policy=SHOP_POLICY):
        operator.sql(*people(ANNA, BOLAT))
        for n in (ANNA, BOLAT):
            operator.sql(
                f"INSERT INTO orders VALUES ({n}, {n}, 'a thing')",
                f"INSERT INTO lines VALUES ({n}, {n}, 'a line')",
                f"INSERT INTO scans VALUES ({n}, {n}, '{n}.png', NULL)",
                f"INSERT INTO payments VALUES ({n}, {n}, '9001{n:08d}', 'a purpose', '{LONG_AGO}')",
                f"INSERT INTO letters VALUES ({n}, 'l{n}@mail.kz', '{LONG_AGO}')",
            )
            (operator.scans / f"{n}.png").write_text("a scan")
        yield operator


def covered(shop: Operator, scope: str, table: str, key: str | None) -> dict[str, list[Any]]:
    """What a hold must leave as it is: the rows themselves, and for a person every row and file of theirs."""
    names = TABLES[:-1] if scope == "person" else (table,)
    column = {"people": "id", "orders": "person_id", "scans": "person_id", "payments": "person_id"}
    found: dict[str, list[Any]] = {}
    for name in names:
        where = "1 = 1" if scope == "table" else f"id = {key}"
        if scope == "person":
            where = f"{column.get(name, 'order_id')} = {key}"
        found[name] = list(shop.rows(f"SELECT * FROM {name} WHERE {where} ORDER BY id"))
    if "scans" in found:
        found["files"] = sorted(p.name for p in shop.scans.iterdir() if scope == "table" or p.name == f"{key}.png")
    return found


@pytest.mark.parametrize("scope", HELD)
def test_released_one_by_one(shop: Operator, scope: str) -> None:
    holds = [[shop.hold(*what) for what in HELD[scope]] for _ in range(2)]
    before = [covered(shop, *what) for what in HELD[scope]]
    shop.usual_night()
    assert [covered(shop, *what) for what in HELD[scope]] == before
    shop.release(*holds[0])
    shop.night()
    assert [covered(shop, *what) for what in HELD[scope]] == before
    shop.release(*holds[1])
    shop.night()
    after = [covered(shop, *what) for what in HELD[scope]]
    assert [one for one, old in zip(after, before, strict=True) if one == old] == []


def test_holds_of_each_scope_on_one_row(shop: Operator) -> None:
    holds = [shop.hold("table", "orders", None), shop.hold("row", "orders", "1"), shop.hold("person", "people", "1")]
    shop.accustom()
    for hold in holds:
        shop.night()
        assert shop.ids("orders", "id = 1") == [1]
        shop.release(hold)
    shop.night()
    assert shop.ids("orders") == []
