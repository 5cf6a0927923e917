"""Requests of persons: stored once with the rows they are about, then only moved from state to state."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.errors import LedgerError
from worker.ledger.locks import lock
from worker.ledger.states import REQUEST_ARROWS, RequestState, check_arrow
from worker.ledger.tables import Ledger

OPEN: tuple[RequestState, ...] = ("requested", "approved", "running")
UNANSWERED: tuple[RequestState, ...] = (*OPEN, "void")
LedgerKey = tuple[int, str]
"""(key_number, key_text) as KeyCodec.columns_of gives them."""


@dataclass(frozen=True)
class NewRequest:
    """What is asked for, by whatever way it came; days are the operator's local ones, `created_at` naive UTC."""

    policy_name: str
    policy_hash: str
    operation: str
    received_on: dt.date
    answer_by: dt.date | None
    checked: str
    reason: str
    basis: str | None
    created_at: dt.datetime


@dataclass(frozen=True)
class Request:
    """A request as the ledger has it; all times naive UTC, `plan` is JSON."""

    id: str
    policy_name: str
    policy_hash: str
    operation: str
    received_on: dt.date
    answer_by: dt.date | None
    checked: str
    reason: str
    basis: str | None
    fingerprint: str
    plan: str
    state: RequestState
    created_at: dt.datetime
    not_before: dt.datetime | None
    run_id: str | None
    ended_at: dt.datetime | None
    outcome: str | None

    @property
    def is_open(self) -> bool:
        """Whether something may still be done because of it."""
        return self.state in OPEN


def insert_request(
    conn: sa.Connection, ledger: Ledger, new: NewRequest, subjects: Mapping[str, Sequence[LedgerKey]]
) -> str:
    """Store a request with the rows that it is about (by table) and return its id. It has no plan yet (`keep_plan`).

    Keeps other requests from being stored until this transaction ends, so that `open_about` stays true.
    """
    lock(conn, ledger, "store request", shared=False)
    request_id = uuid.uuid4().hex
    values = {**vars(new), "id": request_id, "fingerprint": "", "plan": "{}", "state": "requested"}
    conn.execute(ledger.request.insert().values(values))
    rows = [
        {"request_id": request_id, "table_name": table, "key_number": number, "key_text": key}
        for table, keys in subjects.items()
        for number, key in dict.fromkeys(keys)
    ]
    if rows:
        conn.execute(ledger.request_subject.insert(), rows)
    return request_id


def keep_plan(conn: sa.Connection, ledger: Ledger, request_id: str, fingerprint: str, plan: str) -> None:
    """Write down the plan that is shown with the request; `plan` is JSON without keys."""
    table = ledger.request
    conn.execute(table.update().where(table.c.id == request_id).values(fingerprint=fingerprint, plan=plan))


def find_request(conn: sa.Connection, ledger: Ledger, request_id: str) -> Request:
    """The request with this id, or with the only id that begins so. Raises LedgerError when there is none, or more."""
    table = ledger.request
    by_id = table.select().where(sa.func.substr(table.c.id, 1, len(request_id)) == request_id).limit(3)
    rows = conn.execute(by_id).mappings().all() if request_id else []
    if len(rows) > 1:
        raise LedgerError(text("ledger_refuses.several_requests", n=len(rows), id=request_id))
    if not rows:
        raise LedgerError(text("ledger_refuses.no_request", id=request_id))
    return Request(**rows[0])


def subjects_of(conn: sa.Connection, ledger: Ledger, request_id: str) -> dict[str, list[LedgerKey]]:
    """The keys of the rows that a request is about, by table, in key order."""
    table = ledger.request_subject
    columns = (table.c.table_name, table.c.key_number, table.c.key_text)
    found: dict[str, list[LedgerKey]] = {}
    for name, number, key in conn.execute(
        sa.select(*columns).where(table.c.request_id == request_id).order_by(*columns)
    ):
        found.setdefault(name, []).append((number, key))
    return found


def list_requests(conn: sa.Connection, ledger: Ledger, states: Sequence[RequestState] = ()) -> list[Request]:
    """Requests (in these states, if any are given): those that must be answered first, first."""
    table = ledger.request
    query = table.select().where(table.c.state.in_(states)) if states else table.select()
    in_order = query.order_by(table.c.answer_by.is_(None), table.c.answer_by, table.c.created_at, table.c.id)
    return [Request(**row) for row in conn.execute(in_order).mappings()]


