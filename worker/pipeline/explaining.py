"""explain: one person, what is due when and why, what holds it, what was done. Reads only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.identifiers.email import normalise_email
from worker.identifiers.iin import normalise_iin
from worker.identifiers.phone import normalise_phone
from worker.ledger.holds import in_force
from worker.pipeline.claim import moment_of
from worker.pipeline.planning import stages_of
from worker.pipeline.tools import Refused, Tools
from worker.plan.people import BY_HAND, DUE, People
from worker.plan.result import Key
from worker.plan.scene import Scene, bare, key_in
from worker.plan.stages import StagePlan
from worker.reports.reasons import HELD, QUARANTINED, reason_words, starting_with


@dataclass(frozen=True)
class StageExplained:
    """One stage for the person: its units by state, from what day on it is due, and what was done and when."""

    stage: str
    unit: str
    states: Mapping[str, int]
    due_from: date | None
    rows: Mapping[str, int]
    done: Sequence[Mapping[str, Any]]
    basis: str


@dataclass(frozen=True)
class Explained:
    """One person. `sentence` is the answer; `clock` the newest event of all rows of the person, in UTC."""

    key: Key
    sentence: str
    same_person: Sequence[Key]
    clock: datetime | None
    stages: Sequence[StageExplained]
    holds: Sequence[Mapping[str, Any]]


def find_people(connection: sa.Connection, scene: Scene, text: str) -> list[Key]:
    """Keys of the people who have this IIN, e-mail or phone, in any spelling, in the subject's own columns."""
    facts = scene.schema.tables[scene.subject]
    wanted = {"iin": normalise_iin(text), "email": normalise_email(text), "phone": normalise_phone(text)}
    normal = {"iin": normalise_iin, "email": normalise_email, "phone": normalise_phone}
    found: dict[Key, None] = {}
    key = [facts.table.c[c] for c in facts.key]
    for kind, columns in scene.policy.identifiers.items():
        value = wanted.get(kind)
        if value is None:
            continue
        for (reference,) in (c for c in columns if len(c) == 1 and c[0].table == scene.subject):
            column = facts.column(reference.column)
            digits = value[-10:] if kind == "phone" else value
            rough = (
                sa.cast(column, sa.Text()).like(f"%{digits[-4:]}%")
                if kind != "email"
                else (sa.func.lower(column).like(f"%{digits.partition('@')[0][:3]}%"))
            )
            for row in connection.execute(sa.select(*key, column).where(rough)):
                if row[-1] is not None and normal[kind](str(row[-1])) == value:
                    found[tuple(row[:-1])] = None
    return list(found)


def explain_person(connection: sa.Connection, tools: Tools, scene: Scene, key: Key) -> Explained:
    """Everything about one person. Raises Refused where there is no such row."""
    facts = scene.schema.tables[scene.subject]
    columns = [facts.table.c[c] for c in facts.key]
    if connection.execute(sa.select(*columns).where(key_in(columns, bare([key])))).first() is None:
        raise Refused(text("refuses.no_person"))
    people = People(scene)
    verdicts = people.verdicts(
        people.those(lambda row: key_in(scene.key(scene.subject, row), bare([key]))),
        scene.policy.floor.term.cutoff(scene.calendar.today),
    )
    clock = connection.execute(sa.select(verdicts.c.clock)).scalar()
    stages = [_stage(connection, tools, stage, key, moment_of(clock)) for stage in stages_of(scene)]
    by_hand = _holds(connection, tools, scene, key)
    return Explained(
        key,
        _sentence(stages, bool(by_hand)),
        _twins(connection, scene, people, key),
        moment_of(clock),
        stages,
        by_hand,
    )


def _stage(
    connection: sa.Connection, tools: Tools, stage: StagePlan, key: Key, clock: datetime | None
) -> StageExplained:
    scene = stage.scene

    def is_person(person: sa.FromClause) -> Any:
        return key_in(scene.key(scene.subject, person), bare([key]))

    def of_person(unit: sa.FromClause) -> Any:
        paths = [p for p in scene.links.to_people(stage.unit) if p.steps]
        return sa.or_(sa.false(), *(scene.links.found_by(p, unit, is_person) for p in paths))

    verdicts = stage.verdicts(is_person if stage.by_person else of_person)
    query = sa.select(*stage.keys(verdicts), verdicts.c.state, verdicts.c.clock)
    found = connection.execute(query).all()
    states: dict[str, int] = {}
    for row in found:
        states[row.state] = states.get(row.state, 0) + 1
    moments = [m for r in found if (m := moment_of(r.clock)) is not None]
    newest = clock if stage.by_person else max(moments, default=None)
    keys = [tuple(r[: len(stage.key)]) for r in found]
    return StageExplained(
        stage.name,
        stage.unit,
        states,
        _due_from(stage, newest, clock),
        _rows(connection, stage, of_person, is_person),
        _done(connection, tools, stage, keys),
        stage.stage.basis or "",
    )


