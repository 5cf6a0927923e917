"""verify: what must be true of a slice before COMMIT (promises 2, 5 and 7); a slice of which it is not is rolled back.

That each changed row looks done is proved where it is changed (`applying`). Here: selected = archived, what was
selected still leads to its unit, and nobody became active or held since the claim, over a link that no lock can stop.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from config.names import split_table
from worker.archive.segment import Sealed
from worker.databases.base import Database
from worker.pipeline.attempt import Work
from worker.pipeline.between import between_events, between_queries, between_rows, hold_between
from worker.pipeline.claim import KEPT_QUERIES, KEYS, PEOPLE, due_with_clocks
from worker.pipeline.selection import again_queries, select_carried, still_selected
from worker.pipeline.tools import Broken
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.rows import RulePlan
from worker.plan.stages import StagePlan


class Crossed(Broken):
    """A person became active or held between the claim and COMMIT; the next attempt leaves them out."""


def check_archived(work: Work, sealed: Sealed) -> Sealed:
    """Selected = archived, table by table."""
    selected: dict[str, int] = {}
    pairs = [*work.selected.items(), *((s.table, k) for s, k in work.carried)]
    for table, keys in pairs:
        if keys:
            name = split_table(table)[1]
            selected[name] = selected.get(name, 0) + len(keys)
    if selected != sealed.rows:
        raise Broken(text("broken.not_archived"))
    return sealed


def check_still_so(connection: sa.Connection, database: Database, work: Work, rules: Sequence[RulePlan]) -> None:
    """Hold what lies between, then raise Crossed if over it a selected row has become somebody else's or held. Before
    anything of these rules' rows is changed."""
    if connection.dialect.name == "sqlite":
        return  # BEGIN IMMEDIATE: nobody else can have written
    stage, claim, selected = work.stage, work.claim, work.selected
    for rule in rules:
        hold_between(connection, database, between_rows(stage, rule.table), selected.get(rule.table, []))
    done = {table: keys for table, keys in selected.items() if table not in {r.table for r in rules}}
    for rule in rules:
        keys = selected.get(rule.table, [])
        if keys and between_rows(stage, rule.table):
            _all(keys, still_selected(connection, stage, rule, claim, done, keys, work.run), stage)
        done[rule.table] = keys


def check_units_still_due(connection: sa.Connection, database: Database, work: Work) -> None:
    """In a stage by rows: hold the other rows whose events count for the units, then raise Crossed if a term begins
    later now. Before anything is changed."""
    events = between_events(work.stage)
    if connection.dialect.name != "sqlite" and events:
        hold_between(connection, database, events, work.claim.units)
        _all(work.claim.units, due_with_clocks(connection, work.stage, work.claim.units), work.stage)


def check_carried_still_so(connection: sa.Connection, database: Database, work: Work, before: sa.Table) -> None:
    """The same for rows that follow the subject outside the stage's rules."""
    if connection.dialect.name == "sqlite":
        return
    for step, keys in work.carried:
        between = between_rows(work.stage, step.table)
        if keys and between:
            hold_between(connection, database, between, keys)
            there = select_carried(connection, database, work.stage, step, work.claim, before)
            _all(keys, there, work.stage)


def _all(keys: Sequence[Key], there: Iterable[Key], stage: StagePlan) -> None:
    if not set(keys).issubset(there):
        raise Crossed(text("broken.crossed", stage=stage.name))


def check_nothing_crossed(connection: sa.Connection, work: Work, changed: bool) -> None:
    """Step 7: an event or a hold that came about since the claim, over a link that no lock can stop. Looked for before
    anything is `changed`, and once more before COMMIT."""
    stage = work.stage
    if connection.dialect.name == "sqlite":
        return  # BEGIN IMMEDIATE: nobody else can have written
    claim, before = work.claim, work.before.table if changed and work.before is not None else None
    crossed = bool(claim.people) and _finds(connection, _since_query(stage, before), claim.locked, claim.people)
    if crossed or (claim.relied_on and _finds(connection, _crossed_query(stage), list(claim.relied_on))):
        raise Crossed(text("broken.crossed", stage=stage.name))


def _finds(
    connection: sa.Connection, query: sa.Select[Any] | None, keys: Sequence[Key], people: Sequence[Key] = ()
) -> bool:
    lists = {"keys": bare(keys), "people": bare(people)}
    return query is not None and connection.execute(query, lists).first() is not None


def may_hide_events(work: Work) -> bool:
    """Whether, of what was selected and locked after the claim, events or holds may not be found before COMMIT any
    more: deleted, or leading to the person's new value. The units themselves were locked before the predicate."""
    scene, stage = work.stage.scene, work.stage
    telling = {m.table for m in stage.people.moments} | {h.exists for h in scene.policy.holds.values()}
    between = {step.source for table in telling for path in scene.links.to_people(table) for step in path.steps}
    selected = {r.table for r in stage.rules} | {step.table for step, _ in work.carried}
    return not selected.isdisjoint((telling | between) - {stage.unit, scene.subject})


def verifying_queries(stage: StagePlan) -> list[sa.Select[Any]]:
    """All that is large, built once a stage."""
    again = again_queries(stage, lambda table: bool(between_rows(stage, table)))
    since = _since_query(stage, None)
    return [*between_queries(stage), *again, _crossed_query(stage), *([] if since is None else [since])]


@lru_cache(maxsize=KEPT_QUERIES)
def _crossed_query(stage: StagePlan) -> sa.Select[Any]:
    """About people with given keys, of whom nothing is locked."""
    people, scene = stage.people, stage.scene
    return people.crossed(people.those(lambda row: key_in(scene.key(scene.subject, row), KEYS)), stage.person_cutoff)


@lru_cache(maxsize=KEPT_QUERIES)
def _since_query(stage: StagePlan, before: sa.Table | None) -> sa.Select[Any] | None:
    """About the people of the temporary copy, whose joined columns are the originals, or about people with given keys
    as they stand; all rows of theirs that are known are locked."""
    people, scene = stage.people, stage.scene
    whom = before if before is not None else people.those(lambda row: key_in(scene.key(scene.subject, row), PEOPLE))
    return people.crossed_since(whom, stage.person_cutoff, KEYS)
