"""`merzim keys person`, `persons`, `revoke`: tokens of people, with which they sign what they decide."""

from pathlib import Path
from typing import Annotated

import typer

from config.catalogue import text
from worker.cli.output import print_json, print_table, say, tell, wants_json


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(help=text("help.keys_person"))(person)
    app.command(help=text("help.keys_persons"))(persons)
    app.command(help=text("help.keys_revoke"))(revoke)


def person(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help=text("help_keys_person.name"))],
    output: Annotated[Path | None, typer.Option(help=text("help_keys_person.output"))] = None,
) -> None:
    """Make somebody's token and register its public half."""
    from worker.archive.keys import write_secret
    from worker.bootstrap import install
    from worker.cli.signing import passphrase_of
    from worker.ledger.persons import register as register_person
    from worker.ledger.signing import public_pem
    from worker.office.identity import account_name, as_owner, make_token
    from worker.pipeline.tools import require_ledger, utc_now

    installation = install(context.obj)
    tools = installation.tools
    require_ledger(tools)
    path = output or Path(f"merzim-token-{name}.pem")
    key, content = make_token(passphrase_of(installation.settings, new=True))
    with as_owner(), tools.database.writing() as connection:
        register_person(connection, tools.ledger, name, public_pem(key).decode(), account_name(), utc_now())
        write_secret(path, content)  # a file that cannot be written leaves nobody registered
    say(f"MERZIM_TOKEN={path.absolute()}")
    tell(text("verb_keys.person", name=name, path=path))


def persons(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help=text("option.json"))] = False
) -> None:
    """List who has a token, or had one."""
    from worker.bootstrap import install
    from worker.ledger.persons import persons as all_persons
    from worker.pipeline.tools import require_ledger

    tools = install(context.obj).tools
    require_ledger(tools)
    with tools.database.reading() as connection:
        found = all_persons(connection, tools.ledger)
    rows = [
        {"name": p.name, "registered_by": p.registered_by, "registered": p.registered_at, "revoked": p.revoked_at}
        for p in found
    ]
    if wants_json(as_json):
        print_json(rows)
    elif rows:
        print_table(text("verb_keys.persons"), list(rows[0]), [list(r.values()) for r in rows])
    else:
        say(text("verb_keys.no_persons"))


def revoke(context: typer.Context, name: Annotated[str, typer.Argument(help=text("help_keys_revoke.name"))]) -> None:
    """Let somebody's token count no more."""
    from worker.bootstrap import install
    from worker.ledger.persons import revoke as revoke_token
    from worker.office.identity import as_owner
    from worker.pipeline.tools import require_ledger, utc_now

    tools = install(context.obj).tools
    require_ledger(tools)
    with as_owner(), tools.database.writing() as connection:
        revoke_token(connection, tools.ledger, name, utc_now())
    say(text("verb_keys.revoked", name=name))
