"""The report as one self-contained page: no script, nothing loaded from anywhere, readable on paper."""

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from worker.reports.facts import counts
from worker.reports.reason_lines import ReasonLines
from worker.reports.shapes import RunFacts, TableFacts
from worker.reports.watched_words import Watched
from worker.reports.wording import Words

BAR_WIDTH = 100.0


@dataclass(frozen=True)
class Piece:
    """A piece of a bar: what it stands for, how many, and where it lies on a width of BAR_WIDTH."""

    name: str
    count: int
    start: float
    width: float


def render_html(facts: RunFacts, language: str = "en") -> str:
    """The page. The same facts give the same text, byte for byte."""
    words = Words(facts, language)
    stages = [(stage, [t for t in facts.tables if t.stage == stage.stage]) for stage in facts.stages]
    planned = {stage.stage for stage in facts.stages}
    return template("template.html").render(
        facts=facts,
        words=words,
        lines=ReasonLines(words),
        watched=Watched(words).lines(),
        text=words.text,
        catalogue=words.catalogue,
        counts=counts(facts),
        stages=stages,
        others=[t for t in facts.tables if t.stage not in planned],
        people_bar=people_bar(facts),
        table_bar=lambda table: table_bar(table, words.left(table)),
        moment=lambda utc: words.catalogue.moment(utc, facts.timezone),
    )


def people_bar(facts: RunFacts) -> list[Piece]:
    """All people by what became of them."""
    people = facts.people
    if people is None:
        return []
    names = ("done", "left", "held", "quarantined", "kept", "done_before")
    return bar({name: getattr(people, name) for name in names})


def table_bar(table: TableFacts, left: int) -> list[Piece]:
    """The rows of a table that were past their term, by what became of them."""
    held, quarantined = sum(table.held.values()), sum(table.quarantined.values())
    return bar({"done": table.changed, "left": left, "held": held, "quarantined": quarantined})


def bar(named: dict[str, int]) -> list[Piece]:
    """The pieces of a bar side by side, to scale; empty when there is nothing to show."""
    total = sum(n for n in named.values() if n > 0)
    pieces, start = [], 0.0
    for name, n in named.items():
        if n > 0:
            width = BAR_WIDTH * n / total
            pieces.append(Piece(name, n, round(start, 2), round(width, 2)))
            start += width
    return pieces


@cache
def template(name: str) -> Template:
    """A page of this folder. Whatever is filled in is escaped."""
    environment = Environment(
        loader=PackageLoader("worker.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
