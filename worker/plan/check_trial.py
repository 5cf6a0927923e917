"""Queries to try before the night: the database says now, not at 02:00, what it cannot compare."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa

from config.catalogue import text
from config.policy import ColumnRef
from worker.ledger.tables import Ledger, ledger_tables
from worker.plan.calendar import Calendar
from worker.plan.check_constraints import written
from worker.plan.check_ground import Ground
from worker.plan.check_rules import Treated
from worker.plan.key_lists import key_in
from worker.plan.links import Step
from worker.plan.people import People
from worker.plan.scene import Scene
from worker.plan.stages import StagePlan
from worker.strategies.kinds import kind_of

TOO_NESTED = ("parser stack overflow", "too many references")
"""What SQLite says of conditions within conditions, as long as its parser's memory is fixed (100 places), and of one
relation in more than 65,535 places."""
SHARED = ("subject", "links", "clock", "holds", "stored in")


@dataclass(frozen=True)
class Trial:
    """A query that merzim will ask; the database is to plan it, not to run it. `sentence` is what to say, with its
    values, when the database cannot compare something in it."""

    path: str
    sentence: str
    values: dict[str, str]
    query: sa.Select[Any] | sa.Update


def joins(ground: Ground) -> list[Trial]:
    """The equality of every link that the policy writes."""
    found = []
    for i, link in enumerate(ground.policy.links):
        step = Step(link.source.table, (link.source.column,), link.target.table, (link.target.column,))
        if not ground.has_fatal(f"links[{i}]"):
            source, target = ground.links.alias(step.source), ground.links.alias(step.target)
            on = ground.links.join(step, source, target)
            query: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(source.join(target, on))
            values = {"source": str(link.source), "target": str(link.target)}
            found.append(Trial(f"links[{i}]", "check_trial.link", values, query))
    return found


def queries(ground: Ground, now: datetime) -> Iterator[Trial]:
    """Which people are due; then for every stage without an error of its own, which units are and which rows go."""
    policy = ground.policy
    if ground.has_fatal(*SHARED) or ground.table(policy.subject.table) is None:
        return
    calendar, ledger = Calendar.of(policy, now), empty_ledger(ground.schema.dialect)
    people = People(Scene(policy, ground.schema, ground.links, calendar, ledger))
    not_due = people.not_due(people.everybody(), policy.floor.term.cutoff(calendar.today))
    yield Trial("clock", "check_trial.clock", {}, not_due)
    # The clock has just been tried and would only make each stage's query long.
    short = policy.model_copy(update={"clock": ()})
    scene = Scene(short, ground.schema, ground.links, calendar, ledger)
    for name, stage in policy.stages.items():
        needed = [name, *stage.origin.done, *_followed_stages(ground, name)]
        if not ground.has_fatal(*(f"stages.{each}" for each in needed)):
            yield from _stage(StagePlan(scene, People(scene), stage))


def cannot_compare(ground: Ground, trial: Trial, message: str) -> None:
    """Note what the database said to a trial."""
    if is_too_nested(message):
        ground.error(trial.path, text("foreign.too_nested"))
    else:
        ground.error(trial.path, text(trial.sentence, **trial.values, message=message))


def is_too_nested(message: str) -> bool:
    """Whether that is what ails the query of which the database said this."""
    return any(words in message for words in TOO_NESTED)


class _Own(sa.types.UserDefinedType[Any]):
    """A type by the name that the database itself gives it."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **more: Any) -> str:
        """See UserDefinedType."""
        return self.name


def written_values(ground: Ground) -> Iterator[tuple[Treated, sa.Select[Any]]]:
    """What `constant` writes, and samples of what is invented for a domain, read by the database as the column's own
    type: enums, ranges and domains are its business alone. These queries touch no table and are to be run."""
    for treated in ground.treated if ground.schema.dialect != "sqlite" else ():
        fixed = treated.bound.strategy.name == "constant" and kind_of(treated.column.type) != "bytes"
        if (fixed or treated.name in treated.facts.domains) and not ground.has_fatal(treated.path):
            own = _Own(treated.facts.types[treated.name])
            values = [str(v) for v in written(treated.bound, treated.name) if v is not None]
            read: list[Any] = [sa.cast(sa.cast(sa.cast(v, sa.Text()), own), sa.Text()) for v in values]
            if read:
                yield treated, sa.select(*read)


def updates(ground: Ground) -> Iterator[Trial]:
    """The change of each rule, to be planned: what the database would refuse whatever the row."""
    for rule in ground.rules:
        if rule.facts is None or not rule.facts.changeable or ground.has_fatal(rule.path):
            continue
        treated = [t for t in ground.treated if t.at == rule]
        values = {t.name: _new(t, ground.schema.dialect) for t in treated}
        if values:
            statement = sa.update(rule.facts.table).where(sa.false()).values(values)
            yield Trial(rule.path, "foreign.cannot_change", {"table": rule.table}, statement)


def _new(treated: Treated, dialect: str) -> Any:
    column = treated.facts.table.c[treated.name]
    in_database = treated.bound.strategy.made_in == "database"
    return treated.bound.expression(column, dialect) if in_database else column


def empty_ledger(dialect: str) -> Ledger:
    """A ledger in which nothing is written down: `check` needs none, and runs before `init`."""
    ledger = ledger_tables(None if dialect == "sqlite" else "merzim")
    return replace(ledger, tombstone=_empty(ledger.tombstone), hold=_empty(ledger.hold))


def _empty(table: sa.Table) -> sa.Table:
    columns = [
        sa.cast(sa.null(), sa.Text() if isinstance(c.type, sa.String) else c.type).label(c.name) for c in table.c
    ]
    nothing = sa.select(*columns).where(sa.false()).cte(f"merzim_no_{table.name}")
    return cast(sa.Table, nothing)  # the predicate only names its columns and makes aliases of it


def _followed_stages(ground: Ground, stage: str) -> set[str]:
    """Stages that name a column which this stage's columns follow: their strategies are asked, too."""
    followed = {t.followed for t in ground.treated if t.at.stage.name == stage and t.followed is not None}
    named = {
        (ColumnRef(table=rule.table, column=column), rule.stage.name)
        for rule in ground.rules
        for treatment in rule.rule.treatments
        for column in treatment.columns
        if column
    }
    return {stage for column, stage in named if column in followed}


def _stage(stage: StagePlan) -> Iterator[Trial]:
    path = f"stages.{stage.name}"
    asked = [stage.due()]
    if stage.scene.dialect == "sqlite":  # whose parser gives up sooner on what a slice asks of a few
        asked.append(stage.due(lambda row: key_in(stage.scene.key(stage.unit, row), [])))
    for query in asked:
        yield Trial(path, "check_trial.stage", {"stage": stage.name}, query)
    for rule in stage.rules:
        row = stage.scene.links.alias(rule.table)
        rows = stage.rows(rule, row, lambda _: sa.true())
        query = sa.select(sa.literal_column("1")).select_from(row).where(rows)
        yield Trial(f"{path}.tables.{rule.table}", "check_trial.rows", {"table": rule.table}, query)


def cannot_take(ground: Ground, treated: Treated, message: str) -> None:
    """Note what the database said to a value that a strategy writes."""
    kind = treated.facts.types[treated.name]
    values = {"column": treated.name, "type": kind, "strategy": treated.bound.spelling, "message": message}
    ground.error(treated.path, text("foreign.cannot_take", **values))
