"""Reading: everything that is not exactly what was sealed is told, and nothing needs merzim to read."""

import hashlib
import json
import os
import shutil
import subprocess
import threading
import tracemalloc
from dataclasses import asdict
from io import BytesIO, RawIOBase
from pathlib import Path

import pytest
import zstandard
from pyrage import decrypt_file, encrypt, x25519

from tests.archive_segments import NAME, OFFLINE, header, read, sealed_text, text_of, write, writer
from worker.archive.errors import ArchiveError
from worker.archive.format import JSON, dump_line
from worker.archive.keys import identity_file, make_identity, write_secret
from worker.archive.reading import read_segment, verify_segment
from worker.archive.spool import Spool

IIN = "990101300123"
TEXT = text_of([(header(), [b"1\t" + IIN.encode() + b"\n", b"2\tx\n"])])
LINES = TEXT.splitlines(keepends=True)


def read_bytes(content: bytes) -> list[tuple[str, list[bytes]]]:
    with read_segment(BytesIO(content), [OFFLINE.identity]) as segment:
        return [(table.table, list(rows)) for table, rows in segment.sections()]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    write(spool := Spool(tmp_path), [(header(), [b"1\tx\n", b"2\ty\n"])])
    return spool


def test_the_header_tells_where_the_segment_came_from(spool: Spool) -> None:
    with spool.path(NAME).open("rb") as file, read_segment(file, [OFFLINE.identity]) as segment:
        assert segment.header == {
            "merzim": "segment",
            "version": 1,
            "segment": NAME,
            "run": "r1",
            "batch": 1,
            "slice": 2,
        }


def test_a_segment_opens_with_age_and_zstd_and_eyes(spool: Spool, tmp_path: Path) -> None:
    key = tmp_path / "offline.key"
    write_secret(key, identity_file(OFFLINE))
    path = spool.path(NAME)
    expected = [b"1\tx\n", b"2\ty\n", b"\\.\n"]

    compressed = tmp_path / "segment.zst"
    decrypt_file(str(path), str(compressed), [x25519.Identity.from_str(OFFLINE.identity)])
    text = zstandard.ZstdDecompressor().decompressobj().decompress(compressed.read_bytes())
    assert text.splitlines(keepends=True)[2:5] == expected
    assert json.loads(text.splitlines()[-1])["tables"] == [{"table": "users", "rows": 2}]

    if shutil.which("age") and shutil.which("zstd"):
        pipe = f"age -d -i '{key}' '{path}' | zstd -d"
        assert subprocess.run(["bash", "-o", "pipefail", "-c", pipe], check=True, capture_output=True).stdout == text


def test_every_altered_byte_is_detected(spool: Spool) -> None:
    content = spool.path(NAME).read_bytes()
    for at in range(len(content)):
        altered = bytearray(content)
        altered[at] ^= 0x20
        with pytest.raises(ArchiveError):
            read_bytes(bytes(altered))


def test_every_cut_is_detected(spool: Spool) -> None:
    content = spool.path(NAME).read_bytes()
    for length in range(len(content)):
        with pytest.raises(ArchiveError):
            read_bytes(content[:length])


def test_something_appended_is_detected(spool: Spool) -> None:
    with pytest.raises(ArchiveError, match="cut short or altered"):
        read_bytes(spool.path(NAME).read_bytes() + b"x")


def test_a_wrong_key_is_told_as_such(spool: Spool) -> None:
    with pytest.raises(ArchiveError, match=f"No identity given opens .*{NAME}"):
        read(spool.path(NAME), make_identity())


def test_a_text_cut_inside_the_seal_is_detected_at_every_byte() -> None:
    for length in range(len(TEXT)):
        with pytest.raises(ArchiveError):
            read_bytes(sealed_text(TEXT[:length]))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"".join(LINES[:-1]), "its trailer is missing"),
        (b"".join(LINES[:2] + LINES[3:]), "the rows counted are not those"),
        (TEXT.replace(b"2\tx", b"2\ty"), "does not have the digest"),
        (TEXT.replace(b'"version":1', b'"version":2'), "has version 2 of the format"),
        (TEXT.replace(b'"merzim":"segment"', b'"merzim":"other"'), "is not a segment of merzim"),
        (b"1\t" + IIN.encode() + b"\n", "no JSON object"),
        (TEXT + b"\n", "something stands after its trailer"),
        (b"".join([*LINES[:-1], b"3\t" + IIN.encode() + b"\n", LINES[-1]]), "no JSON object"),
        (b"".join([*LINES[:-1], b'{"what":1}\n', LINES[-1]]), "neither a table's header nor the trailer"),
        (TEXT.replace(b'"key":["id"],', b""), "a table's header lacks"),
    ],
)
def test_a_faulty_writer_is_detected_without_telling_a_row(text: bytes, sentence: str) -> None:
    with pytest.raises(ArchiveError, match=sentence) as refusal:
        read_bytes(sealed_text(text))

    error: BaseException | None = refusal.value
    while error is not None:
        assert IIN not in repr(vars(error)) + str(error)
        error = error.__cause__ or error.__context__


