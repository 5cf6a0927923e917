"""`merzim keys`: identities for the archive, keys that sign seals, and tokens of people."""

from pathlib import Path
from typing import Annotated

import typer

from config.catalogue import text
from worker.cli import keys_person
from worker.cli.output import say, tell

app = typer.Typer(name="keys", no_args_is_help=True, rich_markup_mode=None)


@app.callback(help=text("help.keys"))
def keys() -> None:
    """Make the keys of an installation."""


@app.command(help=text("help.keys_archive"))
def archive(
    path: Annotated[Path, typer.Argument(help=text("help_keys_archive.path"))],
) -> None:
    """Make the identity that opens archive copies."""
    from worker.archive.keys import identity_file, make_identity, write_secret

    identity = make_identity()
    write_secret(path, identity_file(identity))
    say(f"MERZIM_ARCHIVE_RECIPIENTS={identity.recipient}")
    tell(text("verb_keys.identity", path=path))


@app.command(help=text("help.keys_signing"))
def signing(path: Annotated[Path, typer.Argument(help=text("help_keys_signing.path"))]) -> None:
    """Make the key that signs the seals of runs."""
    from worker.archive.keys import make_signing_key, write_secret

    key = make_signing_key()
    write_secret(path, key.private)
    public = path.with_suffix(".pub.pem")
    public.write_bytes(key.public)
    say(f"MERZIM_SIGNING_KEY={path.absolute()}")
    tell(text("verb_keys.public", path=public))


keys_person.register(app)
