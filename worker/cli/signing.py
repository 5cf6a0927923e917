"""Who is at the keyboard: the token that was given, or the account. A passphrase is asked for, never an argument."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from config.catalogue import text
from worker.cli.output import REFUSED, stop

TokenFile = Annotated[Path | None, typer.Option("--token", help=text("help_purge.token"))]


def signer_of(installation: Any, token: Path | None) -> Any:
    """Who signs. Raises Refused for a token that does not count."""
    from worker.office.identity import by_account, by_token, check_token_file, open_token

    tools = installation.tools
    path = token or installation.settings.token
    if path is None:
        return by_account(tools)
    check_token_file(path)
    key = open_token(path, passphrase_of(installation.settings))
    with tools.database.reading() as connection:
        return by_token(connection, tools.ledger, key)


def passphrase_of(settings: Any, new: bool = False) -> str:
    """From the settings; else asked for, a new one twice; in a pipe the first line of standard input."""
    if settings.token_passphrase is not None:
        return str(settings.token_passphrase)
    if sys.stdin.isatty():
        return str(typer.prompt(text("verb_keys.passphrase"), hide_input=True, confirmation_prompt=new, err=True))
    line = sys.stdin.readline().rstrip("\n")
    if not line:
        stop(text("verb_keys.no_passphrase"), REFUSED)
    return line
