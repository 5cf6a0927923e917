"""Writing: what is durable, when, and that a segment which does not read back is never believed."""

import gc
import hashlib
import os
import resource
import stat
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.archive_segments import NAME, OFFLINE, files, header, read, write, writer
from worker.archive.errors import ArchiveError
from worker.archive.format import Buffer
from worker.archive.segment import SegmentWriter
from worker.archive.spool import Spool

ROWS = [b"1\tA\\nB\n", "2\tАйгүл\n".encode(), b"\n", b"\\\\.\n", b"\\N\t\r\n"]
IIN = b"990101300123"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def test_a_segment_gives_back_its_tables_and_rows(spool: Spool) -> None:
    sections = [(header("users"), ROWS), (header("calls", "json"), []), (header("users"), [b"9\tx\n"])]

    sealed = write(spool, sections)

    content = spool.path(NAME).read_bytes()
    assert (sealed.name, sealed.bytes) == (NAME, len(content))
    assert sealed.sha256 == hashlib.sha256(content).hexdigest()
    assert sealed.rows == {"users": 6, "calls": 0}
    assert read(spool.path(NAME)) == [(table, list(rows)) for table, rows in sections]


def test_a_segment_without_tables_is_possible(spool: Spool) -> None:
    assert write(spool, []).rows == {}
    assert read(spool.path(NAME)) == []


def test_chunks_of_several_rows_and_of_the_driver_types_are_counted_by_line(spool: Spool) -> None:
    segment = writer(spool)
    segment.table(header())
    chunks: list[Buffer] = [b"1\n2\n", bytearray(b"3\n"), memoryview(b"4\n\n"), b""]
    for chunk in chunks:
        segment.rows(chunk)

    assert segment.finish().rows == {"users": 5}
    assert read(spool.path(NAME))[0][1] == [b"1\n", b"2\n", b"3\n", b"4\n", b"\n"]


def test_finish_may_run_in_another_thread_and_leaves_one_file(spool: Spool) -> None:
    segment = writer(spool)
    segment.table(header())
    segment.rows(b"1\n")
    assert files(spool.folder) == []

    with ThreadPoolExecutor(1) as other:
        other.submit(segment.finish).result()

    assert files(spool.folder) == [NAME]


def test_what_a_segment_held_is_given_back_with_it(spool: Spool) -> None:
    """Each holds a compressor of some hundred kilobytes: waiting for the collector, a night took half a gigabyte."""
    segment = writer(spool)
    segment.table(header())
    segment.rows(b"1\n")
    segment.finish()
    left = weakref.ref(segment)
    gc.disable()
    try:
        del segment
        assert left() is None
    finally:
        gc.enable()


