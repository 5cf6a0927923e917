"""Runs, batches, intents and entries on both databases, and two sessions at once on PostgreSQL."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa

from tests.integration.ledger_support import (
    EACH,
    NOW,
    Place,
    ledger_place,
    make_run,
    new_run,
    store_test_policy,
    wait_for_a_waiter,
)
from worker.ledger.batches import (
    AT_ONCE,
    Batch,
    Entry,
    NewBatch,
    advance_batch,
    claim_batch,
    entry_exists,
    store_batches,
    write_entry,
    write_intent,
)
from worker.ledger.errors import IllegalArrow, LedgerError, RunClosed
from worker.ledger.policies import policy_text, remember_stages, stages_seen, store_policy
from worker.ledger.runs import close_run, create_run, find_open_run, find_run


@pytest.fixture(params=EACH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ledger_place(request.param, tmp_path) as fresh:
        yield fresh


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Place]:
    with ledger_place("postgresql", tmp_path) as fresh:
        yield fresh


def with_batches(place: Place, count: int) -> str:
    run = make_run(place)
    with place.engine.begin() as conn:
        store_batches(conn, place.ledger, run.id, [NewBatch("kpi/x", [[i], ["ә"]], 2) for i in range(count)])
    return run.id


def close(place: Place, run_id: str) -> None:
    with place.engine.begin() as conn:
        close_run(conn, place.ledger, run_id, "done", NOW)


def entry(run_id: str, number: int = 1, slice_: int = 1, attempt: str = "a1") -> Entry:
    return Entry(attempt, run_id, number, slice_, "slice", "kpi/x", {"users": 2}, NOW, size=9)


def test_a_run_is_made_once_and_found_again(place: Place) -> None:
    run = make_run(place)
    with place.engine.begin() as conn:
        again, made = create_run(conn, place.ledger, new_run(fingerprint="other"))
        assert (again, made) == (run, False)
        assert find_open_run(conn, place.ledger, "kpi", "night") == run
        assert find_open_run(conn, place.ledger, "kpi", "purge") is None
    assert (run.slot, run.state, run.now, run.approved) == (1, "open", NOW, True)


def test_batches_are_numbered_through_however_many_are_stored_at_once(place: Place) -> None:
    run_id = with_batches(place, 2 * AT_ONCE + 1)
    batch = place.ledger.batch
    with place.engine.connect() as conn:
        found = conn.execute(
            sa.select(batch.c.number, batch.c["keys"]).where(batch.c.run_id == run_id).order_by("number")
        )
        rows = [(number, json.loads(keys)) for number, keys in found]
    assert rows == [(i + 1, [[i], ["ә"]]) for i in range(2 * AT_ONCE + 1)]


def test_after_closing_the_next_run_takes_the_next_slot(place: Place) -> None:
    first = make_run(place)
    close(place, first.id)
    assert make_run(place).slot == 2
    with place.engine.connect() as conn:
        closed = find_run(conn, place.ledger, first.id)
        assert (closed.state, closed.ended_at, closed.reason) == ("done", NOW, None)


def test_another_date_begins_with_the_first_slot(place: Place) -> None:
    close(place, make_run(place).id)
    assert make_run(place, local_date=dt.date(2026, 11, 24)).slot == 1


def test_a_closed_run_cannot_be_closed_again(place: Place) -> None:
    run = make_run(place)
    with place.engine.begin() as conn:
        close_run(conn, place.ledger, run.id, "stopped", NOW, "The brake stopped it.")
    with place.engine.begin() as conn, pytest.raises(IllegalArrow):
        close_run(conn, place.ledger, run.id, "done", NOW)


def test_batches_are_claimed_in_order_and_move_slice_by_slice(place: Place) -> None:
    run_id = with_batches(place, 2)
    with place.engine.begin() as conn:
        batch = claim_batch(conn, place.ledger, run_id)
        assert batch is not None
        assert (batch.number, batch.keys, batch.units, batch.skipped) == (1, [[0], ["ә"]], 2, [])
        moved = advance_batch(conn, place.ledger, batch, cursor="1", slices=1, skipped=[[0]])
        advance_batch(conn, place.ledger, moved, cursor="2", slices=2, skipped=[["ә"]], state="done")
    with place.engine.begin() as conn:
        second = claim_batch(conn, place.ledger, run_id)
        assert second is not None
        assert second.number == 2
        rows = conn.execute(sa.select(place.ledger.batch.c.skipped).order_by(place.ledger.batch.c.number))
        assert rows.scalars().all() == ['[["ә"]]', "[]"]
        advance_batch(conn, place.ledger, second, cursor=None, slices=0, state="failed")
    with place.engine.begin() as conn:
        assert claim_batch(conn, place.ledger, run_id) is None


def test_a_batch_is_claimed_again_by_its_number(place: Place) -> None:
    run_id = with_batches(place, 2)
    with place.engine.begin() as conn:
        second = claim_batch(conn, place.ledger, run_id, 2)
        assert second is not None
        assert second.number == 2
        advance_batch(conn, place.ledger, second, cursor=None, slices=1, state="done")
        assert claim_batch(conn, place.ledger, run_id, 2) is None


def test_a_batch_that_has_moved_is_not_moved_again(place: Place) -> None:
    run_id = with_batches(place, 1)
    with place.engine.begin() as conn:
        batch = claim_batch(conn, place.ledger, run_id)
        assert batch is not None
        done = advance_batch(conn, place.ledger, batch, cursor=None, slices=1, state="done")
        with pytest.raises(LedgerError, match="was moved by somebody else"):
            advance_batch(conn, place.ledger, batch, cursor=None, slices=1)
        with pytest.raises(IllegalArrow):
            advance_batch(conn, place.ledger, done, cursor=None, slices=2)


def test_an_entry_is_written_once_and_never_for_a_closed_run(place: Place) -> None:
    run_id = with_batches(place, 1)
    with place.engine.begin() as conn:
        write_intent(conn, place.ledger, attempt="a1", run_id=run_id, batch=1, segment="s", at=NOW)
    with place.engine.begin() as conn:
        assert not entry_exists(conn, place.ledger, "a1")
        write_entry(conn, place.ledger, entry(run_id))
    with place.engine.connect() as conn:
        assert entry_exists(conn, place.ledger, "a1")
        assert conn.execute(sa.select(place.ledger.entry.c.counts, place.ledger.entry.c.bytes)).one() == (
            '{"users":2}',
            9,
        )
    with place.engine.connect() as conn, pytest.raises(sa.exc.IntegrityError):
        write_entry(conn, place.ledger, entry(run_id, attempt="a2"))
    close(place, run_id)
    with place.engine.connect() as conn:
        assert claim_batch(conn, place.ledger, run_id) is None
        with pytest.raises(RunClosed):
            write_entry(conn, place.ledger, entry(run_id, slice_=2, attempt="a3"))


def test_policies_and_stage_names_are_kept_once(place: Place) -> None:
    with place.engine.begin() as conn:
        for text in ("first", "second"):
            store_policy(conn, place.ledger, text=text, policy_hash="h", name="kpi", at=NOW)
        assert policy_text(conn, place.ledger, "h") == "first"
        with pytest.raises(LedgerError, match="no policy"):
            policy_text(conn, place.ledger, "other")
        remember_stages(conn, place.ledger, "kpi", [], NOW)
        remember_stages(conn, place.ledger, "kpi", ["profile"], NOW)
        remember_stages(conn, place.ledger, "kpi", ["profile", "cases"], NOW)
        assert stages_seen(conn, place.ledger, "kpi") == {"profile", "cases"}
        assert stages_seen(conn, place.ledger, "other") == frozenset()


def test_two_sessions_that_create_a_run_get_one_run_with_its_batches(server: Place) -> None:
    with server.engine.begin() as conn:
        store_test_policy(conn, server.ledger)
    barrier = Barrier(2)

    def create(_: int) -> tuple[str, bool, int]:
        barrier.wait(timeout=10)
        with server.engine.begin() as conn:
            run, made = create_run(conn, server.ledger, new_run())
            if made:
                store_batches(conn, server.ledger, run.id, [NewBatch("kpi/x", [[1]], 1)])
            batches = conn.scalar(sa.select(sa.func.count()).select_from(server.ledger.batch))
            return run.id, made, batches or 0

    with ThreadPoolExecutor(2) as pool:
        (one, made_one, seen_one), (two, made_two, seen_two) = pool.map(create, range(2))
    assert one == two
    assert sorted((made_one, made_two)) == [False, True]
    assert (seen_one, seen_two) == (1, 1)


def test_two_sessions_claim_two_batches_and_a_dead_one_gives_its_back(server: Place) -> None:
    run_id = with_batches(server, 2)
    with server.engine.connect() as one, server.engine.connect() as two, server.engine.connect() as three:
        first = claim_batch(one, server.ledger, run_id)
        second = claim_batch(two, server.ledger, run_id)
        assert first is not None
        assert second is not None
        assert (first.number, second.number) == (1, 2)
        assert claim_batch(three, server.ledger, run_id) is None
        one.invalidate()
        one.close()
        three.rollback()
        wait_until(lambda: claim_batch(three, server.ledger, run_id) is not None)


def test_a_run_is_not_closed_under_an_open_slice(server: Place) -> None:
    run_id = with_batches(server, 1)
    with server.engine.begin() as worker:
        assert claim_batch(worker, server.ledger, run_id) is not None
        with server.engine.connect() as closer:
            closer.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
                close_run(closer, server.ledger, run_id, "stopped", NOW)
        write_entry(worker, server.ledger, entry(run_id))
    close(server, run_id)


def test_a_claim_that_waits_for_the_run_to_be_closed_gets_no_batch(server: Place) -> None:
    """What it saw before it waited counts for nothing."""
    run_id = with_batches(server, 1)

    def claim_it() -> Batch | None:
        with server.engine.begin() as worker:
            return claim_batch(worker, server.ledger, run_id)

    with ThreadPoolExecutor(1) as pool:
        with server.engine.begin() as closer:
            close_run(closer, server.ledger, run_id, "stopped", NOW)
            claiming = pool.submit(claim_it)
            wait_for_a_waiter(server)
        assert claiming.result(timeout=10) is None


def wait_until(condition: Callable[[], bool]) -> None:
    """The server notices a cut connection a moment later."""
    deadline = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=10)
    while not condition():
        assert dt.datetime.now(dt.UTC) < deadline, "It did not happen within ten seconds."