def approved_waiting(conn: sa.Connection, ledger: Ledger, policy_name: str, now: dt.datetime) -> list[Request]:
    """Approved requests of the policy whose cancel window has ended at `now` (naive UTC), the oldest first."""
    table = ledger.request
    query = table.select().where(
        table.c.policy_name == policy_name, table.c.state == "approved", table.c.not_before <= now
    )
    return [Request(**row) for row in conn.execute(query.order_by(table.c.not_before, table.c.id)).mappings()]


def unanswered_by(conn: sa.Connection, ledger: Ledger, day: dt.date, at: dt.datetime) -> list[Request]:
    """Requests that must be answered by `day` or before, and that nobody had answered at `at` (naive UTC), the most
    urgent first. A void one counts until a later request is about the same row, or it is cancelled."""
    mine, theirs = ledger.request_subject.alias(), ledger.request_subject.alias()
    table, later = ledger.request, ledger.request.alias()
    same = sa.and_(*(mine.c[c] == theirs.c[c] for c in ("table_name", "key_number", "key_text")))
    asked_anew = (
        sa.select(later.c.id)
        .select_from(mine.join(theirs, same).join(later, later.c.id == theirs.c.request_id))
        .where(
            mine.c.request_id == table.c.id,
            later.c.id != table.c.id,
            later.c.created_at.between(table.c.created_at, at),
        )
        .correlate(table)
        .exists()
    )
    waits = sa.or_(
        table.c.ended_at.is_(None), table.c.ended_at > at, sa.and_(table.c.state == "void", sa.not_(asked_anew))
    )
    query = table.select().where(table.c.answer_by <= day, table.c.created_at <= at, waits)
    return [Request(**row) for row in conn.execute(query.order_by(table.c.answer_by, table.c.id)).mappings()]


def open_about(conn: sa.Connection, ledger: Ledger, request_id: str) -> Request | None:
    """Another request, still open, that is about one of the same rows; the oldest of them."""
    mine, theirs, table = ledger.request_subject.alias(), ledger.request_subject.alias(), ledger.request
    same = sa.and_(*(mine.c[c] == theirs.c[c] for c in ("table_name", "key_number", "key_text")))
    others = (
        sa.select(theirs.c.request_id)
        .select_from(mine.join(theirs, same))
        .where(mine.c.request_id == request_id, theirs.c.request_id != request_id)
    )
    query = table.select().where(table.c.id.in_(others), table.c.state.in_(OPEN))
    row = conn.execute(query.order_by(table.c.created_at, table.c.id).limit(1)).mappings().one_or_none()
    return None if row is None else Request(**row)


def requests_about(conn: sa.Connection, ledger: Ledger, table_name: str, key: LedgerKey) -> list[Request]:
    """Every request that was ever about this row, the newest first."""
    table, subject = ledger.request, ledger.request_subject
    of_row = sa.select(subject.c.request_id).where(
        subject.c.table_name == table_name, subject.c.key_number == key[0], subject.c.key_text == key[1]
    )
    query = table.select().where(table.c.id.in_(of_row)).order_by(table.c.created_at.desc(), table.c.id)
    return [Request(**row) for row in conn.execute(query).mappings()]


def move(conn: sa.Connection, ledger: Ledger, request_id: str, to: RequestState, **values: Any) -> Request:
    """Bring a request to another state and write `values` (run_id, not_before, ended_at, outcome) beside it; returns it
    as it was before. Its row stays locked until this transaction ends.

    Raises IllegalArrow when the state may not follow, LedgerError when there is no such request.
    """
    table = ledger.request
    row = conn.execute(table.select().where(table.c.id == request_id).with_for_update()).mappings().one_or_none()
    if row is None:
        raise LedgerError(text("ledger_refuses.no_request", id=request_id))
    before = Request(**row)
    check_arrow(REQUEST_ARROWS, "request", before.state, to)
    conn.execute(table.update().where(table.c.id == request_id).values(state=to, **values))
    return before


def end_request(
    conn: sa.Connection, ledger: Ledger, run_id: str, to: RequestState, at: dt.datetime, outcome: str | None
) -> None:
    """Bring the request whose run this is, if there is one, to its end in the transaction that closes the run."""
    table = ledger.request
    request_id = conn.scalar(sa.select(table.c.id).where(table.c.run_id == run_id, table.c.state == "running"))
    if request_id is not None:
        move(conn, ledger, request_id, to, ended_at=at, outcome=outcome)
