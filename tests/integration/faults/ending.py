"""What a night or a purge left behind, all of it: to be compared with what an undisturbed one leaves."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.integration.faults.scene import Scene
from tests.integration.small_operator import Operator
from worker.archive.keys import read_identities
from worker.archive.reading import read_segment
from worker.ledger.signing import load_signing_key, public_pem
from worker.ledger.verify import verify
from worker.plan.treatments import columns_of

TABLES = ("people", "orders", "lines", "scans", "payments")
Rows = dict[str, dict[int, dict[str, Any]]]


@dataclass(frozen=True)
class Ending:
    """Rows with made-up values told as whose they are, so that endings can be compared; work done by stage, table and
    operation; tombstones; how often each row is in segments that have an entry; files."""

    rows: Rows
    work: Counter[tuple[str, str, str]]
    tombstones: frozenset[tuple[Any, ...]]
    archived: Counter[tuple[str, str, Any]]
    files: tuple[str, ...]
    requests: tuple[str, ...]

    def differences(self, other: "Ending") -> list[str]:
        """What differs, in words for whoever reads a failed test."""
        found = [name for name in vars(self) if name != "rows" and getattr(self, name) != getattr(other, name)]
        for table, rows in self.rows.items():
            theirs = other.rows[table]
            found += [f"{table} {key}" for key in rows.keys() | theirs.keys() if rows.get(key) != theirs.get(key)]
        return found


def ending_of(scene: Scene, before: Rows) -> Ending:
    """Read everything. `before`: the rows as they were before the night."""
    operator = scene.operator
    work: Counter[tuple[str, str, str]] = Counter()
    for entry in operator.ledger("entry"):
        for table, by in json.loads(entry["counts"])["tables"].items():
            for operation, rows in by.items():
                work[entry["stage"], table, operation] += rows
    stones = frozenset(
        (t["stage"], t["key_number"], t["key_text"], t["clock"], t["remains"]) for t in operator.ledger("tombstone")
    )
    files = sorted(path.name for path in operator.scans.iterdir())
    requests = tuple(r["state"] for r in operator.ledger("request"))
    rows = _told(operator, rows_of(operator), before)
    return Ending(rows, work, stones, _archived(operator), tuple(files), requests)


def rows_of(operator: Operator) -> Rows:
    """Every row of the operator by table and id."""
    found: Rows = {}
    with operator.tools.database.reading() as connection:
        tables = operator.tools.database.schema(connection, []).tables
        for name in TABLES:
            rows = connection.execute(tables[name].table.select()).mappings()
            found[name] = {row["id"]: dict(row) for row in rows}
    return found


def _told(operator: Operator, rows: Rows, before: Rows) -> Rows:
    """An invented value that looks done becomes "invented for 7"; one that follows it, the same words."""
    strategies = {
        column.name: column.bound
        for column in columns_of(operator.policy, operator.policy.stages["profile"].tables["people"])
        if column.bound.strategy.name.startswith("synthetic")
    }
    words: dict[Any, str] = {}
    for key, row in rows["people"].items():
        for name, bound in strategies.items():
            if row[name] != before["people"][key][name] and bound.strategy.is_done(row[name], bound.argument):
                words[row[name]] = f"invented for {key}"
    return {
        table: {key: {name: words.get(value, value) for name, value in row.items()} for key, row in each.items()}
        for table, each in rows.items()
    }


def _archived(operator: Operator) -> Counter[tuple[str, str, Any]]:
    identities, store = read_identities(operator.identity_file), operator.tools.store
    assert store is not None
    found: Counter[tuple[str, str, Any]] = Counter()
    for entry in operator.ledger("entry"):
        if entry["segment"] is None:
            continue
        with store.open(entry["segment"]) as stream, read_segment(stream, identities) as segment:
            for header, rows in segment.sections():
                at = [column.name for column in header.columns].index("id")
                for row in rows:
                    words = row.decode().rstrip("\n")
                    key = json.loads(words)[at] if header.encoding == "json" else words.split("\t")[at]
                    found[entry["stage"], header.table, str(key)] += 1
    return found


def wrongs_of(scene: Scene) -> list[str]:
    """What is wrong with an ending by itself."""
    operator = scene.operator
    tools = operator.tools
    assert tools.spool is not None
    assert tools.store is not None
    public = public_pem(load_signing_key((operator.folder / "sign.pem").read_bytes()))
    with tools.database.reading() as connection:
        wrongs = verify(connection, tools.ledger, [public])
    committed = {e["segment"] for e in operator.ledger("entry") if e["segment"]}
    checks = {
        "the spool is not empty": [*tools.spool.names(), *tools.spool.unfinished()],
        "segments in the store without an entry": set(tools.store.names()) - committed,
        "segments missing from the store": committed - set(tools.store.names()),
        "half-written files": [p.name for p in operator.folder.rglob("*.part")],
        "files wait": operator.ledger("outbox"),
        "open runs": [r for r in operator.ledger("run") if r["state"] == "open"],
    }
    return wrongs + [f"{name}: {found}" for name, found in checks.items() if found]
