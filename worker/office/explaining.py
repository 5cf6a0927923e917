"""explain: one person or one row, what is due when and why, what holds it, what was done. Reads only.

It asks the one predicate (promise 4) and never reads a value of the person into Python, but for the identifier by which
somebody is looked for.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from config.problems import did_you_mean
from worker.office.explaining_events import newest_events
from worker.office.explaining_holds import conditions_on, holds_on
from worker.office.explaining_requests import requests_of
from worker.office.explaining_rows import any_row, has_key, owners_of_row, selects, twins_of, units_of_row
from worker.office.explaining_stages import About, after_others, explain_stage
from worker.office.explaining_tables import belongs, tables_of
from worker.office.finding import find_people
from worker.office.holding import existing_key, key_named
from worker.pipeline.beginning import look
from worker.pipeline.planning import stages_of
from worker.pipeline.tools import Refused, Tools
from worker.plan.keys import Key
from worker.plan.people import People
from worker.plan.ranks import ABSURD_PERSON
from worker.plan.scene import RowTest, by_person
from worker.plan.stages import StagePlan
from worker.reports.person import EventFacts, PersonFacts, RowFacts, StageFacts
from worker.reports.person_words import sentence_of_person, sentence_of_row


class Explainer:
    """One policy at one moment over one connection."""

    def __init__(self, connection: sa.Connection, tools: Tools, policy: Policy, now: datetime) -> None:
        self.connection, self.tools, self.policy = connection, tools, policy
        self.scene, checked = look(connection, tools, policy, now)
        self.stopped = checked.stopped
        self.stages = {s.name: s for s in stages_of(self.scene, self.stopped)}
        self.people = People(self.scene)

    def keys_of(self, key: str | None, identifier: str) -> list[Key]:
        """The key that is written, or those of the people who have the identifier. Raises Refused."""
        if key is None:
            return find_people(self.connection, self.scene, identifier)
        return [key_named(self.connection, self.scene.schema.tables[self.scene.subject], key)]

    def person(self, key: Key) -> PersonFacts:
        """Everything about one person. Raises Refused where there is no such row, and never was one."""
        scene = self.scene
        is_person = partial(has_key, scene, scene.subject, [key])
        there = any_row(self.connection, scene.links.alias(scene.subject), is_person)
        events = self._events([key])
        clock, set_by = self._clock(events)
        stages = self._explained(
            {n: self._about_people(stage, is_person, clock, set_by, key) for n, stage in self.stages.items()}
        )
        if not there and not any(s.done for s in stages):
            raise Refused(text("refuses.no_person"))
        twins = twins_of(self.connection, self.people, key)
        tables = tables_of(self.connection, scene, is_person)
        everybody = partial(has_key, scene, scene.subject, [key, *twins])
        holds = holds_on(
            self.connection,
            scene,
            [key, *twins],
            [t.table for t in tables if t.rows or t.maybe],
            lambda table: partial(belongs, scene, table, everybody),
        )
        conditions = conditions_on(self.connection, scene, self.people, self.people.those(is_person))
        return PersonFacts(
            key=key,
            there=there,
            today=scene.calendar.today,
            sentence=sentence_of_person(stages, holds, conditions, set_by),
            same_person=twins,
            clock=clock,
            events=events,
            stages=stages,
            tables=tables,
            holds=holds,
            conditions=conditions,
            requests=requests_of(self.connection, scene, scene.subject, [key, *twins]),
        )

    def row(self, table: str, written: str) -> RowFacts:
        """Everything about one row of a table that the policy names. Raises Refused where there is no such row."""
        scene = self.scene
        if table not in scene.schema.tables:
            raise Refused(text("refuses.no_table", table=table, advice=did_you_mean(table, scene.schema.tables)))
        key = existing_key(self.connection, scene.schema.tables[table], written)
        is_row = partial(has_key, scene, table, [key])
        owners = owners_of_row(self.connection, scene, table, is_row)
        clock, set_by = self._clock(self._events(owners))
        abouts = {
            name: About(units_of_row(stage, table, is_row), clock, set_by, None)
            for name, stage in self.stages.items()
            if selects(self.connection, stage, table, is_row)
        }
        others = {name for about in abouts for name in self.policy.stages[about].origin.done} - set(abouts)
        is_owner = partial(has_key, scene, scene.subject, owners)
        for name in others & set(self.stages):  # what the stage waits for is asked of the owners
            abouts[name] = self._about_people(self.stages[name], is_owner, clock, set_by, None)
        explained = self._explained(abouts, table)
        stages = [replace(s, rows={}) for s in explained if s.stage not in others]
        holds = holds_on(self.connection, scene, owners, [table], lambda _: is_row)
        ignored = self.policy.ignore.get(table)
        return RowFacts(
            table=table,
            key=key,
            sentence=sentence_of_row(stages, holds, ignored),
            owners=owners,
            stages=stages,
            holds=holds,
            ignored=ignored,
            requests=requests_of(self.connection, scene, table, [key]),
        )

    def _about_people(
        self, stage: StagePlan, is_person: RowTest, clock: datetime | None, set_by: EventFacts | None, key: Key | None
    ) -> About:
        unit_is = is_person if stage.by_person else partial(belongs, self.scene, stage.unit, is_person)
        return About(unit_is, clock, set_by, key)

    def _events(self, people: Sequence[Key]) -> list[EventFacts]:
        """Each event of the clock of these people."""
        persons = self.people.those(partial(has_key, self.scene, self.scene.subject, people))
        cutoff = self.scene.policy.floor.term.cutoff(self.scene.calendar.today)
        absurd = self.people.ranks.of(ABSURD_PERSON)
        return newest_events(self.connection, self.people.events(persons, cutoff), lambda rank: rank == absurd)

    def _clock(self, events: Sequence[EventFacts]) -> tuple[datetime | None, EventFacts | None]:
        """The clock, and the event that set it."""
        set_by = max((e for e in events if e.newest is not None), key=lambda e: e.newest or datetime.min, default=None)
        return (set_by.newest if set_by else None), set_by

    def _explained(self, abouts: dict[str, About], table: str | None = None) -> list[StageFacts]:
        """The stages in the policy's order, with those that are stopped (and act on the table, if one is given)."""
        found = []
        for name, stage in self.policy.stages.items():
            if name in self.stopped and (table is None or table in stage.tables):
                found.append(self._not_running(name))
            elif name in abouts:
                found.append(explain_stage(self.connection, self.stages[name], abouts[name]))
        return after_others(found, self.policy)

    def _not_running(self, name: str) -> StageFacts:
        stage = self.policy.stages[name]
        unit = self.scene.subject if by_person(stage.origin) else stage.origin.events[0].column.table
        return StageFacts(
            stage=name,
            unit=unit,
            by_person=by_person(stage.origin),
            basis=stage.basis or "",
            term=str(stage.term),
            states={},
            set_by=None,
            due_from=None,
            due_until=None,
            waits_for=[],
            rows={},
            done=[],
            copy_basis="",
            stopped=self.stopped[name],
        )
