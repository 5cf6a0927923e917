"""Any rows come back as they were given, however they are cut into chunks or blocks."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.archive_segments import NAME, header, read, text_of, writer
from worker.archive.frame_reader import FrameReader
from worker.archive.spool import Spool

LOOK_ALIKES = [
    b"",
    b"\\",
    b"\\.x",
    b"\\. ",
    b" \\.",
    b"\\\\.",
    b"\\.\r",
    b".",
    b"\r",
    b"\0",
    b'{"tables":[],"sha256":""}',
]
rows = st.lists(
    st.one_of(
        st.binary(max_size=50).filter(lambda row: b"\n" not in row and row != b"\\."),
        st.text(max_size=50).map(lambda text: text.replace("\n", "").encode("utf-8", "surrogatepass")),
        st.sampled_from(LOOK_ALIKES),
        st.integers(1, 255).map(lambda seed: bytes([seed if seed != 10 else 0]) * 1_000_000),
    ).filter(lambda row: row != b"\\."),
    max_size=12,
).map(lambda found: [row + b"\n" for row in found])
tables = st.lists(
    st.tuples(
        st.text(min_size=1, max_size=8).filter(str.isprintable), st.sampled_from(["pgcopy", "json", "sealed"]), rows
    ),
    max_size=4,
)


@settings(deadline=None, max_examples=60)
@given(tables, st.integers(1, 12))
def test_what_is_sealed_comes_back(given_tables: list[tuple[str, str, list[bytes]]], together: int) -> None:
    sections = [(header(name, encoding), found) for name, encoding, found in given_tables]
    with TemporaryDirectory() as folder:
        segment = writer(spool := Spool(Path(folder)))
        for table, found in sections:
            segment.table(table)
            for start in range(0, len(found), together):
                segment.rows(b"".join(found[start : start + together]))
        sealed = segment.finish()

        assert read(spool.path(NAME)) == sections
    assert sum(sealed.rows.values()) == sum(len(found) for _, found in sections)


@settings(deadline=None)
@given(tables, st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_where_a_block_ends_does_not_matter(given_tables: list[tuple[str, str, list[bytes]]], sizes: list[int]) -> None:
    short = [(header(name, encoding), [row[-40:] for row in found]) for name, encoding, found in given_tables]
    sections = [(table, [row for row in found if row != b"\\.\n"]) for table, found in short]

    reader = FrameReader(in_pieces(text_of(sections), sizes), "The text")

    assert [(table, b"".join(blocks)) for table, blocks in reader.sections()] == [
        (table, b"".join(found)) for table, found in sections
    ]
    assert reader.counted == [(table.table, len(found)) for table, found in sections]


def in_pieces(text: bytes, sizes: list[int]) -> Callable[[int], bytes]:
    position, turn = 0, 0

    def read_piece(size: int) -> bytes:
        nonlocal position, turn
        piece = text[position : position + min(size, sizes[turn % len(sizes)])]
        position, turn = position + len(piece), turn + 1
        return piece

    return read_piece
