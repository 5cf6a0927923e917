"""What a plan says: the same objects are printed by plan, run, report and explain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from worker.plan.keys import Key


@dataclass(frozen=True)
class TablePlan:
    """What a stage would do to one table. `states` counts its rows by reason; `bytes` is what a copy would weigh."""

    stage: str
    table: str
    operation: str
    due: int
    rows: int
    bytes: int
    states: Mapping[str, int]
    basis: str
    copy: str
    files: bool

    @property
    def held(self) -> dict[str, int]:
        """Rows that a hold or a block covers, by its name."""
        return {s.removeprefix("held: "): n for s, n in self.states.items() if s.startswith("held: ")}

    @property
    def quarantined(self) -> dict[str, int]:
        """Rows whose clock cannot be decided, by reason."""
        return {s.removeprefix("quarantined: "): n for s, n in self.states.items() if s.startswith("quarantined: ")}


@dataclass(frozen=True)
class StageOutcome:
    """The units of one stage: due keys, the longest overdue first, the others counted by reason."""

    stage: str
    unit: str
    cutoff: date
    due: Sequence[Key]
    states: Mapping[str, int]
    quarantine: tuple[tuple[Key, str], ...]
    tables: tuple[TablePlan, ...]


@dataclass(frozen=True)
class Plan:
    """What a run at `now` would do under one policy. `stopped`: stages that must not run, with the reason (promise 11);
    `unmentioned`: what the policy says nothing of, without touching a stage. `blocked`: people whom the law blocks,
    None where the policy names no column for it."""

    policy: str
    policy_hash: str
    now: datetime
    local_date: date
    stages: tuple[StageOutcome, ...]
    stopped: Mapping[str, str] = field(default_factory=dict)
    unmentioned: tuple[str, ...] = ()
    fingerprint: str = ""
    blocked: int | None = None

    @property
    def rows_due(self) -> int:
        """All rows that would change."""
        return sum(t.due for t in self.tables)

    @property
    def tables(self) -> tuple[TablePlan, ...]:
        """Every table of every stage, in order."""
        return tuple(t for s in self.stages for t in s.tables)

    def as_json(self) -> dict[str, Any]:
        """The plan without its keys, for people, files and the ledger."""
        return {
            "policy": self.policy,
            "policy_hash": self.policy_hash,
            "now": self.now.isoformat(),
            "local_date": self.local_date.isoformat(),
            "fingerprint": self.fingerprint,
            "stages": [
                {
                    "stage": s.stage,
                    "unit": s.unit,
                    "cutoff": s.cutoff.isoformat(),
                    "due": len(s.due),
                    "states": dict(s.states),
                }
                for s in self.stages
            ],
            "stopped": dict(self.stopped),
            "unmentioned": list(self.unmentioned),
            "blocked": self.blocked,
            "tables": [
                {
                    "stage": t.stage,
                    "table": t.table,
                    "operation": t.operation,
                    "due": t.due,
                    "rows": t.rows,
                    "held": t.held,
                    "quarantined": t.quarantined,
                    "kept": t.states.get("kept", 0),
                    "done": t.states.get("done", 0),
                    "bytes": t.bytes,
                    "copy": t.copy,
                    "files": t.files,
                    "basis": t.basis,
                }
                for t in self.tables
            ],
        }
