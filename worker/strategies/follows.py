"""follows: a link column gets the same random value as the column it points to, in the same transaction."""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from config.names import COLUMN_PATTERN
from worker.strategies.base import Strategy, StrategyError
from worker.strategies.kinds import ALL_KINDS


class Follows(Strategy):
    """Only declares itself: the engine carries the value over, the target's strategy says if it is done."""

    name = "follows"
    summary = text("strategy_does.follows")
    argument = text("strategy_argument.follows")
    types = ALL_KINDS
    made_in = "engine"

    def wrong_argument(self, argument: str) -> str | None:
        """See Strategy."""
        if re.fullmatch(COLUMN_PATTERN, argument):
            return None
        return text("strategy.this_argument", name=self.name, wanted=self.argument, argument=repr(argument))

    def looks_done(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[bool]:
        """Raises StrategyError: ask the strategy of the column it follows."""
        raise StrategyError(text("strategy.not_by_itself", argument=argument))

    def is_done(self, value: Any, argument: str | None, allow: Sequence[str] = ()) -> bool:
        """Raises StrategyError: ask the strategy of the column it follows."""
        raise StrategyError(text("strategy.not_by_itself", argument=argument))
