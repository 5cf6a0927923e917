"""The answer to a request, from what the ledger knows of it: its plan, its run, its decisions."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from config.policy import Policy
from worker.ledger.batches import Entry
from worker.ledger.requests import Request
from worker.reports.letter import Answer, Asked, Deed, Ground, Line, Outcome

DEEDS: tuple[Deed, ...] = ("deleted", "depersonalised")


def answer_to(policy: Policy, request: Request, entries: Sequence[Entry], now: datetime) -> Answer | None:
    """The letter's content; None while the request is not answered. `entries`: those of its run; `now` is aware."""
    if request.state not in ("done", "refused"):
        return None
    plan = json.loads(request.plan)
    zone = ZoneInfo(policy.timezone)
    kept = [_kept(one) for one in plan["kept"]]
    outcome: Outcome = "refused" if request.state == "refused" else "partly" if kept else "done"
    return Answer(
        operator=policy.operator,
        asked=cast(Asked, request.operation),
        outcome=outcome,
        reference=request.id,
        answered_on=now.astimezone(zone).date(),
        received_on=request.received_on,
        lines=(*_done(policy, entries, zone), *kept),
        grounds=tuple(Ground(g["ground"], g["basis"], g["hold"]) for g in plan["grounds"]),
        recipients=policy.recipients,
    )


@dataclass
class _Sum:
    day: date
    rows: int = 0
    until: date | None = None

    def add(self, rows: int, day: date, until: date | None) -> None:
        self.rows += rows
        self.day = max(self.day, day)
        self.until = max((d for d in (self.until, until) if d is not None), default=None)


def _done(policy: Policy, entries: Iterable[Entry], zone: ZoneInfo) -> Iterable[Line]:
    sums: dict[tuple[str, str, Deed], _Sum] = {}
    for entry in entries:
        day = entry.committed_at.replace(tzinfo=UTC).astimezone(zone).date()
        for table, counts in entry.counts["tables"].items():
            for deed in DEEDS:
                if n := counts.get(deed, 0):
                    found = sums.setdefault((entry.stage, table, deed), _Sum(day))
                    found.add(n, day, entry.archive_until)
    for (stage, table, deed), found in sums.items():
        rule = policy.stages[stage]
        basis = rule.archive.basis if rule.archive is not None else ""
        ground = Ground(basis=rule.basis or "")
        yield Line(table, deed, found.rows, ground, found.day, found.until, basis)


def _kept(one: Mapping[str, Any]) -> Line:
    until = date.fromisoformat(one["until"]) if one["until"] else None
    return Line(one["table"], "kept", one["rows"], Ground(one["ground"], one["basis"], one["hold"], until))
