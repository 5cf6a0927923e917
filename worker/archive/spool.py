"""The spool: the local durable folder in which segments wait for the store."""

from pathlib import Path

from worker.archive.durable import part_of, segment_names, sync_folder
from worker.archive.errors import storage_error
from worker.archive.names import PART_SUFFIX, SUFFIX, check_name


class Spool:
    """A folder of sealed segments. It is created when the first segment is written, not before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Where the segment of this name lies or would lie. Raises ArchiveError for a name that is none."""
        return self.folder / check_name(name)

    def names(self) -> list[str]:
        """Names of the sealed segments that wait, sorted."""
        return segment_names(self.folder)

    def unfinished(self) -> list[str]:
        """Names of segments whose writing was cut off by a crash, or is going on now in another process; sorted."""
        return [name.removesuffix(PART_SUFFIX) for name in segment_names(self.folder, SUFFIX + PART_SUFFIX)]

    def remove(self, name: str) -> None:
        """Remove the segment, and what an unfinished writing of it left; it may be gone already.

        Raises ArchiveError.
        """
        path = self.path(name)
        try:
            path.unlink(missing_ok=True)
            part_of(path).unlink(missing_ok=True)
            if path.parent.exists():
                sync_folder(path.parent)
        except OSError as error:
            raise storage_error("storage.removing", path, error) from error
