"""What `merzim explain` shows on a terminal."""

from collections.abc import Sequence
from typing import Any

from config.catalogue import text
from worker.cli.output import in_words, print_table, say
from worker.ledger.holds import PlacedHold
from worker.reports.person import PersonFacts, RequestFacts, RowFacts, StageFacts
from worker.reports.person_words import event_words
from worker.reports.reasons import reason_words, state_words


def show_person(facts: PersonFacts) -> None:
    """A person: the sentence first, then clock, stages, rows, holds and slices."""
    say(text("verb_explain.person", key=_key(facts.key), sentence=facts.sentence))
    if not facts.there:
        say(text("verb_explain.gone"))
    if facts.same_person:
        say(text("verb_explain.same_person", keys=_keys(facts.same_person)))
    if facts.clock is None or facts.set_by is None:
        say(text("verb_explain.no_clock"))
    else:
        say(text("verb_explain.clock", moment=f"{facts.clock:%Y-%m-%d %H:%M}", event=event_words(facts.set_by)))
    for event in facts.events:
        if event.absurd:
            say(text("verb_explain.absurd", n=event.absurd, event=event_words(event)))
    _stages(facts.stages)
    _tables(facts)
    _holds(facts.holds)
    rows = [[reason_words(c.name) if c.name else text("reason.blocked"), c.rows, c.basis] for c in facts.conditions]
    if rows:
        print_table(text("verb_explain.conditions"), ["reason", "rows", "basis"], rows)
    _requests(facts.requests)
    _slices(facts.stages)


def show_row(facts: RowFacts) -> None:
    """A row: the sentence first, then whose it is, its stages, holds and slices."""
    say(text("verb_explain.row", key=_key(facts.key), table=facts.table, sentence=facts.sentence))
    if facts.owners:
        say(text("verb_explain.owners", n=len(facts.owners), keys=_keys(facts.owners)))
    else:
        say(text("verb_explain.no_owner"))
    _stages(facts.stages)
    _holds(facts.holds)
    _requests(facts.requests)
    _slices(facts.stages)


def _requests(requests: Sequence[RequestFacts]) -> None:
    rows = [
        [
            r.id,
            text(f"request_operation.{r.operation}"),
            text(f"request_state.{r.state}"),
            r.received_on.isoformat(),
            r.answer_by.isoformat() if r.answer_by else "",
            r.outcome or "",
        ]
        for r in requests
    ]
    if rows:
        columns = ["request", "operation", "state", "received", "answer_by", "outcome"]
        print_table(text("verb_explain.requests"), columns, rows)


def _stages(stages: Sequence[StageFacts]) -> None:
    shown = [s for s in stages if s.states or s.done]
    rows = [
        [
            s.stage,
            in_words({state_words(state): n for state, n in s.states.items()}),
            _due(s),
            event_words(s.set_by) if s.set_by else "",
            s.basis,
        ]
        for s in shown
    ]
    if rows:
        print_table(text("verb_explain.stages"), ["stage", "state", "due_from", "counted_from", "basis"], rows)
    empty = [s.stage for s in stages if s not in shown and s.stopped is None]
    if empty:
        say(text("verb_explain.empty", stages=", ".join(empty)))
    for stage in stages:
        if stage.stopped is not None:
            say(text("verb_explain.stopped", stage=stage.stage, reason=stage.stopped))


def _due(stage: StageFacts) -> str:
    first, last = stage.due_from, stage.due_until
    days = "" if first is None else str(first)
    if first != last:
        days = text("verb_explain.days", first=str(first), last=str(last))
    return ", ".join(part for part in (days, *stage.waits_for) if part)


def _tables(facts: PersonFacts) -> None:
    rows = []
    for table in facts.tables:
        states = {s.stage: s.rows.get(table.table, {}) for s in facts.stages}
        parts = [
            text("verb_explain.in_stages", stage=stage, states=in_words({state_words(s): n for s, n in by.items()}))
            for stage, by in states.items()
            if by
        ]
        if table.ignored is not None:
            parts.append(table.ignored)
        elif table.in_no_stage:
            parts.append(in_words({text("verb_explain.in_no_stage"): table.in_no_stage}))
        if table.maybe:
            parts.append(in_words({text("verb_explain.maybe"): table.maybe}))
        if table.rows or table.maybe:
            rows.append([table.table, table.rows, "; ".join(parts)])
    if rows:
        print_table(text("verb_explain.tables"), ["table", "rows", "state"], rows, whole=("table",))


def _holds(holds: Sequence[PlacedHold]) -> None:
    for h in holds:
        covers = text(f"hold.{h.scope}", table=h.table_name, key=h.key_text or str(h.key_number))
        end = (
            text("hold.no_end")
            if h.ends_at is None
            else text("verb_explain.until", moment=f"{h.ends_at:%Y-%m-%d %H:%M}")
        )
        values = {"author": h.author, "day": f"{h.placed_at:%Y-%m-%d}", "end": end, "covers": covers}
        say(text("verb_explain.held", reason=h.reason, id=h.id, **values))


def _slices(stages: Sequence[StageFacts]) -> None:
    rows = [
        [s.stage, d.done_at, f"{d.run}/{d.batch}/{d.slice}", d.segment, d.copy_until] for s in stages for d in s.done
    ]
    if rows:
        print_table(text("verb_explain.slices"), ["stage", "done", "slice", "segment", "kept_until"], rows)


def _keys(keys: Sequence[tuple[Any, ...]]) -> str:
    return ", ".join(str(k[0]) if len(k) == 1 else str(k) for k in keys)


def _key(key: tuple[Any, ...]) -> str:
    return ", ".join(map(str, key))
