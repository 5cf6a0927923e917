"""Requests as the office stores them, approved or not, for tests of what carries them out."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import pytest

from config.policy import Policy
from tests.integration.small_operator import NOW
from worker.ledger.decisions import Action, Signer, decide
from worker.ledger.policies import store_policy
from worker.ledger.requests import NewRequest, find_request, insert_request, keep_plan, move
from worker.pipeline.night import Outcome, carry_on, workplace
from worker.pipeline.purging import PurgePlan, begin_purge, plan_purge
from worker.pipeline.tools import Refused, Tools, utc_now


class Place(Protocol):
    """An operator whose people stand in `people`, with merzim beside."""

    @property
    def tools(self) -> Tools: ...

    @property
    def policy(self) -> Policy: ...


SIGNERS: tuple[tuple[str, Action], ...] = (("anna", "request"), ("bolat", "approve"))


def account(operator: Place, name: str) -> Signer:
    """Somebody by their account, whose word this installation's key signs for."""
    assert operator.tools.sign is not None
    return Signer(name, "account", operator.tools.key_id, operator.tools.sign)


def asked(
    operator: Place,
    operation: str,
    people: Sequence[int] = (),
    rows: Mapping[str, Sequence[int]] | None = None,
    now: datetime = NOW,
) -> tuple[str, PurgePlan]:
    """A stored request and its plan."""
    policy, ledger, at = operator.policy, operator.tools.ledger, utc_now()
    subjects = {"people": people, **(rows or {})}
    new = NewRequest(policy.name, policy.hash, operation, now.date(), None, "passport", "asked for it", None, at)
    with operator.tools.database.writing() as connection:
        store_policy(connection, ledger, text=policy.text, policy_hash=policy.hash, name=policy.name, at=at)
        named = {table: [(n, "") for n in numbers] for table, numbers in subjects.items() if numbers}
        request = insert_request(connection, ledger, new, named)
        found = plan_purge(connection, operator.tools, policy, request, operation, now)
        keep_plan(connection, ledger, request, found.plan.fingerprint, json.dumps(found.plan.as_json()))
    return request, found


def approved(
    operator: Place,
    operation: str,
    people: Sequence[int] = (),
    rows: Mapping[str, Sequence[int]] | None = None,
    now: datetime = NOW,
) -> str:
    """A request that somebody else said yes to; its cancel window has passed."""
    request, _ = asked(operator, operation, people, rows, now)
    with operator.tools.database.writing() as connection:
        ledger = operator.tools.ledger
        fingerprint = find_request(connection, ledger, request).fingerprint
        for name, action in SIGNERS:
            decide(connection, ledger, request, action, fingerprint, account(operator, name), utc_now())
        move(connection, ledger, request, "approved", not_before=utc_now())
    return request


def carried_out(operator: Place, request: str, between: Callable[[], object] = lambda: None) -> Outcome:
    """Begun and worked off; `between`: what happens meanwhile."""
    run = begin_purge(operator.tools, operator.policy, request)
    place = workplace(operator.tools, run)
    between()
    return carry_on(place)


def refused(operator: Place, request: str) -> str:
    """Why it is not begun."""
    with pytest.raises(Refused) as why:
        begin_purge(operator.tools, operator.policy, request)
    return str(why.value)
