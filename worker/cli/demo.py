"""`merzim demo`: an operator's database with invented people, and a night on it."""

import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import CLEAN, ERROR, FAILURES, progress, say, stop, tell

PLACES = {"scans": "files/scans", "recordings": "files/recordings"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.demo"))(demo)


def demo(
    people: Annotated[int, typer.Option(min=0, help=text("help_demo.people"))] = 300,
    seed: Annotated[int, typer.Option(help=text("help_demo.seed"))] = 1,
    folder: Annotated[Path, typer.Option("--dir", help=text("help_demo.folder"))] = Path("merzim-demo"),
    database_url: Annotated[str | None, typer.Option(help=text("help_demo.database_url"))] = None,
    no_run: Annotated[bool, typer.Option("--no-run", help=text("help_demo.no_run"))] = False,
) -> None:
    """Make an agency's database with invented people, and a night."""
    from worker.bootstrap import create_ledger, install

    folder = folder.resolve()
    env_file = folder / "merzim.env"
    if env_file.exists():
        stop(text("verb_demo.there_already", path=env_file), ERROR)
    _write_installation(folder, database_url)
    installation = install(env_file)
    _fill(installation, folder, people, seed)
    create_ledger(installation)
    say(text("verb_demo.ready", n=people, count=str(people), folder=folder))
    if no_run:
        say(text("verb_demo.next", command=f"merzim --env-file {env_file} plan"))
        return
    raise SystemExit(_first_night(installation, folder))


def _write_installation(folder: Path, database_url: str | None) -> None:
    """Keys, policy and settings, as an operator would have them."""
    import config
    from worker.archive.keys import identity_file, make_identity, make_signing_key, write_secret

    for name in ("spool", "archive", "reports", "keys", *PLACES.values()):
        (folder / name).mkdir(parents=True, exist_ok=True)
    identity, signing = make_identity(), make_signing_key()
    write_secret(folder / "keys" / "archive-identity.txt", identity_file(identity))
    write_secret(folder / "keys" / "signing.pem", signing.private)
    (folder / "keys" / "signing.pub.pem").write_bytes(signing.public)
    copyfile(Path(config.__file__).parent / "policies" / "kpi.yaml", folder / "kpi.yaml")
    roots = ", ".join(f'"{name}": "{place}"' for name, place in PLACES.items())
    lines = {
        "DATABASE_URL": database_url or f"sqlite:///{folder / 'agency.db'}",
        "POLICY": "kpi.yaml",
        "ARCHIVE_URL": str(folder / "archive"),
        "ARCHIVE_RECIPIENTS": identity.recipient,
        "SPOOL": "spool",
        "SIGNING_KEY": "keys/signing.pem",
        "FILES": f"{{{roots}}}",
        "REPORTS": "reports",
    }
    content = "".join(f"MERZIM_{name}='{value}'\n" for name, value in lines.items())
    write_secret(folder / "merzim.env", content.encode())


def _fill(installation: Any, folder: Path, people: int, seed: int) -> None:
    """Schema and people, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from worker.demo import fill, make_schema

    engine = installation.tools.database.engine
    make_schema(engine)
    roots = {name: folder / place for name, place in PLACES.items()}
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text("verb_demo.people"), total=max(people, 1))
        fill(engine, people, seed, roots, datetime.now(UTC), lambda done: bar.update(task, completed=done))


def _first_night(installation: Any, folder: Path) -> int:
    """The brake, the approval and the night, as an operator meets them."""
    from worker.cli.run import EXIT, facts_of, save_report
    from worker.cli.watching import is_open
    from worker.embedded import work_off
    from worker.ledger.runs import HANDED_OVER
    from worker.office.identity import by_account
    from worker.pipeline.beginning import Wish, begin
    from worker.pipeline.tools import Refused

    policy = installation.policy()
    now = datetime.now(UTC)
    try:
        run = begin(installation.tools, policy, Wish(now, HANDED_OVER))
    except Refused as refused:
        say("\n" + text("verb_demo.stopped"))
        for sentence in re.split(r"(?<=\.) (?=[A-Z])", str(refused)):
            say(f"  {sentence}")
        say("\n" + text("verb_demo.approved"))
        fingerprint = _fingerprint(installation, policy, now)
        run = begin(
            installation.tools, policy, Wish(now, HANDED_OVER, fingerprint, signer=by_account(installation.tools))
        )
    work_off(folder / "merzim.env", run.id, partial(is_open, installation.tools, run.id))
    progress("")
    facts = facts_of(installation, run.id)
    page = save_report(installation, facts)
    _summary(facts, folder, page)
    return CLEAN if EXIT[facts.state] == CLEAN else FAILURES


def _fingerprint(installation: Any, policy: Any, now: datetime) -> str:
    from worker.pipeline.beginning import decide

    with installation.tools.database.reading() as connection:
        return decide(connection, installation.tools, policy, now).plan.fingerprint


def _summary(facts: Any, folder: Path, page: Path | None) -> None:
    """What a newcomer wants to know: what happened, where everything lies, what to try next."""
    from worker.reports.facts import counts

    rows = counts(facts)
    people = facts.people
    database = folder / "agency.db"
    merzim = f"merzim --env-file {folder / 'merzim.env'}"
    say("\n" + text("verb_demo.ended", state=text(f"run_state.{facts.state}")))
    if people is not None:
        counted = {name: str(getattr(people, name)) for name in ("scanned", "due", "held", "quarantined")}
        say(text("verb_demo.counted", **counted))
    say(text("verb_demo.rows", **{name: str(n) for name, n in rows.items()}))
    say("\n" + text("verb_demo.where"))
    say(text("verb_demo.database", path=database) if database.exists() else text("verb_demo.named_database"))
    say(text("verb_demo.archive", path=folder / "archive"))
    say(text("verb_demo.key", path=folder / "keys" / "archive-identity.txt"))
    say(text("verb_demo.report", path=page))
    say("\n" + text("verb_demo.try_next"))
    for verb in ("plan", "report", "archive list", "explain --key 1", "ledger verify", "status"):
        say(f"  {merzim} {verb}")
    if facts.reason:
        tell(facts.reason)
