"""The model's night: stage after stage, what happens to every row."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime

from tests.integration.generated.case import NOTHING, Case, Key, Link, Rule, Stage
from tests.integration.generated.model_links import Ways, World, joined, selects
from tests.integration.generated.model_values import Token, replaced
from tests.integration.generated.model_verdicts import DUE, Verdicts

Selected = dict[str, set[Key]]


@dataclass
class Model:
    """An operator's rows as they should be, and what the ledger should remember of people's clocks."""

    case: Case
    world: World
    memory: dict[Key, list[datetime]] = field(default_factory=dict)
    changed: dict[str, set[Key]] = field(default_factory=dict)
    loose: set[tuple[str, Key, str]] = field(default_factory=set)
    """Cells of `follows` whose invented value may be the person's or one of its own."""

    def __post_init__(self) -> None:
        self.ways = Ways(self.case)

    def verdicts(self, now: datetime) -> Verdicts:
        """The verdicts on the world as it is."""
        return Verdicts(self.case, self.ways, self.world, self.memory, now)

    def due(self, now: datetime) -> dict[str, dict[Key, str]]:
        """Each stage's units with their verdicts."""
        verdicts = self.verdicts(now)
        found = {}
        for stage in self.case.stages:
            units = {k: verdicts.unit(stage, k) for k in self.world[self.unit(stage)]}
            found[stage.name] = {k: state for k, state in units.items() if state is not None}
        return found

    def unit(self, stage: Stage) -> str:
        """The table of a stage's units."""
        return self.case.subject.name if stage.event is None else stage.event.table

    def night(self, now: datetime) -> bool:
        """A whole night; whether anything changed."""
        before = deepcopy(self.world)
        planned = self.due(now)
        self.changed = {t: set() for t in self.case.tables}
        for number, stage in enumerate(self.case.stages):
            self._stage(stage, number, {k for k, state in planned[stage.name].items() if state == DUE}, now)
        return self.world != before

    def _stage(self, stage: Stage, number: int, planned: set[Key], now: datetime) -> None:
        verdicts, table = self.verdicts(now), self.unit(stage)
        units = {k for k in planned & set(self.world[table]) if verdicts.unit(stage, k) == DUE}
        if stage.event is None:
            units |= {k for u in set(units) for k in verdicts.same_person(u)}
        chosen = {r.table: self._rows(stage, r, units, verdicts) for r in stage.rules}
        self._hold_back(stage, chosen)
        carried = self._carried(stage, units, verdicts)
        self._remember(stage, units, verdicts)
        self._change(stage, number, units, chosen, carried, verdicts)

    def _rows(self, stage: Stage, rule: Rule, units: set[Key], verdicts: Verdicts) -> set[Key]:
        """Rows found over links, selected, not held, and belonging to nobody who stays."""
        terms, unit = verdicts.terms(stage), self.unit(stage)
        return {
            key
            for key, row in self.world[rule.table].items()
            if units & verdicts.units_of(rule.table, key, row, unit, finding=True)
            and selects(rule.where, row)
            and not verdicts.row_is_held(rule.table, key, row)
            and (
                rule.table == self.case.subject.name
                or all(verdicts.person(p, terms) == DUE for p in verdicts.people_of(rule.table, key, row))
            )
        }

    def _hold_back(self, stage: Stage, chosen: Selected) -> None:
        """A row stays as long as something that stays refers to it by a declared key."""
        while True:
            kept = {
                (rule.table, key)
                for rule in stage.rules
                if rule.treated is None
                for key in chosen[rule.table]
                if self._referred(stage, rule.table, key, chosen)
            }
            if not kept:
                return
            for table, key in kept:
                chosen[table].remove(key)

    def _referred(self, stage: Stage, table: str, key: Key, chosen: Selected) -> bool:
        for link in self.case.links:
            if not link.declared or link.target != table:
                continue
            for child, row in self.world[link.source].items():
                if (link.source, child) == (table, key) or key not in joined(link, row, self.world):
                    continue
                if child not in chosen.get(link.source, ()) or not _releases(stage.rule(link.source), link):
                    return True
        return False

    def _carried(self, stage: Stage, units: set[Key], verdicts: Verdicts) -> list[tuple[Link, Key]]:
        """Rows of other stages whose link column must follow the new value of what it joins."""
        own = stage.rule(self.case.subject.name)
        if stage.event is not None or own is None or own.treated is None:
            return []
        found = []
        for link in self.case.links:
            follows = self._strategy(link.source, link.columns[0])
            if link.target != self.case.subject.name or stage.rule(link.source) or not follows.startswith("follows"):
                continue
            for key, row in self.world[link.source].items():
                led = joined(link, row, self.world)
                owners = verdicts.people_of(link.source, key, row)
                if (
                    led & units
                    and selects(link.where, row)
                    and not verdicts.row_is_held(link.source, key, row)
                    and all(verdicts.person(p, verdicts.terms(stage)) == DUE for p in owners)
                ):
                    found.append((link, key))
        return found

    def _strategy(self, table: str, column: str) -> str:
        for stage in self.case.stages:
            rule = stage.rule(table)
            if rule is not None and rule.treated is not None:
                return rule.treated.get(column, "")
        return ""

    def _remember(self, stage: Stage, units: set[Key], verdicts: Verdicts) -> None:
        """The clocks of people who were done, or whose events a stage by rows deletes."""
        people = units
        if stage.event is not None:
            telling = {e.table for e in self.case.clock}
            if not any(r.treated is None and r.table in telling for r in stage.rules):
                return
            rows = self.world[stage.event.table]
            people = {p for u in units for p in verdicts.people_of(stage.event.table, u, rows[u])}
        for person in people:
            moments = [m for m in verdicts.events(person) if m is not None]
            if moments:
                self.memory[person] = [*self.memory.get(person, []), max(moments)]

    def _change(
        self,
        stage: Stage,
        number: int,
        units: set[Key],
        chosen: Selected,
        carried: list[tuple[Link, Key]],
        verdicts: Verdicts,
    ) -> None:
        subject, after = self.case.subject.name, deepcopy(self.world)
        for rule in stage.rules:
            for key in chosen[rule.table]:
                self.changed[rule.table].add(key)
                if rule.treated is None:
                    del after[rule.table][key]
                    continue
                for column, strategy in rule.treated.items():
                    mark = (number, rule.table, key, column)
                    if rule.table == subject and column == self.case.same_person:
                        mark = (number, rule.table, min(verdicts.same_person(key), key=repr), column)
                    after[rule.table][key][column] = replaced(strategy, self.world[rule.table][key][column], mark)
        for link, key in [*carried, *self._following(stage, chosen)]:
            row = self.world[link.source][key]
            target = min(joined(link, row, self.world) & units, key=repr, default=None)
            self.changed[link.source].add(key)
            followed = None if target is None else after[subject][target][link.target_columns[0]]
            if isinstance(
                followed, Token
            ):  # a stage that leaves the people as they are gives the row a value of its own
                after[link.source][key][link.columns[0]] = followed
                self.loose.discard((link.source, key, link.columns[0]))
            elif isinstance(after[link.source][key][link.columns[0]], Token):
                self.loose.add((link.source, key, link.columns[0]))
        self.world = after

    def _following(self, stage: Stage, chosen: Selected) -> list[tuple[Link, Key]]:
        """Cells of the stage's own rules that follow a column of the people."""
        return [
            (link, key)
            for link in self.case.links
            if (rule := stage.rule(link.source)) is not None
            and rule.treated is not None
            and rule.treated.get(link.columns[0], "").startswith("follows")
            for key in chosen[link.source]
        ]


def _releases(rule: Rule | None, link: Link) -> bool:
    """Whether rows that were acted on do not refer to anything by the link any more."""
    if rule is None:
        return False
    return rule.treated is None or any(rule.treated.get(c) == NOTHING for c in link.columns)
