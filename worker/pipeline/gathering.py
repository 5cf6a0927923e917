"""gather: a slice's rows, all selected and locked before anything of them changes, and what they rest on held."""

from collections.abc import Sequence

import sqlalchemy as sa

from config.catalogue import text
from worker.pipeline.attempt import TooMany, Work
from worker.pipeline.originals import remember
from worker.pipeline.selection import select_carried, select_rows, without_referred
from worker.pipeline.tools import Broken, Tools
from worker.pipeline.verifying import check_carried_still_so, check_still_so, check_units_still_due
from worker.plan.keys import Key
from worker.plan.rows import RulePlan
from worker.plan.stages import StagePlan
from worker.plan.treatments import Column, carried

ROWS_LIMIT = 5_000
ALL = 2**31 - 2


def gather_first(connection: sa.Connection, tools: Tools, work: Work, rules: Sequence[RulePlan]) -> None:
    """Select the rows of these rules, before anything changes; with what must follow the subject's joined columns, in a
    stage by person, and what the units' own terms rest on, in one by rows. Raises as `gather_last`."""
    gather_last(connection, tools, work, rules)
    stage = work.stage
    if not stage.by_person:
        check_units_still_due(connection, tools.database, work)
        return
    if _leads_as_before(stage):
        return
    changing = _joined_columns(stage) if stage.scene.policy.subject.table in work.selected else {}
    before = work.before = remember(connection, tools.database, stage, work.claim, changing)
    for step in carried(stage.scene.policy, stage.scene.links, changing):
        if stage.rule_of(step.table) is None:
            keys = select_carried(connection, tools.database, stage, step, work.claim, before.table)
            work.carried.append((step, keys))
    check_carried_still_so(connection, tools.database, work, before.table)


def gather_last(connection: sa.Connection, tools: Tools, work: Work, rules: Sequence[RulePlan]) -> None:
    """Select the rows of these rules, when those of the others have changed. Raises TooMany, Crossed, Broken and
    SQLAlchemy's errors."""
    _select(connection, tools, work, rules)
    check_still_so(connection, tools.database, work, rules)


def _leads_as_before(stage: StagePlan) -> bool:
    """Whether what leads to the people leads to them when the stage is done, too, so that no originals are needed."""
    rule = stage.rule_of(stage.scene.policy.subject.table)
    return rule is None or not (rule.deletes or any(c.name in stage.people.columns for c in rule.columns))


def _joined_columns(stage: StagePlan) -> dict[str, Column]:
    """The subject's columns that this stage replaces and that something joins."""
    rule = stage.rule_of(stage.scene.policy.subject.table)
    if rule is None or rule.deletes:
        return {}
    return {c.name: c for c in rule.columns if c.name in stage.people.columns and c.bound.strategy.unique}


def _select(connection: sa.Connection, tools: Tools, work: Work, rules: Sequence[RulePlan]) -> None:
    """One person with very many rows goes in several slices: children first, and last, in one, the person's own rows
    with those that follow them, however many these are."""
    for rule in rules:
        budget = max(0, ROWS_LIMIT - work.rows)
        keys = _keys(connection, tools, work, rule, budget)
        if len(keys) > budget:
            if not work.claim.single:
                raise TooMany
            at_once = {r.table for r in work.stage.at_once}
            before = {table for table, found in work.selected.items() if found}
            if rule.table not in at_once:
                work.part, keys = True, keys[:budget]
            elif before <= at_once:
                keys = _keys(connection, tools, work, rule, ALL)
            else:
                work.part, work.selected = True, {t: found for t, found in work.selected.items() if t not in at_once}
                return
        work.selected[rule.table] = without_referred(connection, work.stage, rule, keys)
        if work.part:
            if not work.rows:
                raise Broken(text("foreign.entangled", table=rule.table, limit=ROWS_LIMIT))
            return


def _keys(connection: sa.Connection, tools: Tools, work: Work, rule: RulePlan, limit: int) -> list[Key]:
    return select_rows(connection, tools.database, work.stage, rule, work.claim, work.selected, limit, work.run)
