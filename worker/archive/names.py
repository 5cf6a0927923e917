"""Names of segments: random, never used again, with nothing personal in them, and never leading out of their folder."""

import re
import secrets
from datetime import UTC, datetime

from config.catalogue import text
from worker.archive.errors import ArchiveError

SUFFIX = ".zst.age"
PART_SUFFIX = ".part"

_PIECE = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}"
_NAME = re.compile(rf"(?:{_PIECE}/){{0,8}}{_PIECE}{re.escape(SUFFIX)}")
_INSTALLATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def new_segment_name(installation: str, created: datetime) -> str:
    """`<installation>/<yyyy>/<mm>/<32 hex>.zst.age`; a naive `created` is UTC. Raises ArchiveError."""
    if not _INSTALLATION.fullmatch(installation):
        raise ArchiveError(text("segment.installation_name", name=repr(installation)))
    if created.tzinfo is not None:
        created = created.astimezone(UTC)
    return f"{installation}/{created:%Y}/{created:%m}/{secrets.token_hex(16)}{SUFFIX}"


def check_name(name: str) -> str:
    """The name itself, if it stays inside a folder and ends as segments do; raises ArchiveError otherwise."""
    if not _NAME.fullmatch(name):
        raise ArchiveError(text("segment.no_name", name=repr(name), ending=SUFFIX))
    return name
