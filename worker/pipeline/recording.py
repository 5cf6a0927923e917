"""What is done in one transaction of its own, outside the nights, is written down like a run: its entries, sealed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from uuid import uuid4

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from worker.databases.facts import Schema
from worker.ledger.batches import Entry, NewBatch, advance_batch, claim_batch, store_batches, write_entry
from worker.ledger.policies import store_policy
from worker.ledger.runs import NewRun, close_run, create_run
from worker.ledger.seal import seal_run
from worker.pipeline.planning import scene_of
from worker.pipeline.tools import Refused, Tools, utc_now


@dataclass(frozen=True)
class Copy:
    """A segment that is there already, to be known from now on."""

    segment: str
    sha256: str
    size: int
    stage: str
    until: date | None


def record(
    connection: sa.Connection,
    tools: Tools,
    policy: Policy,
    kind: str,
    stage: str,
    counts: Mapping[str, Mapping[str, int]],
    about: Mapping[str, str],
    copies: Sequence[Copy] = (),
) -> str:
    """Write the run down in the present transaction and return its id. `counts`: rows by table and operation; `about`:
    what else its plan says; `copies`: each gets an entry of its own. Raises Refused without a signing key, or when
    another of its kind is open."""
    if tools.sign is None:
        raise Refused(text("recording.unsealed"))
    now = utc_now()
    store_policy(connection, tools.ledger, text=policy.text, policy_hash=policy.hash, name=policy.name, at=now)
    today = scene_of(policy, Schema(tools.database.dialect), tools.ledger, datetime.now(UTC)).calendar.today
    plan = {"tables": [], "stages": [], "stopped": {}, "unmentioned": [], "allowed": {}, **about}
    run, made = create_run(
        connection,
        tools.ledger,
        NewRun(policy.name, policy.hash, kind, today, now, uuid4().hex[:16], json.dumps(plan), True, now),
    )
    if not made:
        raise Refused(text("recording.another"))
    store_batches(connection, tools.ledger, run.id, [NewBatch(stage, [], 0)])
    batch = claim_batch(connection, tools.ledger, run.id)
    assert batch is not None
    done = {"units": 0, "tables": counts}
    first = Entry(uuid4().hex, run.id, batch.number, 1, kind, stage, done, now)
    entries = [_of_copy(first, number, copy) for number, copy in enumerate(copies, 1)] or [first]
    for entry in entries:
        write_entry(connection, tools.ledger, entry)
    advance_batch(connection, tools.ledger, batch, cursor="0", slices=len(entries), state="done")
    close_run(connection, tools.ledger, run.id, "done", now)
    seal_run(connection, tools.ledger, run.id, tools.sign, tools.key_id, now)
    return run.id


def _of_copy(first: Entry, number: int, copy: Copy) -> Entry:
    return replace(
        first,
        attempt=uuid4().hex,
        slice=number,
        stage=copy.stage,
        segment=copy.segment,
        sha256=copy.sha256,
        size=copy.size,
        archive_until=copy.until,
    )
