"""Entries, seals and decisions can be added and read, nothing else, even by the tables' owner."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.ledger_support import EACH, NOW, Place, ledger_place, make_run
from worker.ledger.batches import Entry, write_entry
from worker.ledger.decisions import Signer, decide


@pytest.fixture(params=[*EACH, "real mysql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ledger_place(request.param, tmp_path) as fresh:
        run = make_run(fresh)
        with fresh.engine.begin() as conn:
            write_entry(conn, fresh.ledger, Entry("a1", run.id, 1, 1, "slice", "kpi/x", {"users": 1}, NOW))
            conn.execute(fresh.ledger.seal.insert().values(**seal_row(run.id)))
            decide(conn, fresh.ledger, "r1", "approve", "f1", Signer("me", "account", "k", bytes), NOW)
        yield fresh


def seal_row(run_id: str) -> dict[str, object]:
    texts = dict.fromkeys(("digest", "previous", "run_digest", "entry_digests", "signature", "key_id"), "x")
    return {"run_id": run_id, "ordinal": 1, "entries": 1, "sealed_at": NOW, **texts}


@pytest.mark.parametrize("name", ["entry", "seal", "decision"])
@pytest.mark.parametrize("change", ["update", "delete"])
def test_changing_and_removing_are_refused(place: Place, name: str, change: str) -> None:
    table = getattr(place.ledger, name)
    first = next(iter(table.c))
    statement = table.delete() if change == "delete" else table.update().values({first: first})
    with place.engine.connect() as conn, pytest.raises(sa.exc.DBAPIError, match="never changed or removed"):
        conn.execute(statement)


@pytest.mark.parametrize("name", ["entry", "seal", "decision"])
def test_truncate_is_refused(tmp_path: Path, name: str) -> None:
    refused = pytest.raises(sa.exc.IntegrityError, match="never changed or removed")
    with ledger_place("postgresql", tmp_path) as place, place.engine.connect() as conn, refused:
        conn.exec_driver_sql(f"TRUNCATE merzim.{name}")


@pytest.mark.parametrize("name", ["entry", "seal", "decision"])
def test_insert_or_replace_is_refused(tmp_path: Path, name: str) -> None:
    with ledger_place("sqlite", tmp_path) as place:
        run = make_run(place)
        with place.engine.begin() as conn:
            write_entry(conn, place.ledger, Entry("a1", run.id, 1, 1, "slice", "kpi/x", {}, NOW))
            conn.execute(place.ledger.seal.insert().values(**seal_row(run.id)))
            decide(conn, place.ledger, "r1", "approve", "f1", Signer("me", "account", "k", bytes), NOW)
        with place.engine.connect() as conn, pytest.raises(sa.exc.IntegrityError, match="never changed"):
            conn.exec_driver_sql(f"INSERT OR REPLACE INTO merzim_{name} SELECT * FROM merzim_{name}")
