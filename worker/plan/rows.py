"""Which rows of which tables go with a stage's units, and in what order a slice acts on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from config.policy import Stage, TableRule
from worker.databases.facts import ForeignKey, TableFacts
from worker.ledger.holds import active_holds_exist
from worker.plan.calendar import Test
from worker.plan.key_lists import key_in, key_in_query
from worker.plan.links import Links, Path, exists, not_false, true
from worker.plan.people import People
from worker.plan.scene import RowTest, Scene, by_person
from worker.plan.treatments import Column, columns_of, nothing_left


@dataclass(frozen=True)
class RulePlan:
    """What a stage does to one table, bound to the live table and the strategies."""

    rule: TableRule
    facts: TableFacts
    columns: tuple[Column, ...]

    @property
    def table(self) -> str:
        """The table's name as the policy writes it."""
        return self.rule.table

    @property
    def deletes(self) -> bool:
        """Whether rows go altogether."""
        return self.rule.operation == "delete"

    @property
    def tells(self) -> bool:
        """Whether the look of a row says for certain that it was acted on (an invented name looks like a real one)."""
        return self.deletes or all(c.bound.strategy.proves_done for c in self.columns)

    @property
    def follows(self) -> bool:
        """Whether rows take on the new value of something else."""
        return any(c.followed is not None for c in self.columns)

    def releases(self, key: ForeignKey) -> bool:
        """Whether rows that were acted on refer to nothing by this foreign key of theirs any more."""
        return self.deletes or any(c.name in key.columns and c.empties for c in self.columns)


class StageRows:
    """The rows of one stage. Pure: makes expressions, runs none."""

    def __init__(self, scene: Scene, people: People, stage: Stage) -> None:
        self.scene, self.people, self.stage = scene, people, stage
        self.by_person = by_person(stage.origin)
        self.unit = scene.subject if self.by_person else stage.origin.events[0].column.table
        self.facts = scene.schema.tables[self.unit]
        self.key = self.facts.key
        self.rules = _ordered(scene, stage)
        today = scene.calendar.today
        self.cutoff = stage.term.cutoff(today)
        floor = scene.policy.floor.term.cutoff(today)
        self.person_cutoff = min(self.cutoff, floor) if stage.origin.subject else floor

    def rule_of(self, table: str) -> RulePlan | None:
        """The stage's rule for a table, if it has one."""
        return next((r for r in self.rules if r.table == table), None)

    @property
    def at_once(self) -> list[RulePlan]:
        """In a stage by person: the subject's own rows, and what follows them. What leads to the person by a value that
        is replaced can only change together with it."""
        return [r for r in self.rules if r.follows or r.table == self.unit] if self.by_person else []

    def rows(self, rule: RulePlan, row: sa.FromClause, unit_is: RowTest) -> Test:
        """Rows of a rule's table to act on for the units that `unit_is` accepts: found over links, selected by `where`,
        not held themselves, not certainly done already. Whether they belong to somebody else too is asked apart."""
        return sa.and_(self.candidates(rule, row, unit_is), self.row_is_free(rule.table, row))

    def candidates(self, rule: RulePlan, row: sa.FromClause, unit_is: RowTest) -> Test:
        """The same, held or not."""
        return sa.and_(self.belongs(rule, row, unit_is), *self._selected(rule, row))

    def asked(self, unit: sa.FromClause) -> Test:
        """Whether the request names the unit, or a person to whom it leads over links that may make it due."""
        scene = self.scene
        named = scene.asked(self.unit, unit)
        if self.unit == scene.subject:
            return named
        paths = scene.links.finding(self.unit, scene.subject)
        is_asked = partial(scene.asked, scene.subject)
        return sa.or_(named, *(scene.links.found_by(p, unit, is_asked) for p in paths))

    def belongs(self, rule: RulePlan, row: sa.FromClause, unit_is: RowTest) -> Test:
        """Whether the row is a unit's own, or leads to one over links that may make it due."""
        links = self.scene.links
        paths = links.finding(rule.table, self.unit)
        if len(paths) == 1:
            return links.found_by(paths[0], row, unit_is)
        each = []
        for path in paths:
            inner = links.alias(rule.table)
            query = sa.select(*self.scene.key(rule.table, inner)).select_from(inner)
            each.append(query.where(links.found_by(path, inner, unit_is)))
        return key_in_query(self.scene.key(rule.table, row), sa.union(*each)) if each else sa.false()

    def row_is_free(self, table: str, row: sa.FromClause) -> Test:
        """Whether nothing holds the row itself."""
        scene = self.scene
        key = scene.key(table, row)
        tests = [
            sa.not_(active_holds_exist(scene.ledger, scope, table, key, scene.dialect, scene.now_utc))
            for scope in ("row", "table")
        ]
        for _, path, condition in self.holds_reached(table):
            tests.append(sa.not_(scene.links.forward(path, row, lambda _, c=condition: c)))  # type: ignore[misc]  # mypy cannot type a lambda's default
        return sa.and_(*tests)

    def owners(self, table: str, rows: Any) -> sa.Select[Any] | sa.CompoundSelect[Any] | None:
        """The subject's columns of everybody whom rows of the table belong to; None where that can only be the one
        person by whom they are found. `rows` tests a row."""
        links = self.scene.links
        paths = [p for p in links.to_people(table) if p.steps]
        if (
            table == self.scene.subject
            or not paths
            or (self.by_person and len(paths) == 1 and not paths[0].delays_only)
        ):
            return None
        found = []
        for path in paths:
            person = links.alias(self.scene.subject)
            query = sa.select(*(person.c[c] for c in self.people.columns)).select_from(person)
            found.append(query.where(links.reached_from(path, person, rows)))
        return sa.union(*found)

    def belongs_to(self, table: str, row: sa.FromClause, person_is: RowTest) -> Test:
        """Whether a row of the table belongs to somebody whom `person_is` accepts, over any link."""
        links = self.scene.links
        paths = links.to_people(table) if table != self.scene.subject else ()
        return sa.or_(sa.false(), *(links.forward(p, row, person_is) for p in paths))

    def _selected(self, rule: RulePlan, row: sa.FromClause) -> list[Test]:
        tests: list[Test] = [] if rule.rule.where is None else [true(rule.rule.where)]
        if not rule.deletes:
            tests.append(sa.not_(nothing_left(rule.columns, row, self.scene.dialect)))
        return tests

    def referred_to(self, rule: RulePlan, row: sa.FromClause, done: Mapping[str, sa.BindParameter[Any]]) -> Test:
        """For a delete: whether something that stays refers to the row. The database would refuse to delete it, or a
        cascade would destroy or change what nobody selected. `done` are the keys this slice acts on before, by table.
        Rows of the same table are asked about apart."""
        tests = []
        for name, facts in self.scene.schema.tables.items():
            for fk in facts.foreign_keys:
                if fk.target != rule.table or name == rule.table:
                    continue
                child = self.scene.links.alias(name)
                same = [child.c[a] == row.c[b] for a, b in zip(fk.columns, fk.target_columns, strict=True)]
                acting = self.rule_of(name)
                if name in done and acting is not None and acting.releases(fk):
                    same.append(sa.not_(key_in(self.scene.key(name, child), done[name])))
                tests.append(exists(child, *same))
        return sa.or_(sa.false(), *tests)

    def referred_to_by_kin(self, rule: RulePlan, row: sa.FromClause, but: sa.BindParameter[Any] | None = None) -> Test:
        """Whether another row of the same table refers to the row, but for those with the given keys."""
        tests = []
        for fk in rule.facts.foreign_keys:
            if fk.target == rule.table:
                child = self.scene.links.alias(rule.table)
                same = [child.c[a] == row.c[b] for a, b in zip(fk.columns, fk.target_columns, strict=True)]
                known = [sa.not_(key_in(self.scene.key(rule.table, child), but))] if but is not None else []
                itself = self.scene.same_key(rule.table, child, row)
                tests.append(exists(child, *same, sa.not_(itself), *known))
        return sa.or_(sa.false(), *tests)

    def holds_reached(self, table: str) -> list[tuple[str, Path, Test]]:
        """Conditions of the policy that hold a row of the table itself, being met by it or by a row it leads to."""
        return [
            (name, path, not_false(hold.where))
            for name, hold in self.scene.policy.holds.items()
            if hold.exists != self.scene.subject and hold.where is not None
            for path in self.scene.links.paths(table, hold.exists)
        ]


