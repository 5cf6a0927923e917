"""What is left of a unit whose turn came: rows that somebody else, a hold or the slice's own limit kept, and those that
were acted on without looking it."""

from collections.abc import Callable, Mapping
from functools import cache, cached_property, partial
from typing import Any

import sqlalchemy as sa

from worker.plan.calendar import Test
from worker.plan.key_lists import key_in_query, key_not_in
from worker.plan.links import exists, true
from worker.plan.rows import RulePlan, StageRows
from worker.plan.scene import RowTest
from worker.plan.treatments import looks_done

RUN = sa.bindparam("run", type_=sa.String())
"""The run whose own work does not count as left to do; none while a plan is made."""


class StageLeftovers(StageRows):
    """What remains of a stage's units. Pure: makes expressions, runs none."""

    def left(self, unit: sa.FromClause, only: RowTest | None = None) -> Test:
        """Whether rows that go with the unit could be acted on now: nothing holds them, and nobody who stays has a part
        in them; else a case with somebody else's call in it would be done again every night. How the unit's own row
        looks is asked apart. `only`: a test that the unit is known to pass, so that not everybody has to be asked."""

        @cache
        def staying() -> sa.CTE:
            people = self.people.everybody() if only is None else self.people.those(self._with_a_part(only))
            # As a CTE: written out where it is asked, it would be nested deeper than SQLite's parser can follow.
            return self.people.not_due(people, self.person_cutoff, "merzim_people_who_stay").cte("merzim_staying")

        @cache
        def theirs(table: str) -> sa.Select[Any]:
            rows = self._rows_of(table, sa.select(*staying().c))
            return sa.select(*rows.cte(f"merzim_staying_{self.rules.index(self.rule_of(table))}").c)

        def stays(person: sa.FromClause) -> Test:
            return key_in_query(self.scene.key(self.scene.subject, person), sa.select(*staying().c))

        def is_theirs(rule: RulePlan, row: sa.FromClause) -> Test:
            if self.scene.dialect == "sqlite":
                return key_in_query(self.scene.key(rule.table, row), theirs(rule.table))
            # Row by row: as a relation of its own a planner that does not know how few stay reads whole tables for it.
            return self.belongs_to(rule.table, row, stays)

        def free(rule: RulePlan, row: sa.FromClause) -> Test:
            if rule.table == self.unit and not rule.deletes:
                return sa.false()
            test = self.row_is_free(rule.table, row)
            if not rule.tells:
                still = looks_done(rule.columns, row, self.scene.dialect)
                test = sa.and_(test, sa.not_(sa.and_(self.remembered(rule, row), still)))
            if rule.deletes:
                bound = sa.or_(self.referred_to(rule, row, {}), self.referred_to_by_kin(rule, row))
                test = sa.and_(test, sa.not_(bound))
            if self.owners(rule.table, lambda _: sa.true()) is None:
                return test
            return sa.and_(test, sa.not_(is_theirs(rule, row)))

        return self._some_row(unit, free)

    def _rows_of(self, table: str, people: sa.Select[Any]) -> sa.CompoundSelect[Any]:
        """Keys of the rows of a table that belong to somebody of `people`, over any link. As a relation of its own, not
        as conditions within conditions: SQLite's parser gives up after a few of those."""
        scene, found = self.scene, []
        for path in scene.links.to_people(table):
            row, person = scene.links.source(path), scene.links.alias(scene.subject)
            theirs = key_in_query(scene.key(scene.subject, person), people)
            joined = scene.links.chain(path, row, person)
            found.append(sa.select(*scene.key(table, row)).select_from(joined).where(theirs))
        return sa.union(*found)

    def _with_a_part(self, only: RowTest) -> RowTest:
        """Tests whether a person owns a row that goes with some unit which passes the test. The rows and the owners are
        relations of their own: as conditions within conditions they would be too deep for SQLite's parser."""
        scene, links, subject, each = self.scene, self.scene.links, self.scene.subject, []
        for place, rule in enumerate(self.rules):
            if rule.table == subject:
                continue
            row = links.alias(rule.table)
            rows = sa.select(*scene.key(rule.table, row)).select_from(row).where(self.belongs(rule, row, only))
            going = sa.select(*rows.cte(f"merzim_going_{place}").c)
            for path in links.to_people(rule.table):
                owner = links.alias(subject)
                goes = partial(self._is_among, rule.table, going)
                each.append(sa.select(*scene.key(subject, owner)).where(links.reached_from(path, owner, goes)))
        owners = sa.select(*sa.union(*each).cte("merzim_with_a_part").c) if each else None
        return (lambda _: sa.false()) if owners is None else partial(self._is_among, subject, owners)

    def _is_among(self, table: str, keys: sa.SelectBase, row: sa.FromClause) -> Test:
        return key_in_query(self.scene.key(table, row), keys)

    def waiting(self, unit: sa.FromClause, changed: Mapping[str, sa.BindParameter[Any]]) -> Test:
        """Whether rows of the unit remain undone, behind a hold, another person, or the slice's limit. `changed` are
        the keys that the slice has acted on, by table."""

        def unchanged(rule: RulePlan, row: sa.FromClause) -> Test:
            test = key_not_in(self.scene.key(rule.table, row), changed[rule.table])
            return test if rule.tells else sa.and_(test, sa.not_(self.remembered(rule, row, RUN)))

        return self._some_row(unit, unchanged)

    @cached_property
    def units_are_all(self) -> bool:
        """Whether nothing goes with a unit but its own row."""
        paths = [path for rule in self.rules for path in self.scene.links.finding(rule.table, self.unit)]
        return not any(path.steps for path in paths)

    def memory_of(self, table: str) -> str:
        """The name under which the ledger keeps rows that were acted on and do not tell it by their look, while their
        unit has others that were not. No stage can bear it: names have no slash."""
        return f"{self.scene.qualified(self.stage.name)}/{table}"

    def remembered(self, rule: RulePlan, row: sa.FromClause, run: sa.BindParameter[str] | None = None) -> Test:
        """Whether the ledger knows that the row was acted on; in one run, if that is given. Asked row by row: as EXISTS
        a planner that does not know how few rows there are reads all tombstones of the stage."""
        stone = self.scene.ledger.tombstone.alias()
        tests = [stone.c.stage == self.memory_of(rule.table), self.scene.match(stone, rule.table, row)]
        tests += [stone.c.run_id == run] if run is not None else []
        found = sa.select(stone.c.stage).where(*tests).limit(sa.literal_column("1"))
        return found.correlate_except(stone).scalar_subquery().is_not(None)

    def _some_row(self, unit: sa.FromClause, test: Callable[[RulePlan, sa.FromClause], Test]) -> Test:
        found = []
        for rule in self.rules:
            here = partial(self._selected_and, rule, test)
            for path in self.scene.links.finding(rule.table, self.unit):
                if path.steps:
                    found.append(self.scene.links.backward(path, unit, here, true))
                else:
                    source = self.scene.links.alias(rule.table)
                    found.append(exists(source, self.scene.same_key(self.unit, source, unit), here(source)))
        return sa.or_(sa.false(), *found)

    def _selected_and(
        self, rule: RulePlan, test: Callable[[RulePlan, sa.FromClause], Test], row: sa.FromClause
    ) -> Test:
        return sa.and_(*self._selected(rule, row), test(rule, row))
