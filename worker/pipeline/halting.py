"""Why a run must not begin another slice: asked before each of them.

A run keeps the policy that it was planned under. But if the configured one now keeps longer or holds more, somebody has
decided against what the run would still destroy: it stops (DESIGN, "Celery").
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from config.catalogue import text
from config.loader import read_policy
from config.policy import Policy
from config.problems import PolicyProblems
from worker.ledger.states import RunState
from worker.pipeline.comparing import shorter


@dataclass(frozen=True)
class Halt:
    """No further slice. `state` is what the run becomes; None: it stays open, and somebody else may go on."""

    state: RunState | None
    reason: str


Halting = Callable[[], Halt | None]


def first_of(*halts: Halting) -> Halting:
    """The first reason that any of them has."""

    def ask() -> Halt | None:
        return next((halt for halt in (each() for each in halts) if halt is not None), None)

    return ask


def when_asked(asked: Callable[[], object]) -> Halting:
    """Somebody stops the process (SIGTERM, Ctrl-C): the run goes on when it is started again."""
    return lambda: Halt(None, text("halt.asked")) if asked() else None


def at(end: datetime, clock: Callable[[], datetime]) -> Halting:
    """The window's end. What is left is planned anew by the next night."""
    return lambda: Halt("window_ended", text("halt.window_ended")) if clock() >= end else None


class PolicyChanges:
    """Looks at the configured policy's file whenever it is another file than a moment ago."""

    def __init__(self, path: Path, policy: Policy) -> None:
        self.path, self.policy = path, policy
        self._seen: tuple[int, int, int] | None = None
        self._halt: Halt | None = None

    def __call__(self) -> Halt | None:
        """Why not to go on; a file that cannot be read stops nothing for good: it may be half written."""
        try:
            state = self.path.stat()
            seen = (state.st_ino, state.st_size, state.st_mtime_ns)
            if seen != self._seen:
                self._halt = self._compare(read_policy(self.path))
                self._seen = seen
        except (OSError, PolicyProblems):
            return Halt(None, text("halt.policy_unreadable", path=str(self.path)))
        return self._halt

    def _compare(self, configured: Policy) -> Halt | None:
        if configured.hash == self.policy.hash:
            return None
        reasons = shorter(configured, self.policy)
        return Halt("stopped", text("halt.policy_changed", reasons="; ".join(reasons))) if reasons else None
