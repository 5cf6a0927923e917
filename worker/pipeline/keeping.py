"""What a request leaves where it is, and why: for the admin who decides on it and for the answer to the person."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial

import sqlalchemy as sa

from config.catalogue import text
from worker.pipeline.claim import moment_of
from worker.pipeline.planning import stages_of
from worker.plan.people import People
from worker.plan.ranks import BLOCKED, BY_HAND, DONE, DUE, KEPT
from worker.plan.result import Plan, TablePlan
from worker.plan.scene import Scene
from worker.plan.stages import StagePlan
from worker.reports.letter import Why
from worker.reports.reasons import HELD, QUARANTINED, reason_words, state_words


@dataclass(frozen=True)
class Kept:
    """Rows of the people that stay: in words why, and the last day known on which they must be kept. `ground` is the
    letter's word for it, `hold` the policy's hold where that is the ground."""

    stage: str
    table: str
    rows: int
    why: str
    basis: str
    until: date | None
    ground: Why
    hold: str = ""


@dataclass(frozen=True)
class Refusal:
    """Why people of a request must not be touched: a hold of any kind, as a sentence and in the letter's words."""

    sentence: str
    ground: Why
    hold: str = ""
    basis: str = ""


def refusals(connection: sa.Connection, scene: Scene) -> tuple[Refusal, ...]:
    """Why the people whom the request names must not be touched at all: holds of every kind."""
    people = People(scene)
    those = people.those(partial(scene.asked, scene.subject))
    verdicts = people.verdicts(those, scene.policy.floor.term.cutoff(scene.calendar.today))
    state = people.ranks.name(verdicts.c.merzim_rank)
    query = sa.select(state, sa.func.count()).select_from(verdicts).group_by(state)
    found = {s: n for s, n in connection.execute(query).all() if s.startswith(HELD)}
    return tuple(_refusal(scene, state, n) for state, n in sorted(found.items()))


def _refusal(scene: Scene, state: str, n: int) -> Refusal:
    ground, name = _ground(state)
    if ground != "hold":
        reason = reason_words(state.removeprefix(HELD))
        return Refusal(text("purging.refused", n=n, count=str(n), reason=reason), ground)
    basis = scene.policy.holds[name].basis
    return Refusal(text("purging.refused_by", n=n, count=str(n), reason=name, basis=basis), ground, name, basis)


def _ground(state: str) -> tuple[Why, str]:
    """A state of the plan in the letter's words, with the hold's name if it is one of the policy's."""
    if state in (BLOCKED, BY_HAND):
        return ("blocked" if state == BLOCKED else "by_hand"), ""
    if state.startswith(HELD):
        return "hold", state.removeprefix(HELD)
    return ("undecided" if state.startswith(QUARANTINED) else "term"), ""


def kept_rows(connection: sa.Connection, scene: Scene, plan: Plan) -> tuple[Kept, ...]:
    """Rows of the people that the plan would leave, table by table."""
    planned = {(t.stage, t.table): t for t in plan.tables}
    found: list[Kept] = []
    for stage in stages_of(scene):
        outcome = next((s for s in plan.stages if s.stage == stage.name), None)
        for rule in stage.rules:
            row = scene.links.alias(rule.table)
            test = stage.candidates(rule, row, stage.asked)
            count = sa.select(sa.func.count()).select_from(row).where(test)
            rows = int(connection.execute(count).scalar_one()) - _due(planned.get((stage.name, rule.table)))
            if rows > 0:
                states = outcome.states if outcome else None
                why, until, ground = _why(connection, scene, stage, states, plan.stopped)
                basis = stage.stage.basis or ""
                found.append(Kept(stage.name, rule.table, rows, why, basis, until, *ground))
    return tuple(found)


def _due(table: TablePlan | None) -> int:
    return table.due if table is not None else 0


def _why(
    connection: sa.Connection,
    scene: Scene,
    stage: StagePlan,
    states: Mapping[str, int] | None,
    stopped: Mapping[str, str],
) -> tuple[str, date | None, tuple[Why, str]]:
    if stage.name in stopped:
        return stopped[stage.name], None, ("policy", "")
    if states is None and not stage.stage.is_normative:
        return text("purging.waits"), None, ("term", "")
    if states is None:
        until = _kept_until(connection, scene, stage)
        if until is not None and until < scene.calendar.today:
            return text("purging.night"), None, ("due", "")
        return text("purging.norm", basis=stage.stage.basis or ""), until, ("term", "")
    reasons = sorted(s for s in states if s not in (DUE, DONE))
    if not reasons:
        return text("purging.shared"), None, ("shared", "")
    until = _kept_until(connection, scene, stage) if KEPT in states else None
    return "; ".join(map(state_words, reasons)), until, _ground(reasons[0])


def _kept_until(connection: sa.Connection, scene: Scene, stage: StagePlan) -> date | None:
    """The last day on which the newest of the people's units must be kept, by its own term and by the floor."""
    if stage.stage.origin.done:
        return None
    verdicts = stage.verdicts(stage.asked)
    units = connection.execute(sa.select(sa.func.max(verdicts.c.clock))).scalar()
    people = People(scene)
    those = people.those(partial(scene.asked, scene.subject))
    persons = connection.execute(
        sa.select(sa.func.max(people.verdicts(those, stage.person_cutoff).c.merzim_clock))
    ).scalar()
    terms = [(moment_of(units), stage.stage.term), (moment_of(persons), scene.policy.floor.term)]
    days = [term.kept_until(_local(scene, moment)) for moment, term in terms if moment is not None]
    return max(days, default=None)


def _local(scene: Scene, moment: datetime) -> date:
    return moment.replace(tzinfo=UTC).astimezone(scene.calendar.zone).date()
