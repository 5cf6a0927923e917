"""A person's request: written down with its plan, signed by whoever took it. Nothing of the operator's changes here."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from config.answers import AnswerTerm
from config.catalogue import text
from config.policy import Policy
from config.working_days import WorkingDays
from worker.ledger.decisions import Signer, decide
from worker.ledger.errors import PersonalText
from worker.ledger.holds import refuse_personal
from worker.ledger.keys import KeyCodec
from worker.ledger.policies import store_policy
from worker.ledger.requests import NewRequest, Request, find_request, insert_request, keep_plan, move, open_about
from worker.office.purge_plans import Shown, done_before, shown_plan
from worker.pipeline.tools import Refused, Tools, utc_now
from worker.plan.keys import Key

Operation = Literal["due", "erasure", "block", "unblock"]
LOCK_SECONDS = 30


@dataclass(frozen=True)
class Ask:
    """What was asked for. `subjects`: keys by table, of people every row; `checked`: the kind of proof of identity or
    mandate; `complaint`: it came as a complaint, which has a term of its own."""

    operation: Operation
    subjects: Mapping[str, Sequence[Key]]
    received: date | None
    checked: str
    reason: str
    basis: str | None = None
    complaint: bool = False


@dataclass(frozen=True)
class Stored:
    """The request as it was stored, `refused` or waiting for somebody else's approval, and the plan shown with it."""

    request: Request
    shown: Shown


def store_request(tools: Tools, policy: Policy, ask: Ask, signer: Signer, calendar: WorkingDays) -> Stored:
    """Store the request with its plan and signature. One that must not be carried out is stored as refused, with the
    reasons, so that it can be answered.

    Raises Refused, PersonalText and MissingYear before anything is stored.
    """
    received = _checked(policy, ask)
    term = _term(policy, ask)
    answer_by = None if term is None else term.last_day(received, calendar)
    now = datetime.now(UTC)
    with tools.database.writing(lock_seconds=LOCK_SECONDS) as connection:
        request_id = _insert(connection, tools, policy, ask, received, answer_by)
        other = open_about(connection, tools.ledger, request_id)
        if other is not None:
            raise Refused(text("requesting.open_already", id=other.id, state=text(f"request_state.{other.state}")))
        shown = shown_plan(connection, tools, policy, request_id, ask.operation, now)
        if not shown.changes and not shown.refusals:
            day = done_before(connection, tools, policy, ask.subjects)
            if day is not None:
                raise Refused(text("requesting.done_before", day=f"{day:%Y-%m-%d}"))
        keep_plan(connection, tools.ledger, request_id, shown.fingerprint, json.dumps(shown.as_json()))
        if shown.outcome is not None:
            move(connection, tools.ledger, request_id, "refused", ended_at=utc_now(), outcome=shown.outcome)
        decide(connection, tools.ledger, request_id, "request", shown.fingerprint, signer, utc_now())
        return Stored(find_request(connection, tools.ledger, request_id), shown)


def _insert(
    connection: sa.Connection, tools: Tools, policy: Policy, ask: Ask, received: date, answer_by: date | None
) -> str:
    at = utc_now()
    store_policy(connection, tools.ledger, text=policy.text, policy_hash=policy.hash, name=policy.name, at=at)
    new = NewRequest(
        policy_name=policy.name,
        policy_hash=policy.hash,
        operation=ask.operation,
        received_on=received,
        answer_by=answer_by,
        checked=ask.checked,
        reason=ask.reason,
        basis=ask.basis,
        created_at=at,
    )
    return insert_request(connection, tools.ledger, new, ledger_keys(connection, tools, ask.subjects))


def ledger_keys(
    connection: sa.Connection, tools: Tools, subjects: Mapping[str, Sequence[Key]]
) -> dict[str, list[tuple[int, str]]]:
    """Keys as the ledger writes them."""
    schema = tools.database.schema(connection, subjects)
    found = {}
    for table, keys in subjects.items():
        facts = schema.tables[table]
        codec = KeyCodec.of([facts.column(c) for c in facts.key])
        found[table] = [codec.columns_of(key) for key in keys]
    return found


def _checked(policy: Policy, ask: Ask) -> date:
    """The day of receipt, when nothing speaks against storing the request."""
    refuse_personal("reason", ask.reason)
    refuse_personal("checked", ask.checked)
    if re.search(r"\d{4}", ask.checked):  # the number of a passport has fewer digits than an IIN
        raise PersonalText(text("free_text.checked_number"))
    if ask.operation == "erasure":
        _check_basis(policy, ask.basis)
    elif ask.basis is not None:
        raise Refused(text("requesting.basis_of_erasure"))
    if ask.operation in ("block", "unblock"):
        _check_blocking(policy, ask)
    today = datetime.now(ZoneInfo(policy.timezone)).date()
    if ask.received is not None and ask.received > today:
        raise Refused(text("requesting.future"))
    return ask.received or today


def _check_basis(policy: Policy, basis: str | None) -> None:
    bases = policy.erasure.bases
    if not bases:
        raise Refused(text("requesting.no_bases", policy=policy.name))
    if basis not in bases:
        raise Refused(text("requesting.no_such_basis", bases=", ".join(bases)))


def _check_blocking(policy: Policy, ask: Ask) -> None:
    if policy.subject.blocked is None:
        raise Refused(text("blocking.no_column", policy=policy.name))
    others = sorted(set(ask.subjects) - {policy.subject.table})
    if others:
        raise Refused(text("requesting.block_people", tables=", ".join(others), table=policy.subject.table))


def _term(policy: Policy, ask: Ask) -> AnswerTerm | None:
    requests = policy.requests
    if ask.complaint:
        if requests.complaint is None:
            raise Refused(text("requesting.no_complaint_term", policy=policy.name))
        return requests.complaint
    return requests.erasure if ask.operation in ("due", "erasure") else requests.block


def plan_of(request: Request) -> dict[str, Any]:
    """The plan that was stored with a request."""
    plan: dict[str, Any] = json.loads(request.plan)
    return plan
