"""Tables that Hypothesis invents: keys of every kind, names of every kind, links of every kind."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from tests.integration.generated.case import Column, Condition, Kind, Link, Table

TABLES = ("people", "Order", "Шоттар", "group by", "user", "v1.x", "select", 'a "b"', "100%", "лог_Я")
COLUMNS = ("ab", "Key", "Код", "order", "a b", "x.y", "from", 'c"d', "p%s", "Ә_1", "zone", "limit")
KEYS: tuple[tuple[Kind, ...], ...] = (("int",), ("int",), ("uuid",), ("text",), ("int", "varchar"), ("text", "uuid"))
often, seldom = st.sampled_from([True, True, True, False]), st.sampled_from([False, False, False, True])
flags = Condition("", "yes")


@dataclass
class Draft:
    """A table while it is being drawn."""

    name: str
    names: list[str]
    key: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()

    def add(self, kind: Kind, null: bool = True, unique: bool = False, least: int = 0) -> str:
        """Another column; its name."""
        name = self.names[len(self.columns) % len(self.names)]
        name += "" if len(self.columns) < len(self.names) else str(len(self.columns))
        self.columns = (*self.columns, Column(name, kind, null, unique, least))
        return name

    def table(self) -> Table:
        """The finished table."""
        return Table(self.name, self.key, self.columns)


@dataclass(frozen=True)
class Drawn:
    """Tables and links, with the people's special columns."""

    tables: dict[str, Table]
    links: tuple[Link, ...]
    same_person: str | None
    shared: tuple[str, ...]
    """Columns of the people that undeclared links join."""
    blocked: str | None
    flags: dict[str, str]
    """Columns of tables that hold `yes`, `no` or nothing."""


def _draft(draw: st.DrawFn, name: str) -> Draft:
    names = draw(st.permutations(COLUMNS)) if draw(seldom) else list(COLUMNS)
    draft = Draft(name, names)
    draft.key = tuple(draft.add(kind, null=False) for kind in draw(st.sampled_from(KEYS)))
    return draft


def _data(draw: st.DrawFn, draft: Draft) -> None:
    for _ in range(draw(st.integers(1, 3))):
        kind: Kind = draw(st.sampled_from(["text", "text", "varchar", "number", "day"]))
        text = kind in ("text", "varchar")
        least = draw(st.sampled_from([0, 0, 0, 2])) if text else 0
        draft.add(kind, null=draw(often), unique=text and draw(seldom), least=least)


def _moment(draw: st.DrawFn, draft: Draft) -> str:
    kind: Kind = draw(st.sampled_from(["moment", "moment", "instant", "day"]))
    return draft.add(kind)


@st.composite
def tables(draw: st.DrawFn) -> Drawn:
    """One table of people and up to five others."""
    chosen = draw(st.permutations(TABLES)) if draw(seldom) else list(TABLES)
    people = _draft(draw, chosen[0])
    _moment(draw, people)
    shared: tuple[str, ...] = tuple(people.add("varchar") for _ in range(draw(st.integers(0, 2))))
    is_same = draw(often)
    same = shared[0] if shared and is_same else None
    blocked = people.add("moment") if draw(seldom) else None
    _data(draw, people)
    flagged = {people.name: people.add("text")} if draw(st.booleans()) else {}
    drafts, links = [people], list[Link]()
    for name in chosen[1 : 1 + draw(st.sampled_from([1, 2, 2, 3, 3, 4, 5]))]:
        draft = _draft(draw, name)
        if draw(often):
            _moment(draw, draft)
        if draw(st.booleans()):
            flagged[name] = draft.add("text")
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 2, 3]))):
            links += _link(draw, draft, draw(st.sampled_from(drafts)), people, shared)
        if draw(seldom):
            links.append(_declared(draw, draft, draft, null=True))  # to itself
        _data(draw, draft)
        drafts.append(draft)
        if draw(seldom):
            links.append(_declared(draw, draw(st.sampled_from(drafts[:-1])), draft, null=True))  # in a circle
    finished = [d.table() for d in drafts]
    conditional = tuple(_conditional(draw, link, flagged) for link in links)
    return Drawn({t.name: t for t in finished}, conditional, same, shared, blocked, flagged)


def _declared(draw: st.DrawFn, source: Draft, target: Draft, null: bool) -> Link:
    kinds = [next(c.kind for c in target.columns if c.name == k) for k in target.key]
    columns = tuple(source.add(kind, null=null) for kind in kinds)
    return Link(source.name, columns, target.name, target.key)


def _link(draw: st.DrawFn, draft: Draft, parent: Draft, people: Draft, shared: tuple[str, ...]) -> list[Link]:
    how = draw(st.sampled_from(["declared", "declared", "declared", "undeclared", "shared"]))
    if how == "shared" and shared:
        target: str = draw(st.sampled_from(shared))
        joined = Link(draft.name, (draft.add("varchar"),), people.name, (target,), declared=False)
        return [replace(joined, delays=draw(seldom))]
    if how == "undeclared" and len(parent.key) == 1:
        link = _declared(draw, draft, parent, null=draw(often))
        return [replace(link, declared=False, delays=draw(seldom))]
    return [_declared(draw, draft, parent, null=draw(often))]


def _conditional(draw: st.DrawFn, link: Link, flagged: dict[str, str]) -> Link:
    if link.declared or link.source not in flagged or not draw(seldom):
        return link
    return replace(link, where=Condition(flagged[link.source], "yes"))
