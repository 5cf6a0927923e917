"""Value → replacement, as SQL or in Python. Nothing here executes, opens or connects."""

from worker.strategies.base import MadeIn, Strategy, StrategyError
from worker.strategies.kinds import ALL_KINDS, Kind, kind_of
from worker.strategies.registry import BoundStrategy, UnknownStrategy, all_strategies, resolve

__all__ = [
    "ALL_KINDS",
    "BoundStrategy",
    "Kind",
    "MadeIn",
    "Strategy",
    "StrategyError",
    "UnknownStrategy",
    "all_strategies",
    "kind_of",
    "resolve",
]
