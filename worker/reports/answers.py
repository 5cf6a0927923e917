"""Persons who wait for an answer: what is overdue or soon due stands first, in `status` and in every report."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from worker.ledger.requests import unanswered_by
from worker.ledger.tables import Ledger

SOON = timedelta(days=3)


@dataclass(frozen=True)
class AnswerFacts:
    """A request that nobody has answered; `answer_by` is the last day in time."""

    id: str
    operation: str
    state: str
    answer_by: date
    overdue: bool


def answers_due(conn: sa.Connection, ledger: Ledger, today: date, at: datetime) -> tuple[AnswerFacts, ...]:
    """Requests to be answered by now or within SOON, as things stood at `at` (naive UTC); the most urgent first.
    `today` is the operator's local date then."""
    return tuple(
        AnswerFacts(r.id, r.operation, r.state, r.answer_by, r.answer_by < today)
        for r in unanswered_by(conn, ledger, today + SOON, at)
        if r.answer_by is not None
    )


def answer_line(say: Callable[..., str], answer: AnswerFacts) -> str:
    """The answer that is due, as a sentence of the catalogue that `say` reads."""
    operation = say(f"request_operation.{answer.operation}")
    return say(
        "answer_due.overdue" if answer.overdue else "answer_due.soon",
        id=answer.id[:8],
        operation=operation,
        day=answer.answer_by.isoformat(),
    )
