"""What every store promises; run against each kind of store that there is."""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.archive_segments import NAME, OFFLINE, files, header, write
from worker.archive.errors import ArchiveError
from worker.archive.reading import read_segment
from worker.archive.spool import Spool
from worker.archive.store import DirectoryStore, feed

ROWS = [b"1\tx\n", b"2\ty\n"]
OTHER = NAME.replace("00", "11")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    write(spool := Spool(tmp_path / "spool"), [(header(), ROWS)])
    return spool


@pytest.fixture(params=[DirectoryStore])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> DirectoryStore:
    kind: Callable[[Path], DirectoryStore] = request.param
    return kind(tmp_path / "store")


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_empty_store_has_nothing(store: DirectoryStore) -> None:
    assert store.names() == []
    assert store.digest(NAME) is None
    store.remove(NAME)
    with pytest.raises(ArchiveError, match=f"The archive has no segment .*{NAME}"):
        store.open(NAME)


def test_what_is_put_is_listed_and_opens(spool: Spool, store: DirectoryStore) -> None:
    digest = store.put(spool.path(NAME), NAME)

    assert digest == store.digest(NAME) == digest_of(spool.path(NAME))
    assert store.names() == [NAME]
    assert spool.names() == [NAME]
    with store.open(NAME) as stream, read_segment(stream, [OFFLINE.identity]) as segment:
        assert [list(rows) for _, rows in segment.sections()] == [ROWS]


def test_what_is_removed_is_gone(spool: Spool, store: DirectoryStore) -> None:
    for name in (NAME, OTHER):
        store.put(spool.path(NAME), name)
    store.remove(NAME)
    assert store.names() == [OTHER]


def test_the_same_segment_may_be_put_again(spool: Spool, store: DirectoryStore) -> None:
    assert store.put(spool.path(NAME), NAME) == store.put(spool.path(NAME), NAME)


def test_another_segment_never_takes_its_name(spool: Spool, store: DirectoryStore) -> None:
    before = store.put(spool.path(NAME), NAME)
    write(spool, [], OTHER)

    with pytest.raises(ArchiveError, match="already there with other content"):
        store.put(spool.path(OTHER), NAME)
    assert store.digest(NAME) == before


def test_feed_empties_the_spool(spool: Spool, store: DirectoryStore) -> None:
    digest = digest_of(spool.path(NAME))
    feed(spool, store, NAME, digest)
    assert store.digest(NAME) == digest
    assert spool.names() == []


def test_feed_finishes_what_a_crash_between_put_and_removal_left(spool: Spool, store: DirectoryStore) -> None:
    feed(spool, store, NAME, store.put(spool.path(NAME), NAME))
    assert (spool.names(), store.names()) == ([], [NAME])


def test_feed_leaves_nothing_half_written_by_an_earlier_one(spool: Spool, store: DirectoryStore) -> None:
    part = store.folder / f"{NAME}.0011223344556677.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half")
    feed(spool, store, NAME, digest_of(spool.path(NAME)))
    assert files(store.folder) == [NAME]


def test_feed_keeps_the_spool_when_the_store_has_something_else(spool: Spool, store: DirectoryStore) -> None:
    write(spool, [], OTHER)
    store.put(spool.path(OTHER), NAME)

    with pytest.raises(ArchiveError, match="other content"):
        feed(spool, store, NAME, digest_of(spool.path(NAME)))
    assert spool.names() == sorted([NAME, OTHER])


def test_feed_of_what_another_worker_fed_is_no_error(spool: Spool, store: DirectoryStore) -> None:
    digest = digest_of(spool.path(NAME))
    feed(spool, store, NAME, digest)
    feed(spool, store, NAME, digest)
    assert (spool.names(), store.digest(NAME)) == ([], digest)


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(path.read_bytes()[:-1]), lambda path: flip(path)])
def test_feed_refuses_what_was_cut_or_altered_since_it_was_sealed(
    spool: Spool, store: DirectoryStore, damage: Callable[[Path], object]
) -> None:
    digest = digest_of(spool.path(NAME))
    damage(spool.path(NAME))
    with pytest.raises(ArchiveError, match="is not the file that was sealed"):
        feed(spool, store, NAME, digest)
    assert (spool.names(), store.names()) == ([NAME], [])


