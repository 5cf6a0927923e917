"""Policies that Hypothesis writes for tables it has invented. What `check` would refuse is left out where that is easy
to see, so that most cases are carried out."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from config.names import join_names
from tests.integration.generated.case import (
    EMAIL,
    IIN,
    NOTHING,
    REDACT,
    YEAR,
    Column,
    Condition,
    Event,
    Hold,
    Link,
    Rule,
    Stage,
    Table,
    Term,
)
from tests.integration.generated.drawing_tables import Drawn, often, seldom
from tests.integration.generated.model_links import MOST_STEPS

FLOOR = Term(3)


@dataclass(frozen=True)
class Written:
    """The parts of a policy."""

    clock: tuple[Event, ...]
    holds: tuple[Hold, ...]
    stages: tuple[Stage, ...]
    links: tuple[Link, ...]


def leads(links: tuple[Link, ...], source: str, target: str, finding: bool) -> bool:
    """Whether some way leads from a table to another (roughly: `check` knows better)."""
    reach, steps = {source}, 0
    while target not in reach and steps < MOST_STEPS:
        reach |= {x.target for x in links if x.source in reach and not (finding and x.delays)}
        steps += 1
    return target in reach


@st.composite
def policies(draw: st.DrawFn, drawn: Drawn) -> Written:
    """A policy for these tables."""
    people, *others = drawn.tables.values()
    telling = [t for t in others if moments(t) and leads(drawn.links, t.name, people.name, finding=False)]
    events = [_event(draw, people, drawn), *(_event(draw, t, drawn) for t in telling if draw(seldom))]
    clock = tuple(events if len(events) == 1 or draw(often) else events[1:])
    holds = tuple(hold for t in others if draw(seldom) and (hold := _hold(draw, t, drawn)) is not None)
    stages = _stages(draw, drawn, {e.table for e in clock})
    return Written(clock, holds, stages, _actions(draw, drawn.links, stages))


def moments(table: Table) -> list[Column]:
    """Columns that may say when something happened: the first one that could, after the key."""
    return table.of_kind("moment", "instant", "day")[:1]


def _condition(draw: st.DrawFn, table: str, drawn: Drawn, chance: st.SearchStrategy[bool]) -> Condition | None:
    return Condition(drawn.flags[table], "yes") if table in drawn.flags and draw(chance) else None


def _event(draw: st.DrawFn, table: Table, drawn: Drawn) -> Event:
    return Event(table.name, moments(table)[0].name, _condition(draw, table.name, drawn, seldom))


def _hold(draw: st.DrawFn, table: Table, drawn: Drawn) -> Hold | None:
    people = next(iter(drawn.tables))
    if not leads(drawn.links, table.name, people, finding=False):
        return None
    condition = _condition(draw, table.name, drawn, often)
    return Hold(table.name, condition) if condition is not None or draw(seldom) else None


def _stages(draw: st.DrawFn, drawn: Drawn, clock: set[str]) -> tuple[Stage, ...]:
    people, *others = drawn.tables.values()
    by_people = [Stage("profile", draw(_terms()), ())]
    if draw(seldom):
        by_people.append(Stage("later", draw(_terms()), ()))
    tables: dict[str, list[str]] = {s.name: [] for s in by_people}
    by_rows: list[Stage] = []
    for table in others:
        place = draw(st.sampled_from(["ignored", *(s.name for s in by_people), "profile", "rows", "rows"]))
        if place == "rows" and moments(table):
            by_rows.append(_by_rows(draw, table, drawn, f"rows {len(by_rows)}"))
            tables[by_rows[-1].name] = [table.name]
        elif place in tables and leads(drawn.links, table.name, people.name, finding=True):
            tables[place].append(table.name)
        elif by_rows and by_rows[-1].event and leads(drawn.links, table.name, by_rows[-1].event.table, finding=True):
            tables[by_rows[-1].name].append(table.name)
    tables[draw(st.sampled_from(by_people)).name].append(people.name)
    stages = [s for s in draw(st.sampled_from([[*by_people, *by_rows], [*by_rows, *by_people]])) if tables[s.name]]
    deleted = _deleted(draw, drawn, stages, tables)
    return tuple(_finished(draw, s, tables[s.name], drawn, deleted, clock) for s in stages)


def _terms() -> st.SearchStrategy[Term]:
    return st.sampled_from([Term(3), Term(3), Term(4), Term(5), Term(3, after_year=True)])


def _by_rows(draw: st.DrawFn, table: Table, drawn: Drawn, name: str) -> Stage:
    people = next(iter(drawn.tables))
    term = draw(st.sampled_from([Term(3), Term(4), Term(5), Term(3, after_year=True)]))
    subject = draw(seldom) and leads(drawn.links, table.name, people, finding=False)
    return Stage(name, term, (), _event(draw, table, drawn), subject, archive=draw(often))


def _deleted(draw: st.DrawFn, drawn: Drawn, stages: list[Stage], tables: dict[str, list[str]]) -> set[str]:
    """Tables whose rows go altogether: not in circles, nor where a link of the policy would lose its end."""
    deleted = {t for s in stages for t in tables[s.name] if draw(st.booleans())}
    stage_of = {t: s.name for s in stages for t in tables[s.name]}
    for link in drawn.links:
        together = link.source in deleted and stage_of.get(link.source) == stage_of.get(link.target)
        if not link.declared and not link.delays and not together:
            deleted.discard(link.target)
    names = list(drawn.tables)
    for link in drawn.links:  # back to a later table, as circles do
        if link.declared and names.index(link.target) > names.index(link.source) and link.source in deleted:
            deleted.discard(link.target)
    return deleted


def _finished(
    draw: st.DrawFn, stage: Stage, tables: list[str], drawn: Drawn, deleted: set[str], clock: set[str]
) -> Stage:
    rules = tuple(_rule(draw, drawn, t, t in deleted, stage) for t in tables)
    forgets = any(r.treated is None and r.table in clock for r in rules)
    return replace(stage, rules=rules, term=Term(7) if forgets and stage.event is not None else stage.term)


def _rule(draw: st.DrawFn, drawn: Drawn, name: str, delete: bool, stage: Stage) -> Rule:
    needed = any(x.target == name and not x.declared for x in drawn.links)
    where = None if needed else _condition(draw, name, drawn, seldom)
    if delete:
        return Rule(name, None, where)
    treated = {}
    for column in drawn.tables[name].columns:
        strategy = _strategy(draw, drawn, drawn.tables[name], column)
        if strategy is not None:
            treated[column.name] = strategy
    if not treated:  # a rule must change something
        return Rule(name, None, where)
    return Rule(name, treated, where)


def _strategy(draw: st.DrawFn, drawn: Drawn, table: Table, column: Column) -> str | None:
    """What becomes of a column; None keeps it."""
    people = next(iter(drawn.tables.values()))
    if column.name in table.key or column in moments(table) or column.name == drawn.flags.get(table.name):
        return None
    if table == people and column.name == drawn.blocked:
        return None
    if table == people and column.name in drawn.shared:
        return IIN
    if any(x.target == table.name and column.name in x.target_columns for x in drawn.links):
        return None
    link = next((x for x in drawn.links if x.source == table.name and column.name in x.columns), None)
    if link is not None and link.target == people.name and link.target_columns[0] in drawn.shared:
        return NOTHING if link.delays else f"follows {join_names(link.target, *link.target_columns)}"
    if link is not None:
        return NOTHING if column.null and link.declared and draw(seldom) else None
    return draw(st.sampled_from(_fitting(column)))


def _fitting(column: Column) -> list[str]:
    nothing = [NOTHING] if column.null else []
    if column.kind in ("text", "varchar"):
        return [*nothing, EMAIL, *([] if column.unique else ['constant "--"', REDACT, "invented name"])]
    if column.kind == "day":
        return [*nothing, YEAR]
    return [*nothing, 'constant "0"']


def _actions(draw: st.DrawFn, links: tuple[Link, ...], stages: tuple[Stage, ...]) -> tuple[Link, ...]:
    """ON DELETE where the stage deletes both ends itself, so that the database never does it unseen."""

    def whole(link: Link) -> bool:
        ends = [s.rule(t) for s in stages for t in (link.source, link.target) if s.rule(link.source)]
        return all(r is not None and r.treated is None and r.where is None for r in ends) and bool(ends)

    actions = st.sampled_from(["", "ON DELETE CASCADE", "ON DELETE SET NULL", "ON DELETE RESTRICT"])
    kept = [x for x in links if not (x.declared and x.source != x.target and whole(x))]
    return tuple(x if x in kept else replace(x, action=draw(actions)) for x in links)
