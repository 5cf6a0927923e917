"""The report on a terminal: the answer first, then what somebody has to do, then the numbers."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from worker.reports.facts import counts
from worker.reports.reason_lines import ReasonLine, ReasonLines
from worker.reports.shapes import RunFacts, Verdict
from worker.reports.watched_words import Watched
from worker.reports.wording import Words

_COLOURS: dict[Verdict, str] = {"clean": "green", "attention": "yellow", "stopped": "red", "open": "cyan"}

STAGE_WIDTH = 12  # characters
NUMBER_WIDTH = 9  # "1,234,567"


def print_report(facts: RunFacts, console: Console | None = None, language: str = "en") -> None:
    """Print the report; without `console`, to standard output."""
    page = _Page(facts, console or Console(highlight=False), language)
    page.answers()
    page.answer()
    page.numbers()
    page.todos()
    page.tables()
    page.reasons()
    page.copies()
    page.footer()


class _Page:
    def __init__(self, facts: RunFacts, console: Console, language: str) -> None:
        self.facts, self.console = facts, console
        self.words = Words(facts, language)
        self.lines = ReasonLines(self.words)
        self.text, self.number = self.words.text, self.words.catalogue.number

    def answers(self) -> None:
        for sentence, answer in zip(self.words.answers(), self.facts.answers, strict=True):
            self.console.print(Text(sentence, style="bold red" if answer.overdue else "yellow"))

    def answer(self) -> None:
        verdict = self.facts.verdict
        colour = _COLOURS[verdict]
        self.console.print()
        self.console.print(Text(f" {self.text(f'verdict.{verdict}')} ", style=f"bold reverse {colour}"))
        self.console.print(Text(self.words.answer(), style="bold"))
        for sentence in self.words.details():
            self.console.print(Text(sentence))

    def numbers(self) -> None:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(justify="right", style="bold")
        grid.add_column()
        for name, count in counts(self.facts).items():
            grid.add_row(self.number(count), self.text(f"number.{name}"))
        people = self.facts.people
        if people is not None:
            parts = (("due", people.due), ("held", people.held), ("quarantined", people.quarantined))
            split = ", ".join(f"{self.number(n)} {self.text(f'people.{name}')}" for name, n in parts)
            grid.add_row("", f"{self.text('people.scanned', n=people.scanned)}: {split}")
        self.console.print(Padding(grid, (1, 0, 0, 2)))

    def todos(self) -> None:
        todos = self.lines.todos()
        if todos:
            self._table("title.todo", ("column.what", "column.todo"), [(t.what, t.todo) for t in todos])

    def tables(self) -> None:
        numeric = ("column.due", "column.done", "column.held", "column.quarantined", "column.kept")
        rows = [
            (
                t.stage,
                t.table,
                self.words.outcome(t),
                *map(self.number, (t.due, t.changed, sum(t.held.values()), sum(t.quarantined.values()), t.kept)),
            )
            for t in self.facts.tables
        ]
        self._table("title.done", ("column.stage", "column.table", "column.outcome"), rows, numeric)

    def reasons(self) -> None:
        self._reasons("title.held", self.lines.held())
        for sentence in Watched(self.words).lines():
            self.console.print(Text(sentence))
        self._reasons("title.quarantined", self.lines.quarantined())
        self._reasons("title.overdue", self.lines.overdue())

    def _reasons(self, title: str, lines: Sequence[ReasonLine]) -> None:
        rows = [(line.reason, line.where, line.todo) for line in lines]
        if rows:
            self._table(title, ("column.reason", "column.units", "column.todo"), rows)

    def copies(self) -> None:
        catalogue = self.words.catalogue
        rows = [
            (
                c.stage,
                self.words.until(c),
                self.number(c.segments),
                self.number(c.rows),
                catalogue.size(c.bytes),
            )
            for c in self.words.copies()
        ]
        if rows:
            numeric = ("column.segments", "column.rows", "column.size")
            self._table("title.copies", ("column.stage", "column.until"), rows, numeric)

    def footer(self) -> None:
        facts, catalogue = self.facts, self.words.catalogue
        lines = [*self.words.files()]
        if facts.seal is None:
            lines.append(self.text("proof.unsealed"))
        else:
            when = catalogue.moment(facts.seal.sealed_at, facts.timezone)
            entries = self.text("proof.entries", n=facts.seal.entries)
            lines.append(f"{self.text('proof.seal', ordinal=facts.seal.ordinal, entries=entries)} {facts.seal.digest},")
            lines.append(f"{self.text('proof.signed', key_id=facts.seal.key_id, when=when)}.")
        took = "" if facts.seconds is None else f" · {self.text('run.took')} {catalogue.duration(facts.seconds)}"
        lines.append(f"{self.text('run.id')} {facts.id} · {self.text('run.fingerprint')} {facts.fingerprint}{took}")
        self.console.print()
        for line in lines:
            self.console.print(Text(line, style="dim"), soft_wrap=True)

    def _table(
        self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[str] = ()
    ) -> None:
        table = Table(title=self.text(title), box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.title_justify, table.title_style = "left", "bold"
        for column in columns:
            # With numbers beside it the stage may wrap at its words, so that the table's name never breaks.
            width = STAGE_WIDTH if column == "column.stage" and numeric else None
            table.add_column(self.text(column), overflow="fold", no_wrap=column == "column.table", max_width=width)
        for column in numeric:
            heading = self.text(column)
            width = NUMBER_WIDTH if " " in heading else None  # a heading of two words stands on two lines
            table.add_column(heading, justify="right", no_wrap=width is None, width=width)
        for row in rows:
            # As Text: a name in square brackets is no markup.
            table.add_row(*map(Text, row))
        self.console.print()
        self.console.print(table)
