"""Approving and cancelling: by a person who is surely another one, on exactly the plan that was shown."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from worker.ledger.decisions import Signer, decide
from worker.ledger.gate import hold_exclusive
from worker.ledger.holds import refuse_personal
from worker.ledger.requests import Request, find_request, move
from worker.office.blocking import set_blocked
from worker.office.purge_plans import BLOCK, UNBLOCK, Shown, keys_of, shown_plan
from worker.office.requesting import LOCK_SECONDS, plan_of
from worker.pipeline.four_eyes import asked_by, check_different
from worker.pipeline.tools import Refused, Tools, utc_now


@dataclass(frozen=True)
class Review:
    """A request that may be approved by whoever asks, and its plan as it is now. `void`: why it may not after all; the
    request is void then, and the new plan is for people to see."""

    request: Request
    shown: Shown
    void: str | None


def review(tools: Tools, policy: Policy, request_id: str, signer: Signer) -> Review:
    """The request and its plan anew, for whoever wants to approve it. A plan that changed voids the request.

    Raises Refused when the request is in another state, its signature is not genuine, or who asks may be its author.
    """
    with tools.database.reading() as connection:
        request = find_request(connection, tools.ledger, request_id)
        _check_may_approve(connection, tools, request, signer)
        now = datetime.fromisoformat(plan_of(request)["now"])
        shown = shown_plan(connection, tools, policy, request.id, request.operation, now)
    void = _why_void(request, shown)
    if void is not None:
        with tools.database.writing(lock_seconds=LOCK_SECONDS) as connection:
            move(connection, tools.ledger, request.id, "void", ended_at=utc_now(), outcome=void)
    return Review(request, shown, void)


def approve(
    tools: Tools,
    policy: Policy,
    request_id: str,
    fingerprint: str,
    signer: Signer,
) -> Request:
    """Approve the plan with this fingerprint; a block is put into force at once, everything else when the cancel window
    has ended. Raises Refused like `review`, and for another fingerprint than the stored plan's."""
    with tools.database.writing(lock_seconds=LOCK_SECONDS) as connection:
        request = find_request(connection, tools.ledger, request_id)
        _check_may_approve(connection, tools, request, signer)
        if fingerprint != request.fingerprint:
            raise Refused(text("deciding.other_plan", given=fingerprint, fingerprint=request.fingerprint))
        at = utc_now()
        blocks = request.operation in (BLOCK, UNBLOCK)
        not_before = at if blocks else at + policy.requests.cancel_window
        move(connection, tools.ledger, request.id, "approved", not_before=not_before)
        decide(connection, tools.ledger, request.id, "approve", request.fingerprint, signer, at)
        if blocks:
            _block(connection, tools, policy, request)
        return find_request(connection, tools.ledger, request.id)


def cancel(tools: Tools, request_id: str, reason: str, signer: Signer) -> Request:
    """Call off a request that has not begun; once this returns, nothing is done because of it.

    Raises Refused for one that has begun or ended, PersonalText for a reason that looks personal.
    """
    refuse_personal("reason", reason)
    with tools.database.writing(lock_seconds=LOCK_SECONDS) as connection:
        hold_exclusive(connection, tools.ledger)
        request = find_request(connection, tools.ledger, request_id)
        if request.state not in ("requested", "approved", "void"):
            raise Refused(_state_sentence("cannot_cancel", request))
        at = utc_now()
        move(connection, tools.ledger, request.id, "cancelled", ended_at=at, outcome=reason)
        decide(connection, tools.ledger, request.id, "cancel", request.fingerprint, signer, at)
        return find_request(connection, tools.ledger, request.id)


def _block(connection: sa.Connection, tools: Tools, policy: Policy, request: Request) -> None:
    keys = keys_of(connection, tools, policy.subject.table, request.id)
    set_blocked(connection, tools, policy, keys, request.operation == BLOCK, request.id)
    move(connection, tools.ledger, request.id, "running")
    move(connection, tools.ledger, request.id, "done", ended_at=utc_now())


def _check_may_approve(connection: sa.Connection, tools: Tools, request: Request, signer: Signer) -> None:
    if request.state != "requested":
        raise Refused(_state_sentence("cannot_approve", request))
    check_different(connection, tools.ledger, asked_by(connection, tools, request), signer.name, signer.signed_with)


def _why_void(request: Request, shown: Shown) -> str | None:
    """Why the request is not what was asked for any more: any difference counts, for one person or for many."""
    if shown.outcome is not None:
        return text("deciding.void_held", reasons=shown.outcome)
    stored = plan_of(request)
    if shown.fingerprint != request.fingerprint or _rows(stored) != _rows(shown.as_json()):
        return text("deciding.void_changed")
    return None


def _rows(plan: dict[str, Any]) -> list[Any]:
    """What the plan says of the request's own rows; sizes of whole tables change without them."""
    tables = [[t["stage"], t["table"], t["operation"], t["due"]] for t in plan["tables"]]
    return [tables, plan["kept"]]


def _state_sentence(what: str, request: Request) -> str:
    return text(f"deciding.{what}", id=request.id, state=text(f"request_state.{request.state}"))
