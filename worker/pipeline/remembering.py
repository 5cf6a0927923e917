"""What the ledger remembers of a slice's units: tombstones, and the clocks of people whose events were deleted."""

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from worker.ledger import tombstones
from worker.ledger.tombstones import Tombstone
from worker.pipeline.attempt import Work
from worker.pipeline.claim import KEPT_QUERIES, KEYS, Claim, moment_of
from worker.pipeline.tools import Tools, utc_now
from worker.plan.key_lists import bare, key_in, keys_named
from worker.plan.keys import Key
from worker.plan.stages import StagePlan


def clocks_to_keep(connection: sa.Connection, stage: StagePlan, claim: Claim) -> list[Tombstone]:
    """The owners' clocks, where a stage by rows deletes events of the clock: a longer term still counts from them."""
    clock_tables = {m.table for m in stage.people.moments}
    if stage.by_person or not claim.people or not any(r.deletes and r.table in clock_tables for r in stage.rules):
        return []
    found = connection.execute(_clocks_query(stage), {"keys": bare(claim.people)})
    return [Tombstone(tuple(row[:-1]), moment_of(row[-1]), remains=False) for row in found]


@lru_cache(maxsize=KEPT_QUERIES)
def _clocks_query(stage: StagePlan) -> sa.Select[Any]:
    scene, people = stage.scene, stage.people
    return people.clocks(people.those(lambda row: key_in(scene.key(scene.subject, row), KEYS)), stage.person_cutoff)


def write_tombstones(
    connection: sa.Connection, tools: Tools, work: Work, forgotten: list[Tombstone], place: tuple[str, int, int]
) -> None:
    """Of the slice's units, and of people whose clocks have to be kept (`clocks_to_keep`)."""
    _write_units(connection, tools, work, place)
    scene = work.stage.scene
    tombstones.write(connection, tools.ledger, scene.codec(scene.subject), scene.memory, forgotten, place, utc_now())


def _write_units(connection: sa.Connection, tools: Tools, work: Work, place: tuple[str, int, int]) -> None:
    stage, claim = work.stage, work.claim
    if not claim.units or not stage.is_remembered:
        return
    waiting = _waiting(connection, work)
    stones = [Tombstone(k, claim.clocks.get(k), work.part or k in waiting) for k in claim.units]
    tombstones.write(connection, tools.ledger, stage.scene.codec(stage.unit), stage.qualified, stones, place, utc_now())
    if any(stone.remains for stone in stones):
        _write_down_rows(connection, tools, work, place)


def _write_down_rows(connection: sa.Connection, tools: Tools, work: Work, place: tuple[str, int, int]) -> None:
    """Rows that do not tell by their look that they were done: without this a unit of which something remains would
    have them done again, in the next part or every night."""
    stage = work.stage
    for rule in stage.rules:
        if rule.table != stage.unit and not rule.tells:
            rows = [Tombstone(key, None, remains=False) for key in work.selected.get(rule.table, [])]
            codec = stage.scene.codec(rule.table)
            tombstones.write(connection, tools.ledger, codec, stage.memory_of(rule.table), rows, place, utc_now())


def _waiting(connection: sa.Connection, work: Work) -> set[Key]:
    """Units of which rows remain undone."""
    stage = work.stage
    if stage.units_are_all and set(work.selected.get(stage.unit, [])).issuperset(work.claim.units):
        return set()
    parameters: dict[str, Any] = {
        f"changed_{i}": bare(work.selected.get(r.table, [])) for i, r in enumerate(stage.rules)
    }
    parameters |= {"keys": bare(work.claim.units), "run": work.run}
    return {tuple(r) for r in connection.execute(_waiting_query(stage), parameters).all()}


def remembering_queries(stage: StagePlan) -> list[sa.Select[Any]]:
    """The large one of `write_tombstones`, built once a stage."""
    return [_waiting_query(stage)] if stage.is_remembered else []


@lru_cache(maxsize=KEPT_QUERIES)
def _waiting_query(stage: StagePlan) -> sa.Select[Any]:
    names = {rule.table: keys_named(f"changed_{i}") for i, rule in enumerate(stage.rules)}
    unit = stage.units()
    columns = stage.scene.key(stage.unit, unit)
    return sa.select(*columns).select_from(unit).where(key_in(columns, KEYS), stage.waiting(unit, names))
