"""Constraints that are rarer than NOT NULL and UNIQUE: who does not look for them here meets them at night."""

import re

from config.catalogue import text
from worker.plan.check_constraints import doubtful_checks
from worker.plan.check_ground import Ground
from worker.plan.check_rules import Treated
from worker.plan.check_treatments import effective, strategies_beside
from worker.strategies.kinds import kind_of
from worker.strategies.registry import BoundStrategy


def check_unusual(ground: Ground) -> None:
    """Unique indexes over a part of the rows or over an expression, exclusion constraints, NULLS NOT DISTINCT, computed
    columns that may not become NULL; and a column of blocks that could never be empty."""
    for treated in ground.treated:
        bound = effective(ground, treated)
        if bound is not None:
            _alike(ground, treated, bound)
            _nulls_alike(ground, treated, bound)
            _together(ground, treated, bound)
            _computed(ground, treated, bound)
    _blocked(ground)


def _alike(ground: Ground, treated: Treated, bound: BoundStrategy) -> None:
    if bound.strategy.unique:
        return
    for definition in treated.facts.unusual_uniques:
        what = definition.partition("(")[2]
        mentioned = [c.name for c in treated.facts.table.c if _mentions(what, c.name)]
        if treated.name not in mentioned:
            continue
        values = {"column": treated.name, "strategy": bound.spelling, "definition": definition}
        if len(mentioned) == 1 and " WHERE " not in definition:
            ground.error(treated.path, text("foreign.alike", **values))
        else:
            ground.warning(treated.path, text("foreign.may_be_alike", **values))


def _mentions(definition: str, column: str) -> bool:
    return re.search(rf"(?<![\w']){re.escape(column)}(?![\w'])", definition) is not None


def _nulls_alike(ground: Ground, treated: Treated, bound: BoundStrategy) -> None:
    if bound.strategy.writes_null and treated.name in treated.facts.nulls_alike:
        ground.error(treated.path, text("foreign.nulls_alike", column=treated.name, strategy=bound.spelling))


def _together(ground: Ground, treated: Treated, bound: BoundStrategy) -> None:
    """A CHECK over several columns, of which some keep what they have: only the rows themselves could tell."""
    for check in doubtful_checks(treated, bound, ground.schema.dialect, strategies_beside(ground, treated)):
        values = {"column": treated.name, "strategy": bound.spelling, "check": check}
        ground.warning(treated.path, text("foreign.together", **values))


def _computed(ground: Ground, treated: Treated, bound: BoundStrategy) -> None:
    for column in treated.facts.table.c:
        if column.computed is None or column.nullable or not bound.strategy.writes_null:
            continue
        if _mentions(str(column.computed.sqltext), treated.name):
            values = {"column": treated.name, "computed": column.name, "strategy": bound.spelling}
            ground.warning(treated.path, text("foreign.computed", **values))


def _blocked(ground: Ground) -> None:
    """Not NULL means blocked: a flag that is false, or a date that is always there, would block everybody for ever."""
    subject = ground.policy.subject
    column = ground.column(subject.table, subject.blocked) if subject.blocked else None
    if column is not None and (kind_of(column.type) == "boolean" or not column.nullable):
        ground.error("subject.blocked", text("foreign.blocked", column=f"{subject.table}.{column.name}"))
