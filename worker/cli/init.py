"""`merzim init`: the ledger."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import uuid4

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
    from worker.bootstrap import install

    installation = install(context.obj)
    if print_grants:
        for statement in _grants(installation, role):
            say(statement)
        return
    create_ledger(installation)
    say(text("verb_init.ready"))


def create_ledger(installation: object) -> None:
    """Migrate the ledger and give the installation its id, once."""
    import sqlalchemy as sa

    from worker.bootstrap import Installation
    from worker.ledger.migrations import migrate

    assert isinstance(installation, Installation)
    tools = installation.tools
    with tools.database.writing(lock_seconds=60) as connection:
        migrate(connection, tools.ledger.schema)
        table = tools.ledger.installation
        if connection.execute(sa.select(table.c.id)).first() is None:
            now = datetime.now(UTC).replace(tzinfo=None)
            connection.execute(table.insert().values(id=uuid4().hex[:12], created_at=now))


def _grants(installation: object, role: str) -> list[str]:
    from worker.bootstrap import Installation
    from worker.ledger.grants import grants
    from worker.pipeline.rights import rights_needed

    assert isinstance(installation, Installation)
    tools = installation.tools
    if tools.ledger.schema is None:
        return [text("verb_init.no_roles")]
    with tools.database.reading() as connection:
        needed = rights_needed(connection, tools.database, installation.policy())
    return grants(tools.ledger.schema, role, needed)
