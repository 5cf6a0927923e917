"""Where segments end up. A store takes a segment durably and reads it back before the spool lets go of it."""

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from config.catalogue import text
from worker.archive.durable import file_digest, make_folder, segment_names, sync_file, sync_folder, sync_upwards
from worker.archive.errors import ArchiveError, storage_error
from worker.archive.names import PART_SUFFIX, check_name
from worker.archive.spool import Spool


class DirectoryStore:
    """A folder, possibly on another disk or a mount, that keeps segments until their archive term ends (clause 3.4)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, source: Path, name: str) -> str:
        """Copy the file in under this name, durably, and read it back; the SHA-256 (hex) of what is stored.

        If the name is there with the same content, nothing is copied (a crash came between put and the spool's
        removal). Raises ArchiveError if the content differs, or if anything fails.
        """
        target = self._path(name)
        try:
            expected = file_digest(source)
            if not target.exists():
                self._copy(source, expected, target)
            with target.open("rb") as file:
                sync_file(file.fileno())
            sync_upwards(self.folder, target.parent)
            if file_digest(target) != expected:
                raise ArchiveError(text("segment.other_content", path=target))
        except OSError as error:
            raise storage_error("storage.storing", target, error) from error
        return expected

    def digest(self, name: str) -> str | None:
        """SHA-256 (hex) of the stored segment; None if there is none of this name. Raises ArchiveError."""
        path = self._path(name)
        try:
            return file_digest(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error("storage.reading", path, error) from error

    def open(self, name: str) -> BinaryIO:
        """The sealed segment, for reading; close it. Raises ArchiveError."""
        path = self._path(name)
        try:
            return path.open("rb")
        except FileNotFoundError:
            raise ArchiveError(text("segment.missing", path=path)) from None
        except OSError as error:
            raise storage_error("storage.opening", path, error) from error

    def names(self) -> list[str]:
        """Names of all stored segments, sorted."""
        return segment_names(self.folder)

    def names_since(self, installation: str, month: str) -> list[str]:
        """Names, sorted, of the installation's segments that were made in this month ("2026/11") or later. Only those
        folders are looked into. Raises ArchiveError."""
        base = self.folder / installation
        try:
            years = sorted(os.listdir(base)) if base.exists() else []
            months = [f"{year}/{each}" for year in years for each in sorted(os.listdir(base / year))]
        except OSError as error:
            raise storage_error("storage.listing", base, error) from error
        found = [(m, segment_names(base / m)) for m in months if m >= month]
        return [f"{installation}/{m}/{name}" for m, names in found for name in names]

    def remove(self, name: str) -> None:
        """Destroy the segment, and every copy of it that a crash left half-written. It may be gone already."""
        path = self._path(name)
        try:
            path.unlink(missing_ok=True)
            self.remove_parts(name)
            if path.parent.exists():
                sync_folder(path.parent)
        except OSError as error:
            raise storage_error("storage.removing", path, error) from error

    def remove_parts(self, name: str) -> None:
        """Destroy what a crash left half-written of it. Raises ArchiveError."""
        path = self._path(name)
        try:
            for part in path.parent.glob(f"{path.name}.*{PART_SUFFIX}"):
                part.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error("storage.removing", path, error) from error

    def _path(self, name: str) -> Path:
        return self.folder / check_name(name)

    def _copy(self, source: Path, expected: str, target: Path) -> None:
        make_folder(target.parent)
        # A name of its own, since two workers may feed the same segment at once.
        part = target.with_name(f"{target.name}.{secrets.token_hex(8)}{PART_SUFFIX}")
        try:
            with source.open("rb") as original, part.open("xb") as copy:
                shutil.copyfileobj(original, copy)
                copy.flush()
                sync_file(copy.fileno())
            # Before it takes the name: the other worker may have put a good copy there and emptied the spool.
            if file_digest(part) != expected:
                raise ArchiveError(text("segment.not_stored", path=part))
            os.replace(part, target)
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell
                part.unlink(missing_ok=True)
            raise


def feed(spool: Spool, store: DirectoryStore, name: str, sha256: str) -> None:
    """Move the segment with this digest (hex, from the ledger) from the spool to the store: put, read back, and only
    then empty the spool. Raises ArchiveError, also if the spool's file is not the one that was sealed."""
    waiting = spool.path(name)
    try:
        from worker.archive.reading import verify_segment  # brings all of the cryptography, which few verbs need

        verify_segment(waiting, sha256)
        store.put(waiting, name)
    except ArchiveError:
        fed_by_another = not waiting.exists() and store.digest(name) == sha256
        if not fed_by_another:
            raise
        return
    spool.remove(name)
    store.remove_parts(name)  # only now: whoever feeds it at the same time finds that it was done
