"""Names of segments lead nowhere but into their folder, and tell nothing."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.archive_segments import NAME
from worker.archive.errors import ArchiveError
from worker.archive.names import check_name, new_segment_name
from worker.archive.spool import Spool
from worker.archive.store import DirectoryStore

BAD_NAMES = [
    "", ".", "..", "/etc/passwd", "../x.zst.age", "a/../../x.zst.age", "a/./x.zst.age", "a//x.zst.age",
    "/x.zst.age", "a\\..\\x.zst.age", "x.zst.age\n", "x\0.zst.age", ".zst.age", "a/.zst.age", "x.zst", "x.zst.age.part",
    "-x.zst.age", "~/x.zst.age", "қ.zst.age", "a/" * 20 + "x.zst.age", "x" * 300 + ".zst.age",
]  # fmt: skip


def test_a_new_name_is_random_and_lies_under_installation_year_and_month() -> None:
    created = datetime(2026, 3, 1, 2, 0, tzinfo=timezone(timedelta(hours=5)))
    names = {new_segment_name("0f3a", created) for _ in range(1000)}
    assert len(names) == 1000
    assert all(re.fullmatch(r"0f3a/2026/02/[0-9a-f]{32}\.zst\.age", name) for name in names)
    assert all(check_name(name) == name for name in names)


def test_a_time_without_zone_is_utc() -> None:
    for created in (datetime(2026, 2, 28, 23, 0), datetime(2026, 2, 28, 23, 0, tzinfo=UTC)):
        assert new_segment_name("a", created).startswith("a/2026/02/")


@pytest.mark.parametrize("installation", ["", "a/b", "..", "a b", "a" * 65, "Әлия", "-a", "a\n"])
def test_an_installation_that_is_no_file_name_is_refused(installation: str) -> None:
    with pytest.raises(ArchiveError, match="cannot stand in a file name"):
        new_segment_name(installation, datetime(2026, 1, 1))


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_could_leave_its_folder_is_refused_everywhere(tmp_path: Path, name: str) -> None:
    spool, store = Spool(tmp_path / "spool"), DirectoryStore(tmp_path / "store")
    (tmp_path / "spool").mkdir()
    source = tmp_path / "spool" / "x.zst.age"
    source.write_bytes(b"x")
    for refused in (
        lambda: spool.path(name),
        lambda: spool.remove(name),
        lambda: store.open(name),
        lambda: store.remove(name),
        lambda: store.digest(name),
        lambda: store.put(source, name),
    ):
        with pytest.raises(ArchiveError, match="is not a segment's name"):
            refused()


def test_the_spool_lists_what_waits_and_what_was_cut_off(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    assert (spool.names(), spool.unfinished()) == ([], [])
    for name in (NAME, "b.zst.age", "a/c.zst.age.part", "other.txt"):
        path = spool.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert spool.names() == [NAME, "b.zst.age"]
    assert spool.unfinished() == ["a/c.zst.age"]

    for name in (NAME, "a/c.zst.age", "never/was.zst.age"):
        spool.remove(name)
    assert (spool.names(), spool.unfinished()) == (["b.zst.age"], [])


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "spool").touch()
    spool = Spool(tmp_path / "spool")
    with pytest.raises(ArchiveError, match=r"Listing the segments in .* failed: Not a directory"):
        spool.names()
    with pytest.raises(ArchiveError, match=r"Removing .* failed: Not a directory"):
        spool.remove(NAME)
