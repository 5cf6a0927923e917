"""The search for what is left of people whose night has come: database, logs, reports, ledger, files, file names."""

import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from shutil import which

from tests.acceptance.fates import KEPT, Fate
from tests.acceptance.filler import Row
from tests.acceptance.operator_database import TABLES, OperatorDatabase

# Where identifiers stand in the operator's database.
IDENTIFIERS = {
    "users": ("iin", "email", "phone_mobile", "phone_home", "phone_work"),
    "registration_forms": ("iin", "email", "phone_mobile", "phone_home", "phone_work"),
    "feedback_messages": ("email", "phone"),
    "complaints": ("iin",),
    "debt_cases": ("iin",),
    "case_parties": ("iin", "phone"),
    "payments": ("payer_iin",),
    "contact_attempts": ("phone_dialled",),
    "call_recordings": ("phone",),
    "messages_out": ("address",),
    "marketing_subscribers": ("email", "phone"),
}
# Identifiers in free text that no column holds: third persons' telephones and other ways to write one's own.
IN_TEXT = {"textual": ("8 (705) 333-22-11", "8 (705) 333-22-12", "７７０７２４４１０９６０", "68.TEXTUAL@MAIL.KZ")}

Needles = dict[str, set[str]]  # spelling → the people whose it is


def needles(rows: Iterable[Row], fates: Mapping[tuple[str, int], Fate]) -> Needles:
    """Every identifier in the rows that were acted on, as written and digits only, with everybody whose it is."""
    rows = list(rows)
    owners: Needles = {}
    for row in rows:
        for spelling in _identifiers(row):
            owners.setdefault(spelling, set()).add(row.person)
    acted_on = {p for p, f in fates.items() if f.word in ("deleted", "depersonalised")}
    wanted = {s for r in rows if (r.table, r.key) in acted_on for s in _identifiers(r)}
    found = {s: owners[s] for s in wanted}
    for person, spellings in IN_TEXT.items():
        if any(r.person == person and (r.table, r.key) in acted_on for r in rows):
            found |= {s: {person} for s in spellings}
    return found


def _identifiers(row: Row) -> set[str]:
    found = set()
    for column in IDENTIFIERS.get(row.table, ()):
        value = row.values[column]
        if isinstance(value, str):
            found.add(value)
            if column != "email" and "@" not in value:
                digits = re.sub(r"\D", "", value)
                found |= {digits, digits[-10:] if len(digits) == 11 else digits}
    return found


def residue(database: OperatorDatabase, said: list[str], wanted: Needles) -> list[str]:
    """Every place where an identifier stands and kept.csv does not list it."""
    database.vacuum()
    found, expected = _in_cells(database, wanted)
    found += _in_dump(database, wanted, expected)
    texts = {"what the commands said": "\n".join(said), **_texts(database.folder)}
    found += [f"{who} in {place}" for place, text in texts.items() for n, who in _hits(text, wanted) if n]
    return sorted(set(found))


def _hits(text: str, wanted: Needles) -> Iterable[tuple[str, str]]:
    return ((n, "/".join(sorted(people))) for n, people in wanted.items() if n in text)


def _in_cells(database: OperatorDatabase, wanted: Needles) -> tuple[list[str], dict[str, int]]:
    """Cells that hold one; and how often each stands where it may."""
    found: list[str] = []
    allowed: dict[str, int] = {}
    for table in (*TABLES, *database.ledger_tables()):
        for row in database.cells(table):
            for column, cell in row.items():
                for needle, who in _hits(cell or "", wanted):
                    if any((person, table, column) in KEPT for person in wanted[needle]):
                        allowed[needle] = allowed.get(needle, 0) + (cell or "").count(needle)
                    else:
                        found.append(f"{who} in {table}.{column}")
    return found, allowed


def _in_dump(database: OperatorDatabase, wanted: Needles, allowed: Mapping[str, int]) -> list[str]:
    """SQLite: the file's bytes, for what may stand nowhere. PostgreSQL: pg_dump's text, counted."""
    if database.url is None:
        files = [f.read_bytes() for f in database.folder.glob("agency.db*")]
        return [
            f"{'/'.join(sorted(people))} in the file's bytes"
            for needle, people in wanted.items()
            if needle not in allowed and any(needle.encode() in content for content in files)
        ]
    if which("pg_dump") is None:
        return []  # every column of every table was read above: the dump is the same text once more
    done = subprocess.run(["pg_dump", database.url], capture_output=True, text=True)
    if "server version mismatch" in done.stderr:
        return []  # the same: an older pg_dump than the server cannot read it
    assert done.returncode == 0, done.stderr
    dump = done.stdout
    return [
        f"{'/'.join(sorted(people))} in pg_dump"
        for needle, people in wanted.items()
        if dump.count(needle) != allowed.get(needle, 0)
    ]


def _texts(folder: Path) -> dict[str, str]:
    """Everything that merzim wrote beside the database, and the names of all files. Segments are sealed."""
    found: dict[str, str] = {}
    for file in folder.rglob("*"):
        name = str(file.relative_to(folder))
        if file.is_file() and not name.startswith(("files/", "agency.db")):
            found[f"the file {file.suffix}"] = found.get(f"the file {file.suffix}", "") + name
            if not name.endswith(".age"):
                found[name] = file.read_text("utf-8", errors="replace")
    return found
