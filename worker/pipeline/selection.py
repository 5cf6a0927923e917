"""Which rows of which tables go with a slice's units: selected once, locked, and from then on known by key only.

Deleting a child changes what the predicate sees, so nothing after this asks the predicate again (DESIGN, step 6).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from worker.databases.base import Database
from worker.pipeline.claim import KEYS, PEOPLE, Claim
from worker.plan.links import true
from worker.plan.people import bare, key_in, keys_named
from worker.plan.result import Key
from worker.plan.stages import RulePlan, StagePlan
from worker.plan.treatments import Carry


def select_rows(
    connection: sa.Connection,
    database: Database,
    stage: StagePlan,
    rule: RulePlan,
    claim: Claim,
    gone: Mapping[str, Sequence[Key]],
    limit: int,
) -> list[Key]:
    """Keys of the rule's rows to act on, in key order, locked. `gone`: keys that this slice deletes, by table. At most
    `limit` + 1 keys come back, so that the caller sees that there are more."""
    scene = stage.scene
    row = scene.links.alias(rule.table)
    key = scene.key(rule.table, row)
    subject = scene.policy.subject.table

    def ours(unit: sa.FromClause) -> Any:
        return key_in(scene.key(stage.unit, unit), KEYS)

    def claimed(person: sa.FromClause) -> Any:
        return key_in(scene.key(subject, person), PEOPLE)

    tests = [stage.rows(rule, row, ours, claimed)]
    parameters: dict[str, Any] = {"keys": bare(claim.units), "people": bare(claim.people)}
    if rule.deletes:
        names = {table: keys_named(f"gone_{i}") for i, table in enumerate(gone)}
        parameters |= {names[table].key: bare(keys) for table, keys in gone.items()}
        tests.append(sa.not_(stage.referred_to(rule, row, names)))
    query = sa.select(*key).select_from(row).where(*tests).order_by(*key).limit(limit + 1)
    return [tuple(r) for r in connection.execute(database.locked(query, skip=False), parameters)]


def select_carried(
    connection: sa.Connection, database: Database, stage: StagePlan, step: Carry, claim: Claim, before: sa.Table
) -> list[Key]:
    """Rows whose link column must change together with the subject's column that it joins: those that lead to the
    claimed people by it, and that no hold and no other person keeps."""
    scene = stage.scene
    row = scene.links.alias(step.table)
    key = scene.key(step.table, row)
    subject = scene.policy.subject.table
    old = before.c[step.followed]
    tests: list[sa.ColumnElement[bool]] = [row.c[step.column].in_(sa.select(old).where(old.is_not(None)))]
    if step.step.where is not None:
        tests.append(true(step.step.where))
    tests.append(stage.free(step.table, row, lambda person: key_in(scene.key(subject, person), PEOPLE)))
    query = sa.select(*key).select_from(row).where(*tests).order_by(*key)
    return [tuple(r) for r in connection.execute(database.locked(query, skip=False), {"people": bare(claim.people)})]
