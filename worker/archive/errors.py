"""The one exception of this room. Its text is a sentence for the operator and never holds anything of a row."""

import errno
from pathlib import Path

_NEXT_STEP = {
    errno.ENOSPC: "Free some space there and run again",
    errno.EDQUOT: "Raise the quota there and run again",
    errno.EACCES: "Give the worker's user the right to read and write there and run again",
    errno.EPERM: "Give the worker's user the right to read and write there and run again",
    errno.EROFS: "Mount it writable and run again",
    errno.ENOENT: "Check that the folder is mounted and that the path in the settings is right",
}


class ArchiveError(Exception):
    """A segment, store or key cannot be written, read or trusted; str() says what, where and what to do next."""


def storage_error(what: str, place: Path | str, error: OSError) -> ArchiveError:
    """Sentence for an operating system's refusal; `what` is e.g. "Writing the segment"."""
    step = _NEXT_STEP.get(error.errno or 0, "Check the disk and the settings, and run again")
    return ArchiveError(f"{what} {place} failed: {error.strerror or type(error).__name__}. {step}.")
