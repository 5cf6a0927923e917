"""The brake: too many, so stop before the first change and ask; and count what is committed as it goes (promise 12).

It fails closed: a number that cannot be read stops. Zero means zero (promise 13): no approval lifts it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Brake as Limits
from worker.ledger.runs import NIGHTLY
from worker.ledger.tables import Ledger
from worker.pipeline.tools import Refused
from worker.plan.result import Plan

NAMED = 3  # tables named in one sentence
HISTORY = 14  # nights whose median is "recent"


def reasons_to_stop(plan: Plan, limits: Limits, recent: Sequence[int]) -> list[str]:
    """Every limit that the plan exceeds, as sentences with the number to look at. `recent`: rows of recent nights."""
    found = []
    total = plan.rows_due
    if limits.rows_per_night is not None and total > limits.rows_per_night:
        limit = str(limits.rows_per_night)
        found.append(text("brake_says.rows_per_night", n=total, total=str(total), limit=limit))
    if limits.percent_of_table is not None:
        found += _too_much_of(_by_table(plan), limits.percent_of_table)
    if limits.times_recent_nights is not None and recent:
        usual = median(recent)
        if total > usual * limits.times_recent_nights:
            values = {"total": str(total), "limit": str(limits.times_recent_nights), "usual": f"{usual:g}"}
            found.append(text("brake_says.times_recent_nights", n=total, **values))
    return found


def _too_much_of(pairs: Mapping[str, tuple[int, int]], percent: int) -> list[str]:
    """One sentence for all tables of which too much would change, the worst first."""
    over = {t: due / max(rows, 1) for t, (due, rows) in pairs.items() if due * 100 > rows * percent}
    worst = sorted(over, key=lambda t: -over[t])
    named = ", ".join(_of_table(t, *pairs[t]) for t in worst[:NAMED])
    more = len(worst) - NAMED
    key = "brake_says.percent_of_more_tables" if more > 0 else "brake_says.percent_of_table"
    return [text(key, n=more, limit=str(percent), tables=named)] if worst else []


def _of_table(table: str, due: int, rows: int) -> str:
    return text("brake_says.of_table", n=rows, table=table, due=str(due), rows=str(rows))


def zero_limits(plan: Plan, limits: Limits) -> list[str]:
    """Limits of 0 that the plan meets; an approval does not lift them."""
    if plan.rows_due == 0:
        return []
    names = ("rows_per_night", "percent_of_table", "times_recent_nights")
    return [text("brake_says.zero", limit=n) for n in names if getattr(limits, n) == 0]


def _by_table(plan: Plan) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for t in plan.tables:
        found[t.table] = (found.get(t.table, (0, 0))[0] + t.due, t.rows)
    return found


def allowed_rows(plan: Plan, limits: Limits, recent: Sequence[int], approved: bool) -> dict[str, int | None]:
    """Rows that a run may change, per table and in all ("*"); None: no limit. An approval allows what it saw.
    `recent`: rows of recent nights."""
    pairs = _by_table(plan)
    percent = limits.percent_of_table
    allowed: dict[str, int | None] = {
        t: None if percent is None else max(rows * percent // 100, due if approved else 0)
        for t, (due, rows) in pairs.items()
    }
    totals = [] if limits.rows_per_night is None else [limits.rows_per_night]
    if limits.times_recent_nights is not None and recent:
        totals.append(int(median(recent) * limits.times_recent_nights))
    allowed["*"] = max(min(totals), plan.rows_due if approved else 0) if totals else None
    return allowed


class BrakePulled(Refused):
    """More was about to be committed than the run may change."""


@dataclass
class Brake:
    """Counts a run's committed rows as its slices go. `written_by_us` are tables that our own triggers fill."""

    ledger: Ledger
    run_id: str
    allowed: Mapping[str, int | None]
    written_by_us: frozenset[str] = frozenset()
    _seen: set[str] = field(default_factory=set)
    _totals: dict[str, int] = field(default_factory=dict)
    _from_batch: int = 0

    def check(self, connection: sa.Connection, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Raise BrakePulled if this slice's rows would go over what the run may change."""
        if all(limit is None for limit in self.allowed.values()):
            return
        totals = dict(self._committed(connection))
        for table, n in _changed(counts).items():
            totals[table] = totals.get(table, 0) + n
        counted = {t: n for t, n in totals.items() if t not in self.written_by_us}
        for table, n in [*counted.items(), ("*", sum(counted.values()))]:
            limit = self.allowed.get(table)
            if limit is not None and n > limit:
                key = "brake_says.stopped" if table == "*" else "brake_says.stopped_at"
                raise BrakePulled(text(key, n=n, rows=str(n), table=table, limit=str(limit)))

    def _committed(self, connection: sa.Connection) -> dict[str, int]:
        """Rows committed so far. Entries that came since the last look belong to batches that were open then."""
        entry, batch = self.ledger.entry, self.ledger.batch
        still_open = sa.select(sa.func.min(batch.c.number)).where(
            batch.c.run_id == self.run_id, batch.c.state == "open"
        )
        lowest = connection.execute(still_open).scalar_one()
        query = sa.select(entry.c.attempt, entry.c.counts).where(
            entry.c.run_id == self.run_id, entry.c.batch >= self._from_batch
        )
        for attempt, counts in connection.execute(query):
            if attempt not in self._seen:
                self._seen.add(attempt)
                for table, n in _changed(json.loads(counts).get("tables", {})).items():
                    self._totals[table] = self._totals.get(table, 0) + n
        self._from_batch = self._from_batch if lowest is None else int(lowest)
        return self._totals


def _changed(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {t: by.get("deleted", 0) + by.get("depersonalised", 0) for t, by in counts.items()}


def recent_nights(connection: sa.Connection, ledger: Ledger, policy_name: str) -> list[int]:
    """Rows changed by each of the last completed runs of the policy."""
    run, entry = ledger.run, ledger.entry
    completed = run.c.state.in_(["done", "done_with_failures", "window_ended"])
    newest = (
        sa.select(run.c.id)
        .where(run.c.policy_name == policy_name, run.c.kind.in_(NIGHTLY), completed)
        .order_by(run.c.started_at.desc())
        .limit(HISTORY)
    )
    totals = dict.fromkeys(connection.scalars(newest), 0)
    query = sa.select(entry.c.run_id, entry.c.counts).where(entry.c.run_id.in_(list(totals)))
    for run_id, counts in connection.execute(query):
        totals[run_id] += sum(_changed(json.loads(counts).get("tables", {})).values())
    return list(totals.values())
