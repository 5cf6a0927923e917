"""The reasons that stand in plan and ledger, and what the catalogue says of each: its words, and what to do.

A reason that is not listed here (a hold of the policy, a failure) is shown as it stands.
"""

from config.catalogue import text
from worker.plan.ranks import ABSURD_PERSON, ABSURD_ROW, BLOCKED, BY_HAND, NO_EVENT

HELD, QUARANTINED = "held: ", "quarantined: "
WAITS_FOR_QUOTA = "waits for the quota"
FAILED = "failed: "
"""Begins the reason of a unit that the run set aside, because its change failed."""
LOCKED = f"{FAILED}another session kept it locked"
"""Of a unit that was set aside only because somebody else kept its lock: it is overdue, nothing is wrong with it."""

_KNOWN = {
    BLOCKED.removeprefix(HELD): "blocked",
    BY_HAND.removeprefix(HELD): "by_hand",
    NO_EVENT.removeprefix(QUARANTINED): "no_event",
    ABSURD_PERSON.removeprefix(QUARANTINED): "absurd_person",
    ABSURD_ROW.removeprefix(QUARANTINED): "absurd_row",
}


def known_reason(reason: str) -> str | None:
    """The catalogue's name of a reason (`reason.<name>`, `todo.<name>`), None for one that it does not know."""
    return _KNOWN.get(reason)


def reason_words(reason: str) -> str:
    """A reason of plan or ledger in words."""
    known = known_reason(reason)
    return text(f"reason.{known}") if known else reason


def state_words(state: str) -> str:
    """A state of a plan's units in words, with its reason if it has one."""
    kind, colon, reason = state.partition(": ")
    if colon:
        return text(f"plan_state.{kind}", reason=reason_words(reason))
    return text(f"plan_state.{state.replace(' ', '_')}")


def starting_with(prefix: str, states: dict[str, int]) -> dict[str, int]:
    """The counts of a plan whose state begins with `prefix`, by what follows it."""
    return {s.removeprefix(prefix): n for s, n in states.items() if s.startswith(prefix)}
