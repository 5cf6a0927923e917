"""The one exception of this room. Its text is a sentence for the operator and never holds anything of a row."""

import errno
from pathlib import Path

from config.catalogue import text

_NEXT_STEP = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "quota",
    errno.EACCES: "rights",
    errno.EPERM: "rights",
    errno.EROFS: "read_only",
    errno.ENOENT: "missing",
}
"""What to do next, by its name in the catalogue's section storage_step."""


class ArchiveError(Exception):
    """A segment, store or key cannot be written, read or trusted; str() says what, where and what to do next."""


def storage_error(key: str, place: Path | str, error: OSError) -> ArchiveError:
    """Sentence for an operating system's refusal; `key` names it in the catalogue, e.g. "storage.writing"."""
    step = text(f"storage_step.{_NEXT_STEP.get(error.errno or 0, 'other')}")
    return ArchiveError(text(key, place=place, reason=error.strerror or type(error).__name__, step=step))
