"""What makes a file survive a power cut: fsync of the file, of its folder, and of every folder made on the way."""

import hashlib
import os
from pathlib import Path

from worker.archive.errors import storage_error
from worker.archive.names import PART_SUFFIX, SUFFIX


def make_folder(folder: Path) -> None:
    """Create the folder and its missing parents; each new one is fsynced in its parent. Raises OSError."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        sync_folder(place.parent)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_upwards(root: Path, folder: Path) -> None:
    """Make the entries of `folder`, and of every folder above it up to `root`, durable. Raises OSError.

    All of them, for another process may have made one a moment ago and not fsynced it yet.
    """
    sync_folder(folder)
    while folder != root:
        folder = folder.parent
        sync_folder(folder)


def sync_file(handle: int) -> None:
    """Make the file durable and drop it from the page cache, so that reading it back asks the disk. Raises OSError."""
    os.fsync(handle)
    if hasattr(os, "posix_fadvise"):  # macOS has none
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


def file_digest(path: Path) -> str:
    """SHA-256 of the file as lower-case hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def segment_names(folder: Path, ending: str = SUFFIX) -> list[str]:
    """Names, sorted, of the files under the folder that end so; none if there is no such folder yet.

    Raises ArchiveError if a folder cannot be read: segments must not seem to be gone.
    """

    def refuse(error: OSError) -> None:
        raise storage_error("storage.listing", error.filename or folder, error) from error

    if not folder.exists():
        return []
    walk = os.walk(folder, onerror=refuse)
    found = (Path(place, file) for place, _, files in walk for file in files if file.endswith(ending))
    return sorted(path.relative_to(folder).as_posix() for path in found)


def part_of(path: Path) -> Path:
    """The name under which a file is written until it is whole."""
    return path.with_name(path.name + PART_SUFFIX)
