"""follows: a link column gets the same random value as the column it points to, in the same transaction."""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from worker.strategies.base import Strategy, StrategyError
from worker.strategies.kinds import ALL_KINDS


class Follows(Strategy):
    """Only declares itself: the engine carries the value over, the target's strategy says if it is done."""

    name = "follows"
    summary = "Takes over the replacement of the column it points to, so that links stay whole."
    argument = "the column it follows, as in follows users.iin"
    types = ALL_KINDS
    made_in = "engine"

    def wrong_argument(self, argument: str) -> str | None:
        """See Strategy."""
        if re.fullmatch(r"[^\s.]+(?:\.[^\s.]+)+", argument):
            return None
        return f"The argument of 'follows' must be {self.argument}; {argument!r} is not."

    def looks_done(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[bool]:
        """Raises StrategyError: ask the strategy of the column it follows."""
        raise StrategyError(f"Whether 'follows {argument}' is done is decided by the strategy of {argument}.")

    def is_done(self, value: Any, argument: str | None, allow: Sequence[str] = ()) -> bool:
        """Raises StrategyError: ask the strategy of the column it follows."""
        raise StrategyError(f"Whether 'follows {argument}' is done is decided by the strategy of {argument}.")
