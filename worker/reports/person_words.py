"""The sentence on top of an explanation: why nothing has happened yet, or what happened when."""

from collections.abc import Iterable, Sequence
from datetime import date

from config.catalogue import text
from worker.ledger.holds import PlacedHold
from worker.plan.ranks import BLOCKED, BY_HAND, DUE
from worker.reports.person import Condition, EventFacts, StageFacts
from worker.reports.reasons import HELD, QUARANTINED, reason_words, starting_with


def sentence_of_person(
    stages: Sequence[StageFacts],
    holds: Sequence[PlacedHold],
    conditions: Sequence[Condition],
    set_by: EventFacts | None,
) -> str:
    """About a person. A hold on all of the person comes before everything else."""
    whole = {condition.name or BLOCKED.removeprefix(HELD) for condition in conditions}
    if any(hold.scope == "person" for hold in holds):
        whole.add(BY_HAND.removeprefix(HELD))
    return _of_whole(whole, _last_done(stages)) if whole else _of_stages(stages, set_by)


def sentence_of_row(stages: Sequence[StageFacts], holds: Sequence[PlacedHold], ignored: str | None) -> str:
    """About a row."""
    if ignored is not None:
        return text("explained.ignored", reason=ignored)
    if not stages:
        return text("explained.in_no_stage")
    held = {reason for stage in stages for reason in starting_with(HELD, dict(stage.states))}
    if holds:
        held.add(BY_HAND.removeprefix(HELD))
    if held:
        return text("explained.row_held", holds=_in_words(held))
    return _of_stages(stages, next((s.set_by for s in stages if s.set_by), None))


def event_words(event: EventFacts) -> str:
    """The event's column, or that only the ledger remembers it."""
    return event.event or text("explained.remembered")


def _of_whole(holds: Iterable[str], done: date | None) -> str:
    held = _in_words(holds)
    return text("explained.held_since", holds=held, day=str(done)) if done else text("explained.held", holds=held)


def _of_stages(stages: Sequence[StageFacts], set_by: EventFacts | None) -> str:
    states: dict[str, int] = {}
    for stage in stages:
        for state, n in stage.states.items():
            states[state] = states.get(state, 0) + n
    held, unclear = starting_with(HELD, states), starting_with(QUARANTINED, states)
    done = _last_done(stages)
    following = min((s.due_from for s in stages if s.due_from is not None), default=None)
    if unclear:
        return text("explained.undecided", reasons=_in_words(unclear))
    if states.get(DUE):
        return text("explained.due")
    if held:
        return text("explained.partly_held", holds=_in_words(held))
    stopped = [s.stage for s in stages if s.stopped is not None]
    if done:
        return _done(done, following)
    if stopped:
        return text("explained.stopped", n=len(stopped), stages=", ".join(stopped))
    if following is None:
        return text("explained.unknown")
    if set_by is None or set_by.newest is None:
        return text("explained.waits", day=str(following))
    values = {"event": event_words(set_by), "moment": f"{set_by.newest:%Y-%m-%d}", "day": str(following)}
    return text("explained.waits_since", **values)


def _done(done: date, following: date | None) -> str:
    if following is None:
        return text("explained.done", day=str(done))
    return text("explained.done_in_part", day=str(done), following=str(following))


def _last_done(stages: Sequence[StageFacts]) -> date | None:
    return max((d.done_at.date() for s in stages for d in s.done), default=None)


def _in_words(reasons: Iterable[str]) -> str:
    return ", ".join(sorted(map(reason_words, reasons)))
