"""How things stand: what `merzim status` says, from the ledger."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from config.policy import Policy
from worker.ledger.holds import list_active
from worker.ledger.pauses import in_force
from worker.ledger.presence import last_sweep, workers_since
from worker.ledger.runs import NIGHTLY
from worker.ledger.tables import Ledger
from worker.reports.answers import AnswerFacts, answers_due
from worker.reports.watched import ending_soon, to_review

RUNS, NIGHTS = 10, 14  # shown, looked back at
ALIVE = timedelta(minutes=1)
WORKED = ("done", "done_with_failures", "window_ended")
QUOTA = "waits for the quota"


@dataclass(frozen=True)
class Standing:
    """All moments are naive UTC. `answers`: requests overdue or soon due. `backlog` are units that were due in the
    newest run and were not reached, by the quota or the window; `backlog_since` the first of the runs that left some,
    one after another. `holds_ending` and `holds_to_review` are the ids of holds that end soon, or are older than the
    policy's review period; `blocked` are the people whom the law blocks. These are None or empty where no policy says
    more."""

    answers: tuple[AnswerFacts, ...]
    last_good_run: datetime | None
    runs: list[dict[str, Any]]
    nights_missed: list[date]
    backlog: int
    backlog_since: date | None
    blocked: int | None
    holds: int
    oldest_hold: datetime | None
    holds_ending: list[str]
    holds_to_review: list[str]
    files_waiting: int
    open_batches: int
    workers: list[str]
    last_sweep: datetime | None
    paused_since: datetime | None


def standing(
    conn: sa.Connection,
    ledger: Ledger,
    now: datetime,
    today: date,
    passed: date,
    policy: Policy | None = None,
    blocked: int | None = None,
) -> Standing:
    """Read it. `now` is naive UTC, `today` the operator's local date, `passed` that of the newest night whose window is
    over, `blocked` the people whom the law blocks."""
    run = ledger.run
    columns = [run.c[c] for c in ("id", "local_date", "kind", "state", "started_at", "ended_at", "reason", "plan")]
    recent = sa.select(*columns).where(run.c.local_date > passed - timedelta(days=2 * NIGHTS))
    runs = [dict(r) for r in conn.execute(recent.order_by(run.c.started_at.desc())).mappings()]
    plans = {r["id"]: json.loads(r.pop("plan")) for r in runs}
    holds = list_active(conn, ledger, now)
    pause = in_force(conn, ledger)
    backlog, since = _backlog(conn, ledger, runs, plans)
    good = sa.select(sa.func.max(run.c.ended_at)).where(run.c.state == "done", run.c.kind.in_(NIGHTLY))
    first = conn.scalar(sa.select(sa.func.min(run.c.local_date)).where(run.c.kind.in_(NIGHTLY)))
    return Standing(
        answers=answers_due(conn, ledger, today, now),
        last_good_run=conn.scalar(good),
        runs=runs[:RUNS],
        nights_missed=_missed(runs, first, passed),
        backlog=backlog,
        backlog_since=since,
        blocked=blocked,
        holds=len(holds),
        oldest_hold=holds[0].placed_at if holds else None,
        holds_ending=[h.id for h in ending_soon(holds, now)],
        holds_to_review=[h.id for h in to_review(holds, now, policy)] if policy is not None else [],
        files_waiting=_count(conn, ledger.outbox),
        open_batches=_open_batches(conn, ledger),
        workers=workers_since(conn, ledger, now - ALIVE),
        last_sweep=last_sweep(conn, ledger),
        paused_since=pause.paused_at if pause else None,
    )


def _missed(runs: list[dict[str, Any]], first: date | None, passed: date) -> list[date]:
    """Dates of the last NIGHTS nights, since the first run there was, on which nothing worked."""
    if first is None:
        return []
    worked = {r["local_date"] for r in runs if r["kind"] in NIGHTLY and r["state"] in WORKED}
    nights = [passed - timedelta(days=n) for n in range(NIGHTS)]
    return sorted(n for n in nights if n >= first and n not in worked)


def _backlog(
    conn: sa.Connection, ledger: Ledger, runs: list[dict[str, Any]], plans: dict[str, Any]
) -> tuple[int, date | None]:
    newest, since = 0, None
    worked = [r for r in runs if r["kind"] in NIGHTLY and r["state"] in WORKED]
    for number, run in enumerate(worked):
        left = sum(s["states"].get(QUOTA, 0) for s in plans[run["id"]]["stages"]) + _unreached(conn, ledger, run["id"])
        if left == 0:
            break
        newest, since = (left if number == 0 else newest), run["local_date"]
    return newest, since


def _unreached(conn: sa.Connection, ledger: Ledger, run_id: str) -> int:
    batch = ledger.batch
    query = sa.select(batch.c.units, batch.c.cursor).where(batch.c.run_id == run_id, batch.c.state == "open")
    return sum(max(0, units - int(cursor or 0)) for units, cursor in conn.execute(query))


def _open_batches(conn: sa.Connection, ledger: Ledger) -> int:
    joined = ledger.batch.join(ledger.run, ledger.run.c.id == ledger.batch.c.run_id)
    query = sa.select(sa.func.count()).select_from(joined)
    return int(conn.execute(query.where(ledger.batch.c.state == "open", ledger.run.c.state == "open")).scalar_one())


def _count(conn: sa.Connection, table: sa.Table) -> int:
    return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
