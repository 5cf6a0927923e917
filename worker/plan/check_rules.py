"""What a rule is to the checks: the policy's words with the live table, columns and strategies that they mean."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from config.policy import ColumnRef, Stage, TableRule
from worker.databases.facts import TableFacts
from worker.plan.treatments import FOLLOWS
from worker.strategies.registry import BoundStrategy, UnknownStrategy, resolve


@dataclass(frozen=True)
class Rule:
    """A rule of a stage with its live table, None where that is missing."""

    stage: Stage
    rule: TableRule
    facts: TableFacts | None
    path: str

    @property
    def table(self) -> str:
        """The table's name as the policy writes it."""
        return self.rule.table

    @property
    def deletes(self) -> bool:
        """Whether rows go altogether."""
        return self.rule.operation == "delete"

    @property
    def deletes_all(self) -> bool:
        """Whether every row of a unit goes, none being left out by a condition."""
        return self.deletes and self.rule.where is None


@dataclass(frozen=True)
class Treated:
    """A live column that a rule replaces by a strategy that is known and has a right argument."""

    at: Rule
    facts: TableFacts
    column: sa.Column[Any]
    bound: BoundStrategy
    path: str

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def followed(self) -> ColumnRef | None:
        """For `follows`: the column whose replacement this one takes over."""
        return ColumnRef.parse(self.bound.argument or "") if self.bound.strategy.name == FOLLOWS else None


@cache
def bound_to(spelling: str) -> BoundStrategy | None:
    """The strategy that the policy's words name, or None."""
    try:
        return resolve(spelling)
    except UnknownStrategy:
        return None
