"""What must be true of a race, judged by the states that were committed and by what the archive holds."""

import json
from collections.abc import Iterator
from itertools import pairwise

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.races.circle import Circle, Row, World
from tests.integration.races.racing import Race
from tests.integration.small_operator import LATELY, Operator
from worker.archive.keys import read_identities
from worker.archive.reading import read_segment
from worker.ledger.signing import load_signing_key
from worker.ledger.verify import verify

GONE_OR_DONE = {"visits", "remarks", "letters"}


class Archive:
    """The segments of an operator, opened with the offline key, each once."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._identities = read_identities(operator.identity_file)
        self._segments = {e["attempt"]: e["segment"] for e in operator.ledger("entry")}

    def of(self, attempt: str) -> World:
        """The rows that a slice archived."""
        segment, found = self._segments[attempt], World()
        for table, row in self._rows(segment) if segment is not None else ():
            assert (table, int(row["id"] or 0)) not in found, f"{table} {row['id']} was archived twice"
            found[table, int(row["id"] or 0)] = row
        return found

    def _rows(self, segment: str) -> Iterator[tuple[str, Row]]:
        store = self._operator.tools.store
        assert store is not None
        with store.open(segment) as stream, read_segment(stream, self._identities) as opened:
            for header, rows in opened.sections():
                names = [column.name for column in header.columns]
                for line in rows:
                    yield header.table, dict(zip(names, _values(line, header.encoding), strict=True))


def _values(line: bytes, encoding: str) -> list[str | None]:
    text = line.decode().rstrip("\n")
    if encoding == "pgcopy":
        return [None if value == r"\N" else value for value in text.split("\t")]
    return [None if value is None else str(value) for value in json.loads(text)]


def broken(circle: Circle, race: Race, archive: Archive) -> Iterator[str]:
    """Which promises the race's night has broken for its circle, a sentence each."""
    landed = False
    for before, after in pairwise(race.states):
        if after.attempt is None:
            landed = True
            continue
        changed = {k: row for k, row in before.world.items() if after.world.get(k) != row}
        if changed != archive.of(after.attempt):
            yield f"{race}: what was archived is not what was changed"
        if after.world.keys() - before.world.keys():
            yield f"{race}: a slice made rows"
        if landed and not race.crossed_at_last and changed.keys() & race.spared:
            yield f"{race}: {sorted(changed.keys() & race.spared)} was touched"
        yield from (f"{race}: {orphan} is an orphan" for orphan in _orphans(after.world))


def _orphans(world: World) -> Iterator[tuple[str, int]]:
    for source, target, column in (("remarks", "visits", "visit_id"), ("visits", "people", "person_id")):
        for (table, key), row in world.items():
            if table == source and (target, int(row[column] or 0)) not in world:
                yield table, key


def undone(circle: Circle, race: Race, world: World) -> Iterator[str]:
    """What another night has left of those who are due, a sentence each."""
    if race.changed is None:
        yield f"{race}: the step did not come"
    gone = not {("people", circle.anna), ("people", circle.twin)} & world.keys()
    for (table, key), row in world.items():
        clara = circle.clara in (key, key // 10) or row.get("person_id") == str(circle.clara)
        if gone and table == "complaints":
            continue  # the application has deleted the person, and has left a complaint that leads to nobody
        if clara or (table, key) in race.spared | race.too_late or LATELY in row.values():
            continue
        if table in GONE_OR_DONE or row.get("name") or row.get("note") or circle.iin in row.values():
            yield f"{race}: {table} {key} is left as it was"


def check_ledger(operator: Operator) -> None:
    """Seals and entries are intact."""
    signing = load_signing_key((operator.folder / "sign.pem").read_bytes())
    public = signing.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with operator.tools.database.reading() as connection:
        assert verify(connection, operator.tools.ledger, [public]) == []
