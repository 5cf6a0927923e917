"""`merzim bench`: this machine's database against its own limit."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import ERROR, REFUSED, print_json, progress, stop, wants_json

app = typer.Typer(name="bench", no_args_is_help=True, rich_markup_mode=None)

People = Annotated[int, typer.Option(min=1, help=text("help_bench.people"))]
Messages = Annotated[int, typer.Option(min=0, help=text("help_bench.messages"))]
Due = Annotated[int, typer.Option(min=1, max=100, help=text("help_bench.due"))]
Url = Annotated[str | None, typer.Option(help=text("help_bench.database_url"))]
AsJson = Annotated[bool, typer.Option("--json", help=text("option.json"))]


@app.callback(help=text("help.bench"))
def bench() -> None:
    """Measure merzim against the database's own limit."""


@app.command("night", help=text("help.bench_night"))
def night(
    people: People = 1_000_000,
    messages: Messages = 3_000_000,
    due: Due = 20,
    repeat: Annotated[int, typer.Option(min=1, help=text("help_bench.repeat"))] = 3,
    workers: Annotated[str, typer.Option(help=text("help_bench.workers"))] = "1,2",
    case: Annotated[list[str] | None, typer.Option(help=text("help_bench.case"))] = None,
    database_url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Whole nights beside the one statement that does the same."""
    from worker.bench.cases import CASES
    from worker.bench.nights import measure
    from worker.cli.bench_shown import figures_of_nights, show_nights

    chosen = [_one_of(name, list(CASES)) for name in case or CASES]
    numbers = _numbers(workers, "workers")
    with _opened(database_url, people, messages, due) as opened:
        found = {name: measure(opened, CASES[name], numbers, repeat) for name in chosen}
    if wants_json(as_json):
        print_json(figures_of_nights(found, opened))
    else:
        show_nights(found, opened)


@app.command("guest", help=text("help.bench_guest"))
def guest(
    people: People = 1_000_000,
    due: Due = 20,
    rate: Annotated[int, typer.Option(min=1, help=text("help_bench.rate"))] = 1_000,
    clients: Annotated[int, typer.Option(min=1, help=text("help_bench.clients"))] = 8,
    seconds: Annotated[int, typer.Option(min=1, help=text("help_bench.seconds"))] = 20,
    database_url: Url = None,
    as_json: AsJson = False,
) -> None:
    """What the application beside a night notices."""
    from worker.bench.guest import Visiting, measure_guest
    from worker.cli.bench_shown import show_guest

    with _opened(database_url, people, 3 * people, due) as opened:
        found = measure_guest(opened, Visiting(rate, clients, seconds))
    if wants_json(as_json):
        print_json(found)
    else:
        show_guest(found)


@app.command("peers", help=text("help.bench_peers"))
def peers(
    people: People = 200_000,
    messages: Messages = 600_000,
    due: Due = 20,
    repeat: Annotated[int, typer.Option(min=1, help=text("help_bench.repeat"))] = 3,
    database_url: Url = None,
    as_json: AsJson = False,
) -> None:
    """A night on MariaDB beside pt-archiver."""
    from worker.bench.peers import installed, measure_peers
    from worker.cli.bench_shown import show_peers

    if not (database_url or "").startswith(("mysql", "mariadb")):
        stop(text("bench_refuses.peers_mariadb"), REFUSED)
    if not installed():
        stop(text("bench_refuses.no_pt_archiver"), REFUSED)
    with _opened(database_url, people, messages, due) as opened:
        found = measure_peers(opened, repeat)
    if wants_json(as_json):
        print_json(found)
    else:
        show_peers(found)


@app.command("grow", help=text("help.bench_grow"))
def grow(
    sizes: Annotated[str, typer.Option(help=text("help_bench.sizes"))] = "100000,1000000",
    due: Due = 20,
    database_url: Url = None,
    as_json: AsJson = False,
) -> None:
    """The same nights among few people and among many."""
    from worker.bench.growth import exponents, measure_growth
    from worker.cli.bench_shown import show_growth

    found = []
    for people in sorted(set(_numbers(sizes, "sizes"))):
        with _opened(database_url, people, 3 * people, due) as opened:
            found.append(measure_growth(opened))
    answer: dict[str, Any] = {"sizes": found}
    if len(found) > 1:
        answer["exponent"] = exponents(found)
    if wants_json(as_json):
        print_json(answer)
    else:
        show_growth(answer)


def _one_of(name: str, names: list[str]) -> str:
    if name not in names:
        raise typer.BadParameter(text("bench_refuses.case", name=name, names=", ".join(names)))
    return name


def _numbers(given: str, what: str) -> list[int]:
    try:
        numbers = [int(part) for part in given.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter(text(f"bench_refuses.{what}"))
    return numbers


def _opened(database_url: str | None, people: int, messages: int, due: int) -> Any:
    """A bench with its rows; SIGTERM ends it as Ctrl-C does, with everything dropped."""
    from contextlib import ExitStack
    from datetime import UTC, datetime
    from tempfile import TemporaryDirectory

    from worker.bench.bench import Bench
    from worker.bench.errors import BenchError
    from worker.bench.grounds import ground_at
    from worker.bench.rows import Size
    from worker.bench.surroundings import forget_settings, interrupted_once

    forget_settings()
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"

    @contextmanager
    def opened() -> Any:
        with _told(BenchError), interrupted_once(), ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="merzim-bench-")))
            stack.callback(progress, "")
            bench = Bench(ground_at(database_url, folder), folder, Size(people, messages, due, now), _tell)
            yield stack.enter_context(bench.opened())

    return opened()


@contextmanager
def _told(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kind as error:
        stop(str(error), ERROR)


def _tell(what: str, names: dict[str, str]) -> None:
    progress(text(f"bench_progress.{what}", **names))
