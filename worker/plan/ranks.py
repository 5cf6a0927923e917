"""The verdicts that a policy can give on a unit, as words and as numbers."""

from typing import Any

import sqlalchemy as sa

from worker.plan.scene import Scene

KEPT = "kept"
DONE = "done"
DUE = "due"
BLOCKED = "held: blocked by law"
BY_HAND = "held: by hand"
NO_EVENT = "quarantined: no event says when the person stopped"
ABSURD_PERSON = "quarantined: an event of the person cannot be true"
ABSURD_ROW = "quarantined: the row's event cannot be true"
NAMED = (DUE, NO_EVENT, ABSURD_PERSON, ABSURD_ROW)
"""Verdicts of which a plan says whom they are about; of the others it says how many."""


class Ranks:
    """The verdicts of a policy, strongest first; the last is `due`."""

    def __init__(self, scene: Scene) -> None:
        holds = [f"held: {name}" for name in scene.policy.holds]
        self.states = [KEPT, BLOCKED, BY_HAND, *holds, ABSURD_PERSON, NO_EVENT, ABSURD_ROW, DUE]

    def of(self, state: str) -> sa.ColumnElement[int]:
        """A verdict as a number, for MIN."""
        return sa.literal_column(str(self.states.index(state)), sa.Integer())

    def name(self, rank: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
        """The verdict's name in SQL."""
        whens = {i: sa.literal(s, sa.Text()) for i, s in enumerate(self.states)}
        return sa.case(whens, value=rank)


def strongest(reasons: sa.FromClause) -> tuple[sa.Label[Any], sa.Label[Any]]:
    """The smallest rank and the newest clock, under names that no column of an operator's has: a policy's plain SQL
    may stand beside them."""
    rank, clock = sa.func.min(reasons.c.merzim_rank), sa.func.max(reasons.c.merzim_clock)
    return rank.label("merzim_rank"), clock.label("merzim_clock")
