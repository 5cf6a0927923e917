"""Blocking by law (бұғаттау, law 94-V art. 1): the processing of a person's data stops, their destruction too.

The column that the policy names under `subject: blocked` says who is blocked. merzim writes the present moment there,
and NULL when the block ends; what else the operator's application does with the column is its own affair.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from config.catalogue import text
from config.policy import ColumnRef, Event, Policy
from worker.ledger.gate import hold_exclusive
from worker.ledger.runs import BLOCKED, UNBLOCKED
from worker.pipeline.claim import KEYS
from worker.pipeline.recording import record
from worker.pipeline.tools import Refused, Tools
from worker.plan.calendar import Calendar, moment
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key


def set_blocked(
    connection: sa.Connection, tools: Tools, policy: Policy, keys: Sequence[Key], blocked: bool, request: str
) -> int:
    """Block these people, or end their block; returns how many it changed and writes them down as a run of its own.

    Under the exclusive gate: once the caller has committed, nothing of the blocked is touched. Raises Refused where the
    policy names no such column, or one that cannot hold a moment.
    """
    column = policy.subject.blocked
    if column is None:
        raise Refused(text("blocking.no_column", policy=policy.name))
    hold_exclusive(connection, tools.ledger)
    schema = tools.database.schema(connection, [policy.subject.table])
    facts = schema.tables[policy.subject.table]
    flag = facts.table.c[column]
    reference = ColumnRef(table=policy.subject.table, column=column)
    present = moment(policy, schema, Calendar.of(policy, datetime.now(UTC)), Event(column=reference)).present()
    if blocked and present is None:
        raise Refused(text("blocking.no_moment", column=str(reference)))
    value = present if blocked else None
    changed = flag.is_(None) if blocked else flag.is_not(None)
    statement = sa.update(facts.table).where(key_in([facts.table.c[c] for c in facts.key], KEYS), changed)
    done = connection.execute(statement.values({column: value}), {"keys": bare(keys)}).rowcount
    word = BLOCKED if blocked else UNBLOCKED
    record(connection, tools, policy, word, f"/{word}", {policy.subject.table: {word: done}}, {"request": request})
    return done
