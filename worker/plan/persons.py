"""Which rows of the subject's table are whose: rows with one `same person` value are one person."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from worker.plan.calendar import Moment, Test, moment
from worker.plan.joins import InOrder
from worker.plan.links import exists
from worker.plan.scene import RowTest, Scene


class Persons:
    """People as relations. `columns` are those of their rows that tell whose a row is or that something joins, `told`
    those and what else a row by itself says of its person."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.subject = scene.policy.subject
        self.moments = [moment(scene.policy, scene.schema, scene.calendar, e) for e in scene.policy.clock]
        self._facts = scene.schema.tables[self.subject.table]
        joined = [c for s in scene.links.steps if s.target == self.subject.table for c in s.target_columns]
        same = [self.subject.same_person] if self.subject.same_person else []
        self.columns = tuple(dict.fromkeys([*self._facts.key, *same, *joined]))
        told = [m.event.column.column for m in self.moments if self.is_told_by_row(m)]
        blocked = [self.subject.blocked] if self.subject.blocked is not None else []
        self.told = tuple(dict.fromkeys([*self.columns, *told, *blocked]))
        self._everybody = sa.select(*(self._facts.table.c[c] for c in self.told)).subquery()
        self._many: list[sa.FromClause] = [self._everybody]

    def everybody(self) -> sa.FromClause:
        """The subject's table with the columns that the verdict needs."""
        return self._everybody

    def those(self, test: RowTest) -> sa.FromClause:
        """The few people for whom `test` holds of their row of the subject's table."""
        table = self._facts.table
        return sa.select(*(table.c[c] for c in self.told)).where(test(table)).subquery()

    def those_many(self, test: RowTest) -> sa.FromClause:
        """The same where they may be as many as everybody."""
        people = self.those(test)
        self._many.append(people)
        return people

    def _are_few(self, people: sa.FromClause) -> bool:
        return all(people is not many for many in self._many)

    def is_person(self, verdicts: sa.FromClause, row: sa.FromClause) -> Test:
        """Joins verdicts to rows of the subject's table."""
        return sa.and_(*(v == row.c[c] for v, c in zip(self._person(verdicts), self._facts.key, strict=True)))

    def _person(self, relation: sa.FromClause) -> list[sa.ColumnElement[Any]]:
        return [relation.c[f"merzim_person_{i}"] for i in range(len(self._facts.key))]

    def _kin(
        self, people: sa.FromClause, columns: Sequence[str], alone: bool = False
    ) -> sa.CompoundSelect[Any] | sa.Select[Any]:
        """Each person's own row and the other rows of the same person: merzim_person_0… and these columns of it.
        `alone`: it is known that there are no others."""
        own, others = self._own(people, columns), None if alone else self._others(people, columns)
        return own if others is None else sa.union_all(own, others)

    def _own(self, people: sa.FromClause, columns: Sequence[str]) -> sa.Select[Any]:
        return sa.select(*self._named(people), *(people.c[c] for c in columns))

    def _others(self, people: sa.FromClause, columns: Sequence[str]) -> sa.Select[Any] | None:
        """None where every row is a person of its own."""
        same = self.subject.same_person
        if same is None:
            return None
        twin = self._facts.table.alias()
        others = sa.select(*self._named(people), *(twin.c[c] for c in columns))
        return others.select_from(self._with_twins(people, twin, same))

    def _named(self, people: sa.FromClause) -> list[sa.Label[Any]]:
        return [people.c[c].label(f"merzim_person_{i}") for i, c in enumerate(self._facts.key)]

    def _with_twins(self, people: sa.FromClause, twin: sa.FromClause, same: str) -> sa.Join:
        """`people` joined to the other rows of the same persons."""
        few = self._are_few(people) and self._facts.served((same,)) is not None
        return (InOrder if few else sa.Join)(people, twin, sa.and_(*self._twins(twin, people, same)))

    def pairs(self, only: RowTest) -> sa.Select[Any] | None:
        """Keys of rows that pass `only`, each with the key of another row of the same person; None where every row is a
        person of its own."""
        same = self.subject.same_person
        if same is None:
            return None
        people, twin = self.those(only), self._facts.table.alias()
        keys = [side.c[c] for side in (people, twin) for c in self._facts.key]
        return sa.select(*keys).select_from(self._with_twins(people, twin, same))

    def of_same_person(self, person: sa.FromClause, test: RowTest) -> Test:
        """Whether another row of the same person passes the test."""
        same = self.subject.same_person
        if same is None:
            return sa.false()
        twin = self._facts.table.alias()
        return exists(twin, *self._twins(twin, person, same), test(twin))

    def _twins(self, twin: sa.FromClause, person: sa.FromClause, same: str) -> list[Test]:
        """Two rows of one person. An empty text joins nobody."""
        tests = [twin.c[same] == person.c[same], sa.not_(self.scene.same_key(self.subject.table, twin, person))]
        return [*tests, twin.c[same] != ""] if isinstance(twin.c[same].type, sa.String) else tests

    def is_told_by_row(self, m: Moment) -> bool:
        """Whether a row of the person tells the event by itself. With a condition it is asked in a query of its own:
        the policy's plain SQL can only mean one table there."""
        return m.table == self.subject.table and m.event.where is None