def _due_from(stage: StagePlan, newest: datetime | None, clock: datetime | None) -> date | None:
    """The first day on which the term, and under it the person's floor, has ended; unknown for a term that counts from
    what other stages have yet to do."""
    if stage.stage.origin.done:
        return None
    zone = stage.scene.calendar.zone
    days = []
    for moment, term in ((newest, stage.stage.term), (clock, stage.scene.policy.floor.term)):
        if moment is not None:
            days.append(term.kept_until(moment.replace(tzinfo=UTC).astimezone(zone).date()) + timedelta(days=1))
    return max(days, default=None)


def _rows(connection: sa.Connection, stage: StagePlan, of_person: Any, is_person: Any) -> dict[str, int]:
    """How many rows of each of the stage's tables lead to the person."""
    counts = {}
    for rule in stage.rules:
        row = stage.scene.links.alias(rule.table)
        test = stage.belongs(rule, row, is_person if stage.by_person else of_person)
        counts[rule.table] = int(
            connection.execute(sa.select(sa.func.count()).select_from(row).where(test)).scalar_one()
        )
    return counts


def _done(connection: sa.Connection, tools: Tools, stage: StagePlan, keys: Sequence[Key]) -> list[dict[str, Any]]:
    stone, entry = tools.ledger.tombstone, tools.ledger.entry
    found = []
    for key in keys:
        number, text = stage.scene.codec(stage.unit).columns_of(key)
        query = sa.select(stone.c.done_at, stone.c.run_id, stone.c.remains, entry.c.segment, entry.c.archive_until)
        query = query.select_from(
            stone.outerjoin(
                entry,
                sa.and_(
                    entry.c.run_id == stone.c.run_id, entry.c.batch == stone.c.batch, entry.c.slice == stone.c.slice
                ),
            )
        )
        query = query.where(stone.c.stage == stage.qualified, stone.c.key_number == number, stone.c.key_text == text)
        found += [{"key": list(key), **dict(r)} for r in connection.execute(query).mappings()]
    return found


def _twins(connection: sa.Connection, scene: Scene, people: People, key: Key) -> list[Key]:
    row = scene.links.alias(scene.subject)
    columns = scene.key(scene.subject, row)
    same = people.of_same_person(row, lambda twin: key_in(scene.key(scene.subject, twin), bare([key])))
    return [tuple(r) for r in connection.execute(sa.select(*columns).select_from(row).where(same))]


def _holds(connection: sa.Connection, tools: Tools, scene: Scene, key: Key) -> list[dict[str, Any]]:
    held = tools.ledger.hold
    number, text = scene.codec(scene.subject).columns_of(key)
    query = held.select().where(
        held.c.scope == "person",
        held.c.table_name == scene.subject,
        held.c.key_number == number,
        held.c.key_text == text,
        in_force(held, scene.now_utc),
    )
    names = ("id", "reason", "author", "placed_at", "ends_at")
    return [{n: row[n] for n in names} for row in connection.execute(query).mappings()]


def _sentence(stages: Sequence[StageExplained], by_hand: bool) -> str:
    """Why nothing has happened yet, or what has."""
    states: dict[str, int] = {}
    for stage in stages:
        for state, n in stage.states.items():
            states[state] = states.get(state, 0) + n
    done = [d for s in stages for d in s.done]
    held = {*starting_with(HELD, states), *([BY_HAND.removeprefix(HELD)] if by_hand else [])}
    unclear = starting_with(QUARANTINED, states)
    if held:
        return text("person.held", holds=_in_words(held))
    if unclear:
        return text("person.undecided", reasons=_in_words(unclear))
    if states.get(DUE):
        return text("person.due")
    if done:
        return text("person.done", day=f"{max(d['done_at'] for d in done):%Y-%m-%d}")
    days = [s.due_from for s in stages if s.due_from is not None]
    return text("person.waits", day=str(min(days))) if days else text("person.unknown")


def _in_words(reasons: Iterable[str]) -> str:
    return ", ".join(sorted(map(reason_words, reasons)))