def test_what_is_no_zstd_is_refused() -> None:
    assert read_bytes(sealed_text(TEXT))
    with pytest.raises(ArchiveError, match="does not decompress"):
        read_bytes(encrypt(b"no zstd", [x25519.Recipient.from_str(OFFLINE.recipient)]))


def test_unknown_keys_are_ignored_and_sealed_rows_are_handed_out_as_they_stand() -> None:
    line = b'["key-1","bm9uY2U=","Y2lwaGVy"]\n'
    table = {**asdict(header(encoding="sealed")), "inside": "json", "later": 1}
    body = dump_line({"merzim": "segment", "version": 1, "segment": NAME, "later": [1]})
    body += dump_line(table) + line + b"\\.\n"
    tables: list[JSON] = [{"table": "users", "rows": 1, "later": 1}]
    trailer = dump_line({"tables": tables, "sha256": hashlib.sha256(body).hexdigest(), "later": 1})

    assert read_bytes(sealed_text(body + trailer)) == [("users", [line])]


def test_rows_not_asked_for_are_skipped_but_checked() -> None:
    with read_segment(BytesIO(sealed_text(TEXT)), [OFFLINE.identity]) as segment:
        assert [table.table for table, _ in segment.sections()] == ["users"]
    altered = sealed_text(TEXT.replace(b"2\tx", b"2\ty"))
    with (
        read_segment(BytesIO(altered), [OFFLINE.identity]) as segment,
        pytest.raises(ArchiveError, match="does not have the digest"),
    ):
        list(segment.sections())


class Counted(BytesIO):
    """Tells how much of it was taken."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        self.taken += len(block)
        return block


def test_reading_is_bounded_in_memory(tmp_path: Path) -> None:
    segment = writer(spool := Spool(tmp_path))
    segment.table(header())
    for _ in range(160):
        segment.rows(os.urandom(100_000).replace(b"\n", b"") + b"\n")
    segment.finish()
    stream = Counted(spool.path(NAME).read_bytes())
    given, ahead = 0, 0

    tracemalloc.start()
    with read_segment(stream, [OFFLINE.identity]) as opened:
        for _, rows in opened.sections():
            for row in rows:
                given += len(row)
                ahead = max(ahead, stream.taken - given)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert given > 15_000_000
    assert ahead < 2_000_000
    assert peak < 4_000_000


def test_leaving_early_ends_the_thread_and_reads_no_further() -> None:
    stream = Counted(sealed_text(text_of([(header(), [os.urandom(5_000_000).replace(b"\n", b"") + b"\n"] * 3)])))
    with read_segment(stream, [OFFLINE.identity]) as opened:
        next(opened.sections())
    assert stream.taken < 5_000_000
    assert "merzim-decrypt" not in [thread.name for thread in threading.enumerate()]


def test_verify_checks_the_digest_and_with_a_key_recounts(spool: Spool, tmp_path: Path) -> None:
    path = spool.path(NAME)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert verify_segment(path, digest) is None
    assert verify_segment(BytesIO(path.read_bytes()), digest, [OFFLINE.identity]) == {"users": 2}

    for identities in (None, [OFFLINE.identity], [make_identity().identity]):
        with pytest.raises(ArchiveError, match="is not the file that was sealed"):
            verify_segment(path, "0" * 64, identities)
    with pytest.raises(ArchiveError, match="No identity given opens"):
        verify_segment(path, digest, [make_identity().identity])
    with pytest.raises(ArchiveError, match=r"Reading the segment .*nowhere failed: No such file"):
        verify_segment(tmp_path / "nowhere", digest)


class BadDisk(RawIOBase):
    """Gives what it has and then fails, as a disk or a network does."""

    def __init__(self, content: bytes) -> None:
        self._content = BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if block := self._content.read(size):
            return block
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("length", [0, 50, 400])
@pytest.mark.parametrize("identities", [None, [OFFLINE.identity]])
def test_a_disk_that_fails_while_reading_is_a_sentence(spool: Spool, length: int, identities: list[str] | None) -> None:
    disk = BadDisk(spool.path(NAME).read_bytes()[:length])
    with pytest.raises(ArchiveError, match=r"Reading .*Input/output error"):
        verify_segment(disk, "0" * 64, identities)  # type: ignore[arg-type]  # a raw stream reads as well


@pytest.mark.parametrize("identities", [[], ["AGE-SECRET-KEY-1NONSENSE"], [OFFLINE.recipient]])
def test_identities_are_checked_and_never_shown(identities: list[str]) -> None:
    with pytest.raises(ArchiveError, match="identity") as refusal, read_segment(BytesIO(), identities):
        pass
    assert not [text for text in identities if text in str(refusal.value)]
