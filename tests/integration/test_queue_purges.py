"""Purges that real workers carry out: the sweep begins what was approved, outside of every window."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from tests.integration.fleet import Fleet, open_fleet, window
from tests.integration.night_support import RECENT, wait_until
from tests.integration.purge_support import approved

PEOPLE = range(1, 601)
ASKING = range(1, 301)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Six hundred people who came lately, and no night for hours."""
    with open_fleet(tmp_path, PEOPLE) as fleet:
        with fleet.club.session() as session:
            session.execute("UPDATE people SET last_login_at = %s", (RECENT,))
        yield fleet.settle(WINDOW=window(120, 240))


def ask(fleet: Fleet) -> str:
    return approved(fleet.club, "erasure", people=ASKING, now=datetime.now(UTC))


def assert_carried_out_once(fleet: Fleet, request: str) -> None:
    def state() -> object:
        return fleet.club.value(f"SELECT state FROM merzim.request WHERE id = '{request}'")

    wait_until(lambda: state() == "done")
    with fleet.club.session() as session:
        erased = [r[0] for r in session.execute("SELECT id FROM people WHERE name = '' ORDER BY id")]
        runs = session.execute("SELECT kind, state, reason FROM merzim.run WHERE kind <> 'run'").fetchall()
        stones = session.execute("SELECT count(*) FROM merzim.tombstone WHERE stage = 'club/profile'").fetchone()
    assert erased == list(ASKING)
    assert runs == [("purge", "done", None)]
    assert stones == (len(ASKING),)


def traces(fleet: Fleet) -> list[bytes]:
    """Whatever a purge leaves outside of the operator's tables: Redis, logs, reports, process list, ledger."""
    broker = redis.Redis(port=fleet.broker.port)
    found = [key + (broker.dump(key) or b"") for key in broker.scan_iter()]
    found += [p.read_bytes() for folder in (fleet.folder, fleet.folder / "reports") for p in folder.glob("*.*")]
    found += [Path(f"/proc/{process.pid}/cmdline").read_bytes() for process in fleet.processes]
    ledger = fleet.club.tools.ledger
    with fleet.club.tools.database.reading() as connection:
        for table in ledger.all_tables():
            found += [str(tuple(row)).encode() for row in connection.execute(sa.select(table))]
    return found


def test_workers_begin_and_carry_out_an_approved_purge(fleet: Fleet) -> None:
    with fleet.club.session() as session:
        secrets = [str(r[0]).encode() for r in session.execute("SELECT iin FROM people WHERE id <= 20")]
    assert len(secrets) == 20
    request = ask(fleet)
    fleet.worker()
    fleet.beat()
    assert_carried_out_once(fleet, request)
    run = fleet.club.value("SELECT run_id FROM merzim.request")
    page = fleet.folder / "reports" / f"{run}.html"
    wait_until(page.exists)
    assert "purge" in page.read_text("utf-8").lower()
    left = traces(fleet)
    assert any(request.encode() in trace for trace in left)
    assert [trace for trace in left if any(secret in trace for secret in secrets)] == []


def test_a_worker_that_dies_in_the_middle_of_a_purge_loses_nothing(fleet: Fleet) -> None:
    request = ask(fleet)
    worker = fleet.worker("one")
    fleet.beat()
    wait_until(lambda: bool(fleet.events("slice committed", "worker-one")))
    fleet.kill(worker)
    fleet.worker("two")
    assert_carried_out_once(fleet, request)
