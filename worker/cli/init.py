"""`merzim init`: the ledger."""

from typing import Annotated

import typer

from config.catalogue import text
from worker.cli.output import say


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(help=text("help.init"))(init)


def init(
    context: typer.Context,
    print_grants: Annotated[bool, typer.Option("--print-grants", help=text("help_init.print_grants"))] = False,
    role: Annotated[str, typer.Option(help=text("help_init.role"))] = "merzim",
) -> None:
    """Create the ledger, or bring it to this version."""
    from worker.bootstrap import create_ledger, install

    installation = install(context.obj)
    if print_grants:
        for statement in _grants(installation, role):
            say(statement)
        return
    create_ledger(installation)
    say(text("verb_init.ready"))


def _grants(installation: object, role: str) -> list[str]:
    from worker.bootstrap import Installation
    from worker.ledger.grants import grants, seeing_health
    from worker.ledger.grants_mariadb import mariadb_grants
    from worker.pipeline.rights import rights_needed

    assert isinstance(installation, Installation)
    tools = installation.tools
    if tools.ledger.schema is None:
        return [text("verb_init.no_roles")]
    with tools.database.reading() as connection:
        needed = rights_needed(connection, tools.database, installation.policy())
    if tools.database.dialect == "mysql":
        return mariadb_grants(tools.ledger.schema, role, str(tools.database.engine.url.database), needed)
    return [*grants(tools.ledger.schema, role, needed), seeing_health(role)]