def flip(path: Path) -> None:
    """One bit of the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_feed_of_what_is_nowhere_is_a_sentence(spool: Spool, store: DirectoryStore) -> None:
    with pytest.raises(ArchiveError, match="No such file"):
        feed(spool, store, OTHER, "0" * 64)


def test_two_workers_may_feed_at_once(spool: Spool, store: DirectoryStore) -> None:
    expected = digest_of(spool.path(NAME))
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda _: feed(spool, store, NAME, expected), range(8)))
    assert (spool.names(), store.names(), store.digest(NAME)) == ([], [NAME], expected)


class TestDirectory:
    """What only a folder can get wrong."""

    def test_a_copy_is_synced_before_it_takes_its_name_and_every_folder_after(
        self, spool: Spool, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[str] = []
        fsync, replace = os.fsync, os.replace

        def told_fsync(handle: int) -> None:
            place = os.path.relpath(os.readlink(f"/proc/self/fd/{handle}"), store.folder)
            steps.append("part" if place.endswith(".part") else place)
            fsync(handle)

        def told_replace(source: Path, target: Path) -> None:
            steps.append("rename")
            replace(source, target)

        monkeypatch.setattr(os, "fsync", told_fsync)
        monkeypatch.setattr(os, "replace", told_replace)
        after = [NAME, "0f3a/2026/11", "0f3a/2026", "0f3a", "."]
        store.put(spool.path(NAME), NAME)
        assert steps == ["..", ".", "0f3a", "0f3a/2026", "part", "rename", *after]

        # After a crash the name may be there without being durable: the second put must not trust it.
        steps.clear()
        store.put(spool.path(NAME), NAME)
        assert steps == after

    def test_a_copy_that_does_not_read_back_never_takes_the_name(
        self, spool: Spool, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digest = digest_of(spool.path(NAME))
        fsync = os.fsync

        def bad_disk(handle: int) -> None:
            fsync(handle)
            path = Path(os.readlink(f"/proc/self/fd/{handle}"))
            if path.suffix == ".part":
                path.write_bytes(path.read_bytes()[:-1] + b"\0")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", bad_disk)
            with pytest.raises(ArchiveError, match="does not read back as written"):
                feed(spool, store, NAME, digest)
        assert files(store.folder) == []
        assert spool.names() == [NAME]

        feed(spool, store, NAME, digest)
        assert store.names() == [NAME]

    def test_what_the_rename_spoils_is_noticed_and_the_spool_stays(
        self, spool: Spool, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digest = digest_of(spool.path(NAME))
        replace = os.replace

        def bad_disk(source: Path, target: Path) -> None:
            replace(source, target)
            target.write_bytes(b"spoiled")

        monkeypatch.setattr(os, "replace", bad_disk)
        with pytest.raises(ArchiveError, match="other content"):
            feed(spool, store, NAME, digest)
        assert spool.names() == [NAME]

    @pytest.mark.parametrize("call", range(1, 11))
    def test_an_fsync_that_fails_anywhere_keeps_the_spool_and_leaves_no_part(
        self, spool: Spool, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch, call: int
    ) -> None:
        digest = digest_of(spool.path(NAME))
        fsync, calls = os.fsync, iter(range(1, 100))

        def failing(handle: int) -> None:
            if next(calls) == call:
                raise OSError(28, "No space left on device")
            fsync(handle)

        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", failing)
            with pytest.raises(ArchiveError, match=r"No space left on device\. Free some space"):
                feed(spool, store, NAME, digest)
        assert spool.names() == [NAME]
        assert [name for name in files(store.folder) if name.endswith(".part")] == []

        feed(spool, store, NAME, digest)
        assert store.names() == [NAME]

    def test_removing_destroys_half_written_copies_too(self, spool: Spool, store: DirectoryStore) -> None:
        store.put(spool.path(NAME), NAME)
        (store.folder / f"{NAME}.0011223344556677.part").write_bytes(b"half")
        assert store.names() == [NAME]

        store.remove(NAME)
        assert files(store.folder) == []
