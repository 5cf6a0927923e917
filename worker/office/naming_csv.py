"""Many people from one CSV file: every bad row at once, by its line, never by what stands in it."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.keys import KeyCodec
from worker.office.kin import portions, with_twins
from worker.office.naming import Named, together
from worker.office.searching import Place, Wanted, find_places, read_identifier
from worker.pipeline.tools import Refused
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.scene import Scene

BIGGEST = 1 << 63  # of a database's integers
KEY, IDENTIFIER = "key", "identifier"


@dataclass(frozen=True)
class Line:
    """A row of the file: where it begins, and what stands in its only column."""

    number: int
    value: str


def named_by_csv(connection: sa.Connection, scene: Scene, path: Path) -> Named:
    """Everybody in the file, whose first line says what its column holds: key or identifier. Raises Refused with every
    bad line, when there is one."""
    heading, lines = _read(path)
    problems: dict[int, str] = {}
    if heading == KEY:
        found = _by_key(connection, scene, lines, problems)
    else:
        found = _by_identifier(connection, scene, lines, problems)
    _twice(found, problems)
    if problems:
        said = "\n".join(text("naming_csv.line", line=str(n), problem=problems[n]) for n in sorted(problems))
        raise Refused(text("naming_csv.refused", n=len(problems), file=path.name, problems=said))
    return together(scene, [place for _, place in found])


def _read(path: Path) -> tuple[str, list[Line]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(_lines(file))
    except OSError as error:
        raise Refused(text("naming_csv.unreadable", file=path.name, reason=error.strerror)) from None
    except (UnicodeDecodeError, csv.Error):
        raise Refused(text("naming_csv.no_csv", file=path.name)) from None
    heading = lines[0].value.casefold() if lines else ""
    if heading not in (KEY, IDENTIFIER):
        raise Refused(text("naming_csv.no_heading", file=path.name))
    if len(lines) == 1:
        raise Refused(text("naming_csv.empty", file=path.name))
    return heading, lines[1:]


def _lines(file: Iterator[str]) -> Iterator[Line]:
    reader, before = csv.reader(file, strict=True), 0
    for row in reader:
        if any(cell.strip() for cell in row):
            yield Line(before + 1, row[0].strip() if len(row) == 1 else "")
        before = reader.line_num


def _by_key(
    connection: sa.Connection, scene: Scene, lines: Sequence[Line], problems: dict[int, str]
) -> list[tuple[int, Place]]:
    facts = scene.schema.tables[scene.subject]
    columns = [facts.table.c[c] for c in facts.key]
    codec = KeyCodec.of(columns)
    keys: dict[int, Key] = {}
    for line in lines:
        parts = line.value.split(",") if len(columns) > 1 else [line.value]
        key = _key(codec, parts)
        if key is None:
            problems[line.number] = text("naming_csv.no_key")
        else:
            keys[line.number] = key
    wanted = list(dict.fromkeys(keys.values()))
    there = {
        tuple(row)
        for portion in portions(wanted)
        for row in connection.execute(sa.select(*columns).where(key_in(columns, bare(portion))))
    }
    problems |= {number: text("naming_csv.nobody") for number, key in keys.items() if key not in there}
    twins = with_twins(connection, scene, [key for key in wanted if key in there])
    return [(number, Place(scene.subject, twins[key], ())) for number, key in keys.items() if key in there]


def _key(codec: KeyCodec, parts: Sequence[str]) -> Key | None:
    """The key, if it is written as the ledger writes it: what Python also takes for a number (1_0) is none."""
    try:
        key = codec.from_json(parts)
        again = [str(part) for part in codec.to_json(key)]
    except ValueError:
        return None
    sizes = [part for part in key if isinstance(part, int) and not -BIGGEST <= part < BIGGEST]
    return None if sizes or [a.casefold() for a in again] != [p.strip().casefold() for p in parts] else key


def _by_identifier(
    connection: sa.Connection, scene: Scene, lines: Sequence[Line], problems: dict[int, str]
) -> list[tuple[int, Place]]:
    wanted: dict[int, Wanted] = {}
    for line in lines:
        try:
            wanted[line.number] = read_identifier(line.value)
        except Refused:
            problems[line.number] = text("naming_csv.no_identifier")
    found = []
    for number, places in zip(wanted, find_places(connection, scene, list(wanted.values())), strict=True):
        if len(places) == 1:
            found.append((number, places[0]))
        else:
            problems[number] = text("naming_csv.several" if places else "naming_csv.nobody")
    return found


def _twice(found: Sequence[tuple[int, Place]], problems: dict[int, str]) -> None:
    first: dict[tuple[str, tuple[Key, ...]], int] = {}
    for number, place in found:
        earlier = first.setdefault((place.table, place.keys), number)
        if earlier != number:
            problems[number] = text("naming_csv.twice", line=str(earlier))