def _ordered(scene: Scene, stage: Stage) -> tuple[RulePlan, ...]:
    """The order in which a slice acts, so that a unit which takes several slices is found to the end: updates that tell
    nothing of the subject; deletes, children before parents; the subject's own rows and what follows them; last the
    tables that our own triggers write to (`after`). An update that empties a reference to rows which are deleted comes
    before their delete."""
    plans = [
        RulePlan(rule, scene.schema.tables[table], columns_of(scene.policy, rule))
        for table, rule in stage.tables.items()
    ]
    early = [p for p in plans if not p.rule.after]
    deletes = _children_first([p for p in early if p.deletes], scene.links)
    updates = sorted((p for p in early if not p.deletes), key=lambda p: p.table != scene.subject)
    tied = [p for p in updates if p.table == scene.subject or p.follows]
    free = [p for p in updates if p not in tied]
    goes_after = {scene.subject, *(k.target for p in tied for k in p.facts.foreign_keys if p.releases(k))}
    at = next((n for n, p in enumerate(deletes) if p.table in goes_after), len(deletes))
    return (*free, *deletes[:at], *tied, *deletes[at:], *(p for p in plans if p.rule.after))


def _children_first(plans: list[RulePlan], links: Links) -> list[RulePlan]:
    """By foreign keys; where these leave a choice, by the policy's links, too."""
    declared, any_link = ({(s.source, s.target) for s in links.steps if s.declared or other} for other in (False, True))
    ordered: list[RulePlan] = []
    rest = list(plans)
    while rest:
        free = _unreferred(rest, any_link) or _unreferred(rest, declared) or rest[:1]
        ordered += free
        rest = [p for p in rest if p not in free]
    return ordered


def _unreferred(plans: list[RulePlan], leads: set[tuple[str, str]]) -> list[RulePlan]:
    tables = {p.table for p in plans}
    referred = {target for source, target in leads if source in tables and source != target}
    return [p for p in plans if p.table not in referred]
