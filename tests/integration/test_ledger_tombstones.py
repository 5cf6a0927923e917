"""Tombstones are written, renewed and retired by key, whatever the key's type."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.ledger_support import EACH, NOW, Place, ledger_place
from worker.ledger import tombstones
from worker.ledger.keys import KeyCodec
from worker.ledger.tombstones import Tombstone

NUMBERS = KeyCodec.of([sa.column("id", sa.Integer)])
TEXTS = KeyCodec.of([sa.column("code", sa.Text)])


@pytest.fixture(params=EACH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ledger_place(request.param, tmp_path) as fresh:
        yield fresh


def stones(conn: sa.Connection, place: Place) -> list[tuple[Any, ...]]:
    table = place.ledger.tombstone
    columns = (table.c.stage, table.c.key_number, table.c.key_text, table.c.clock, table.c.remains, table.c.slice)
    return [tuple(row) for row in conn.execute(sa.select(*columns).order_by(*columns[:3]))]


def test_a_tombstone_is_renewed_and_not_doubled(place: Place) -> None:
    later = NOW + dt.timedelta(days=1)
    with place.engine.begin() as conn:
        tombstones.write(conn, place.ledger, NUMBERS, "kpi/x", [Tombstone((7,), NOW, True)], ("r", 1, 1), NOW)
        tombstones.write(conn, place.ledger, NUMBERS, "kpi/x", [Tombstone((7,), later, False)], ("r", 1, 2), NOW)
        assert stones(conn, place) == [("kpi/x", 7, "", later, False, 2)]


def test_only_the_named_stage_and_keys_are_retired(place: Place) -> None:
    with place.engine.begin() as conn:
        for stage in ("kpi/x", "kpi/y"):
            stone = [Tombstone((code,), None, False) for code in ("Ә", "ә")]
            tombstones.write(conn, place.ledger, TEXTS, stage, stone, ("r", 1, 1), NOW)
        assert tombstones.retire(conn, place.ledger, TEXTS, "kpi/x", [("ә",), ("nobody",)]) == 1
        left = [(stage, text) for stage, _, text, *_ in stones(conn, place)]
        assert sorted(left) == [("kpi/x", "Ә"), ("kpi/y", "Ә"), ("kpi/y", "ә")]


def test_nothing_to_write_is_no_statement(place: Place) -> None:
    with place.engine.begin() as conn:
        tombstones.write(conn, place.ledger, NUMBERS, "kpi/x", [], ("r", 1, 1), NOW)
        assert stones(conn, place) == []