def test_file_is_synced_before_it_takes_its_name_and_every_folder_after(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, os.replace

    def told_fsync(handle: int) -> None:
        steps.append("sync " + os.path.relpath(os.readlink(f"/proc/self/fd/{handle}"), spool.folder))
        fsync(handle)

    def told_replace(source: Path, target: Path) -> None:
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", told_fsync)
    monkeypatch.setattr(os, "replace", told_replace)
    write(spool, [])

    made = ["sync ..", "sync .", "sync 0f3a", "sync 0f3a/2026"]
    after = ["sync 0f3a/2026/11", "sync 0f3a/2026", "sync 0f3a", "sync ."]
    assert steps == [*made, f"sync {NAME}.part", "rename", *after]


def flip(at: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[at] ^= 1
        return bytes(changed)

    return change


@pytest.mark.parametrize(
    "damage",
    [flip(0), flip(60), flip(-1), lambda content: content[:-1], lambda content: content + b"\0", lambda content: b""],
    ids=["first byte", "head", "last byte", "cut", "longer", "empty"],
)
def test_what_the_disk_did_not_keep_is_noticed_and_removed(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
) -> None:
    replace = os.replace

    def bad_disk(source: Path, target: Path) -> None:
        source.write_bytes(damage(source.read_bytes()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", bad_disk)
    with pytest.raises(ArchiveError, match="is not the file that was sealed"):
        write(spool, [(header(), ROWS)])
    assert files(spool.folder) == []


@pytest.mark.parametrize(
    ("swap", "sentence"),
    [
        ((b"2\ttwo\n", b""), "the rows counted are not those"),
        ((b"2\ttwo\n", b"2\ttoo\n"), "does not have the digest"),
        ((b'{"tables"', b'{"table5"'), "neither a table's header nor the trailer"),
    ],
)
def test_the_text_is_recounted_and_digested_not_only_the_file(
    spool: Spool, swap: tuple[bytes, bytes], sentence: str
) -> None:
    """The compressor loses rows: the file is whole then, but not what was given."""
    segment = writer(spool)
    segment._frames._sink = lambda block: segment._compressor.write(block.replace(*swap))
    segment.table(header())
    segment.rows(b"1\tone\n2\ttwo\n")

    with pytest.raises(ArchiveError, match=sentence):
        segment.finish()
    assert files(spool.folder) == []


def test_a_text_changed_together_with_its_own_trailer_is_noticed(spool: Spool) -> None:
    segment, other = writer(spool), writer(spool)
    for each, rows in ((segment, b"1\n"), (other, b"2\n")):
        each.table(header())
        each.rows(rows)
    other._frames.end()
    segment._compressed, segment._compressor = other._compressed, other._compressor
    segment._frames._sink = lambda block: None

    with pytest.raises(ArchiveError, match="does not read back as it was written"):
        segment.finish()
    assert files(spool.folder) == []


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 100, 100_000], ids=["nothing", "head", "most"])
def test_a_disk_that_takes_no_more_is_a_sentence_and_leaves_nothing(spool: Spool, size: int) -> None:
    segment = writer(spool)
    segment.table(header())
    segment.rows(os.urandom(100_000).hex().encode() + b"\n")

    with (
        file_size_limit(size),
        pytest.raises(ArchiveError, match=r"Writing the segment .* failed: .*\. Check the disk"),
    ):
        segment.finish()
    assert files(spool.folder) == []


@pytest.mark.parametrize("call", [1, 2, 3, 4, 5, 6])
def test_an_fsync_that_fails_anywhere_is_a_sentence_and_leaves_nothing(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    fsync, calls = os.fsync, iter(range(1, 100))

    def failing(handle: int) -> None:
        if next(calls) == call:
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(ArchiveError, match=r"No space left on device\. Free some space"):
        write(spool, [])
    assert files(spool.folder) == []


def test_a_segment_is_never_overwritten(spool: Spool) -> None:
    write(spool, [(header(), ROWS)])
    before = spool.path(NAME).read_bytes()

    with pytest.raises(ArchiveError, match="never overwritten"):
        write(spool, [])
    assert spool.path(NAME).read_bytes() == before


def test_the_part_of_another_writer_is_left_alone(spool: Spool) -> None:
    part = spool.path(NAME).with_name(Path(NAME).name + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"theirs")

    with pytest.raises(ArchiveError, match="File exists"):
        write(spool, [])
    assert part.read_bytes() == b"theirs"


def unended_row(segment: SegmentWriter) -> None:
    segment.table(header())
    segment.rows(b"1\t" + IIN)


def row_like_an_end(segment: SegmentWriter) -> None:
    segment.table(header())
    segment.rows(IIN + b"\n\\.\n")
    segment.table(header("next"))


def first_row_like_an_end(segment: SegmentWriter) -> None:
    segment.table(header())
    segment.rows(b"\\.\n")
    segment.table(header("next"))


def unknown_encoding(segment: SegmentWriter) -> None:
    segment.table(header(encoding="csv"))


@pytest.mark.parametrize(
    ("misuse", "sentence"),
    [
        (lambda segment: segment.rows(b"1\n"), "rows came before their table's header"),
        (unended_row, "table users gave a row that does not end with LF"),
        (row_like_an_end, "a row of table users reads as the end of the table"),
        (first_row_like_an_end, "a row of table users reads as the end of the table"),
        (unknown_encoding, "table users has the encoding 'csv'; the format knows pgcopy, json, sealed"),
    ],
)
def test_what_could_not_be_read_again_is_refused_and_ends_the_segment(
    spool: Spool, misuse: Callable[[SegmentWriter], None], sentence: str
) -> None:
    segment = writer(spool)

    with pytest.raises(ArchiveError, match=sentence) as refusal:
        misuse(segment)

    assert IIN.decode() not in str(refusal.value)
    with pytest.raises(ArchiveError, match="begin another one"):
        segment.finish()
    assert files(spool.folder) == []


def test_the_header_may_not_pretend_another_format(spool: Spool) -> None:
    with pytest.raises(ArchiveError, match="must not set version, segment"):
        SegmentWriter(spool, NAME, {"version": 7, "segment": "x"}, [OFFLINE.recipient])


def test_an_abandoned_segment_leaves_nothing_and_a_finished_one_stays(spool: Spool) -> None:
    segment = writer(spool)
    segment.table(header())
    segment.abandon()
    segment.abandon()
    assert files(spool.folder) == []
    with pytest.raises(ArchiveError, match="finished or abandoned"):
        segment.rows(b"1\n")

    finished = writer(spool)
    finished.finish()
    finished.abandon()
    assert files(spool.folder) == [NAME]
    with pytest.raises(ArchiveError, match="finished or abandoned"):
        finished.finish()


@pytest.mark.parametrize("recipients", [[], ["age1nonsense"], [OFFLINE.recipient, OFFLINE.identity]])
def test_recipients_are_checked_before_the_first_row_and_never_shown(spool: Spool, recipients: list[str]) -> None:
    with pytest.raises(ArchiveError, match="recipient") as refusal:
        SegmentWriter(spool, NAME, {}, recipients)
    assert not [text for text in recipients if text in str(refusal.value)]


def test_rows_never_reach_the_disk_as_plain_text(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    replace = os.replace

    def look(source: Path, target: Path) -> None:
        seen.extend(path.read_bytes() for path in spool.folder.rglob("*") if stat.S_ISREG(path.stat().st_mode))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    write(spool, [(header(), [IIN + b"\n"])])

    assert len(seen) == 1
    assert IIN not in seen[0]
    assert b"merzim" not in seen[0]
