"""`merzim demo`: an operator's database with invented people, and a night on it."""

import getpass
import re
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import CLEAN, ERROR, FAILURES, say, stop, tell

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
    from worker.bootstrap import install
    from worker.cli.init import create_ledger

    folder = folder.resolve()
    env_file = folder / "merzim.env"
    if env_file.exists():
        stop(f"{env_file} is there already, from an earlier demo; give another --dir, or remove that folder.", ERROR)
    _write_installation(folder, database_url)
    installation = install(env_file)
    _fill(installation, folder, people, seed)
    create_ledger(installation)
    say(f"An agency's database with {people} invented people is ready in {folder}.")
    if no_run:
        say(f"Next: merzim --env-file {env_file} plan")
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
    text = "".join(f"MERZIM_{name}='{value}'\n" for name, value in lines.items())
    write_secret(folder / "merzim.env", text.encode())


def _fill(installation: Any, folder: Path, people: int, seed: int) -> None:
    """Schema and people, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from worker.demo import fill, make_schema

    engine = installation.tools.database.engine
    make_schema(engine)
    roots = {name: folder / place for name, place in PLACES.items()}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("people", total=max(people, 1))
        fill(engine, people, seed, roots, datetime.now(UTC), lambda done: progress.update(task, completed=done))


def _first_night(installation: Any, folder: Path) -> int:
    """The brake, the approval and the night, as an operator meets them."""
    from worker.cli.run import EXIT, carry_out, facts_of, save_report
    from worker.pipeline.beginning import Wish
    from worker.pipeline.tools import Refused

    policy = installation.policy()
    now = datetime.now(UTC)
    try:
        outcome = carry_out(installation, policy, Wish(now))
    except Refused as refused:
        say("\nThe first night was stopped, as it should be:")
        for sentence in re.split(r"(?<=\.) (?=[A-Z])", str(refused)):
            say(f"  {sentence}")
        say("\nA person looks at the plan, finds it right and says yes to exactly it.")
        fingerprint = _fingerprint(installation, policy, now)
        outcome = carry_out(installation, policy, Wish(now, approve=fingerprint, author=getpass.getuser()))
    facts = facts_of(installation, outcome.run_id)
    page = save_report(installation, facts)
    _summary(facts, folder, outcome, page)
    return CLEAN if EXIT[outcome.state] == CLEAN else FAILURES


def _fingerprint(installation: Any, policy: Any, now: datetime) -> str:
    from worker.pipeline.beginning import decide

    with installation.tools.database.reading() as connection:
        return decide(connection, installation.tools, policy, now).plan.fingerprint


def _summary(facts: Any, folder: Path, outcome: Any, page: Path | None) -> None:
    """What a newcomer wants to know: what happened, where everything lies, what to try next."""
    from worker.reports.facts import counts

    rows = counts(facts)
    people = facts.people
    database = folder / "agency.db"
    merzim = f"merzim --env-file {folder / 'merzim.env'}"
    say(f"\nThe night is {outcome.state.replace('_', ' ')}.")
    if people is not None:
        say(
            f"  people: {people.scanned} scanned, {people.due} due, {people.held} held, {people.quarantined} quarantined"
        )
    say(f"  rows:   {rows['depersonalised']} depersonalised, {rows['deleted']} deleted, {rows['archived']} archived")
    say("\nWhere everything is")
    say(f"  database   {database if database.exists() else 'the one you named'}")
    say(f"  archive    {folder / 'archive'}   (sealed copies, kept as clause 3.4 allows)")
    say(f"  key        {folder / 'keys' / 'archive-identity.txt'}   (opens them; an operator keeps it offline)")
    say(f"  report     {page}")
    say("\nTry next")
    for verb in ("plan", "report", "archive list", "explain --key 1", "ledger verify", "status"):
        say(f"  {merzim} {verb}")
    if outcome.reason:
        tell(outcome.reason)
