"""Two policies over the same data at the same moment: who would newly become due, and who no longer (clause 6.5).

Reads only. Quotas are left out: what a night leaves for the next is due all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy, Quota
from worker.pipeline.beginning import Decision, decide
from worker.pipeline.comparing import shorter
from worker.pipeline.planning import due_rows, stages_of
from worker.pipeline.tools import Refused, Tools
from worker.plan.keys import Key
from worker.plan.result import StageOutcome
from worker.plan.stages import StagePlan


@dataclass(frozen=True)
class TableChange:
    """Rows of one table that become due, that are no longer due, and that are due either way."""

    table: str
    newly: int
    no_longer: int
    unchanged: int


@dataclass(frozen=True)
class StageChange:
    """Units of one stage, by key. `stopped`: why the stage does not run under the other policy."""

    stage: str
    unit: str
    newly: tuple[Key, ...]
    no_longer: tuple[Key, ...]
    unchanged: int
    tables: tuple[TableChange, ...]
    stopped: str | None


@dataclass(frozen=True)
class Comparison:
    """What changes if `other` comes in place of the policy that is in force. `shorter` names in words where it keeps
    less, or holds less."""

    policy: str
    policy_hash: str
    other_hash: str
    now: datetime
    shorter: tuple[str, ...]
    stages: tuple[StageChange, ...]


def compare_plans(connection: sa.Connection, tools: Tools, policy: Policy, other: Policy, now: datetime) -> Comparison:
    """The difference. Raises Refused when one of them cannot be carried out, or they are not the same policy."""
    if other.name != policy.name:
        raise Refused(text("refuses.other_name", name=policy.name, other=other.name))
    before, after = (decide(connection, tools, p.model_copy(update={"quota": Quota()}), now) for p in (policy, other))
    old, new = ({s.stage: s for s in d.plan.stages} for d in (before, after))
    bound = [{s.name: s for s in stages_of(d.scene, d.plan.stopped)} for d in (before, after)]
    stages = [
        _stage(connection, tools, name, (old.get(name), new.get(name)), (bound[0].get(name), bound[1].get(name)), after)
        for name in dict.fromkeys([*policy.stages, *other.stages])
    ]
    return Comparison(
        policy=policy.name,
        policy_hash=policy.hash,
        other_hash=other.hash,
        now=now,
        shorter=tuple(shorter(policy, other)),
        stages=tuple(s for s in stages if s is not None),
    )


def _stage(
    connection: sa.Connection,
    tools: Tools,
    name: str,
    outcomes: tuple[StageOutcome | None, StageOutcome | None],
    bound: tuple[StagePlan | None, StagePlan | None],
    after: Decision,
) -> StageChange | None:
    """None for a stage that is stopped, or not there, under both."""
    old, new = outcomes
    unit = new or old
    if unit is None:
        return None
    was, will = (set(o.due) if o is not None and o.unit == unit.unit else set() for o in outcomes)
    newly = tuple(k for k in (new.due if new else ()) if k not in was)
    no_longer = tuple(k for k in (old.due if old else ()) if k not in will)
    more, less = _rows(connection, tools, bound[1], newly), _rows(connection, tools, bound[0], no_longer)
    due = {t.table: t.due for t in (new.tables if new else ())}
    tables = dict.fromkeys([*due, *less])
    return StageChange(
        stage=name,
        unit=unit.unit,
        newly=newly,
        no_longer=no_longer,
        unchanged=len(was & will),
        tables=tuple(
            TableChange(t, more.get(t, 0), less.get(t, 0), max(0, due.get(t, 0) - more.get(t, 0))) for t in tables
        ),
        stopped=after.plan.stopped.get(name),
    )


def _rows(connection: sa.Connection, tools: Tools, stage: StagePlan | None, keys: Sequence[Key]) -> Mapping[str, int]:
    return due_rows(connection, tools.database, stage, keys) if stage is not None else {}
