"""States of runs, batches and requests, and the arrows between them: a state without arrows is final."""

from collections.abc import Mapping
from typing import Literal

from config.catalogue import text
from worker.ledger.errors import IllegalArrow

RunState = Literal["open", "done", "done_with_failures", "window_ended", "stopped", "failed"]
BatchState = Literal["open", "done", "failed"]
RequestState = Literal["requested", "approved", "running", "done", "refused", "cancelled", "void"]

RUN_ARROWS: Mapping[str, frozenset[str]] = {
    "open": frozenset({"done", "done_with_failures", "window_ended", "stopped", "failed"}),
    "done": frozenset(),
    "done_with_failures": frozenset(),
    "window_ended": frozenset(),
    "stopped": frozenset(),
    "failed": frozenset(),
}
"""`stopped`: by the brake, a changed policy or a hold; the run's reason says which."""

BATCH_ARROWS: Mapping[str, frozenset[str]] = {
    "open": frozenset({"open", "done", "failed"}),
    "done": frozenset(),
    "failed": frozenset(),
}
"""A batch stays open from slice to slice."""

REQUEST_ARROWS: Mapping[str, frozenset[str]] = {
    "requested": frozenset({"approved", "refused", "cancelled", "void"}),
    "approved": frozenset({"running", "cancelled", "void"}),
    "running": frozenset({"done", "void"}),
    "void": frozenset({"cancelled"}),
    "done": frozenset(),
    "refused": frozenset(),
    "cancelled": frozenset(),
}
"""`void`: the plan is not the one that was decided on any more, or its run was stopped. It is unanswered still, until
somebody asks anew."""


def check_arrow(arrows: Mapping[str, frozenset[str]], what: str, before: str, after: str) -> None:
    """Raise IllegalArrow unless `what` may go from state `before` to state `after`."""
    if after in arrows.get(before, frozenset()):
        return
    allowed = ", ".join(sorted(arrows.get(before, frozenset()))) or text("arrow.final")
    raise IllegalArrow(text(f"arrow.{what}", before=before, after=after, allowed=allowed))
