"""Tables that nobody would think of: generated schemas with generated rows, for SQLite and PostgreSQL."""

import datetime as dt
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

AWKWARD = (
    *("", " ", "NULL", "\\N", "\\.", "\\", "\t", "\n", "\r\n", "'", '"', "''", "a,b", "{}", "%s", "x:y", "$1"),
    *("\u2028", "Әліби 🐎", "e\u0301", "\x07", "\ufeff", "0", "1.10", "null", "true"),
)
NAME_LETTERS = "aZ9_ \"'%:-$()[]{}?/\\Әб€."
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
TEXTS = st.sampled_from(AWKWARD) | WORDS
NAMES = st.text(NAME_LETTERS, min_size=1, max_size=8).filter(lambda n: n.strip() == n and n[0] not in "\"'")
NAMES = NAMES.filter(lambda n: "%(" not in n)  # SQLAlchemy takes it for a parameter of its own, on SQLite


def whole(bits: int) -> st.SearchStrategy[str]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1).map(str)


def cut(size: int) -> st.SearchStrategy[str]:
    return TEXTS.map(lambda t: t[:size])


def lists(elements: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    quoted = elements.map(lambda t: '"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return st.lists(st.just("NULL") | quoted, max_size=4).map(lambda parts: "{" + ",".join(parts) + "}")


def ranges(elements: st.SearchStrategy[int]) -> st.SearchStrategy[str]:
    bounds = st.tuples(elements, elements, st.sampled_from("[("), st.sampled_from("])"), st.booleans(), st.booleans())
    return st.just("empty") | bounds.map(
        lambda b: f"{b[2]}{'' if b[4] else min(b[0], b[1])},{'' if b[5] else max(b[0], b[1])}{b[3]}"
    )


def before_christ(written: str) -> str:
    """Leap years are others there."""
    return written.replace("-02-29", "-02-28") + " BC"


def single(value: float) -> str:
    return repr(struct.unpack("f", struct.pack("f", value))[0]) if math.isfinite(value) else repr(value)


DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
LATEST_BEFORE_CHRIST = dt.datetime(4000, 1, 1)  # of a year that PostgreSQL still knows
OLD_DAYS = st.dates(max_value=LATEST_BEFORE_CHRIST.date()).map(str).map(before_christ)
OLD_MOMENTS = st.datetimes(max_value=LATEST_BEFORE_CHRIST).map(str).map(before_christ)
ENDLESS = st.sampled_from(("infinity", "-infinity"))
DAYS = st.dates().map(str) | st.just("5874897-12-31") | OLD_DAYS | ENDLESS
MOMENTS = st.datetimes().map(str) | OLD_MOMENTS | ENDLESS
PARTS = st.integers(-9999, 9999)
POSTGRESQL: dict[str, st.SearchStrategy[str]] = {
    "smallint": whole(16),
    "integer": whole(32),
    "bigint": whole(64),
    "numeric": st.decimals(allow_infinity=False, places=None).map(lambda d: "NaN" if d.is_nan() else str(d)),
    "numeric(20, 5)": st.decimals(-(10**14), 10**14, places=5).map(str),
    "real": st.floats(width=32).map(single),
    "double precision": st.floats().map(repr),
    "boolean": st.sampled_from(("true", "false")),
    "text": TEXTS,
    "varchar(7)": cut(7),
    "char(7)": cut(7),
    "bytea": st.binary(max_size=20).map(lambda b: "\\x" + b.hex()),
    "date": DAYS,
    "time": st.times().map(str),
    "timestamp": MOMENTS,
    "timestamp with time zone": MOMENTS,
    "interval": st.tuples(PARTS, PARTS, PARTS).map(lambda p: f"{p[0]} months {p[1]} days {p[2]}.25 seconds"),
    "uuid": st.uuids().map(str),
    "json": DOCUMENTS.map(lambda d: json.dumps(d, indent=1)),
    "jsonb": DOCUMENTS.map(json.dumps),
    "integer[]": st.lists(st.just("NULL") | whole(32), max_size=4).map(lambda parts: "{" + ",".join(parts) + "}"),
    "text[]": lists(TEXTS),
    "int8range": ranges(st.integers(-(2**40), 2**40)),
    "numrange": ranges(st.integers(-99, 99)),
    "daterange": st.sampled_from(("empty", "(,)", "[2024-02-29,infinity]")),
    "inet": st.ip_addresses().map(str),
    "bit varying": st.text("01", max_size=9),
    "mood": st.sampled_from(("glad", "so so", "көңілді", "'")),
    "plate": st.text("0123456789AZ", min_size=1, max_size=8),
}
LITE_VALUES = (
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | TEXTS
    | st.binary(max_size=20)
    | st.binary(min_size=1, max_size=6).map(lambda b: ("text", b.replace(b"\0", b"\1")))
)
LITE_TYPES = (
    *("", "INTEGER", "REAL", "TEXT", "NUMERIC(10, 2)", "BLOB", "DATETIME", "BOOLEAN", "VARCHAR(5)", "JSON"),
    *("TEXT COLLATE NOCASE", "DATE", "no such type"),
)
KEYS: dict[str, dict[tuple[str, ...], st.SearchStrategy[tuple[Any, ...]]]] = {
    "postgresql": {
        ("bigint",): st.tuples(whole(64)),
        ("text",): st.tuples(TEXTS),
        ("uuid",): st.tuples(st.uuids().map(str)),
        ("text", "integer"): st.tuples(TEXTS, whole(32)),
        ("timestamp", "varchar(7)"): st.tuples(st.datetimes().map(str), cut(7).map(str.rstrip)),
    },
    "sqlite": {
        ("INTEGER",): st.tuples(st.integers(-(2**63), 2**63 - 1)),
        ("TEXT",): st.tuples(TEXTS),
        ("TEXT", "INTEGER"): st.tuples(TEXTS, st.integers(-(2**63), 2**63 - 1)),
    },
}


@dataclass(frozen=True)
class Generated:
    """A table: its key's types, its columns with their types, its rows (keys first, then for each row the place of the
    row that it refers to), and whether a stage deletes or empties it."""

    key: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[tuple[Any, ...], int | None, tuple[Any, ...]], ...]
    deleted: bool

    def create(self, name: str, dialect: str) -> list[str]:
        """Statements that make it."""
        keys = [f"k{i} {kind} NOT NULL" for i, kind in enumerate(self.key)]
        parents = [f"up{i} {kind}" for i, kind in enumerate(self.key)]
        columns = [f"{quoted(column)} {kind}" for column, kind in self.columns]
        names = ", ".join(f"k{i}" for i in range(len(self.key)))
        ups = ", ".join(f"up{i}" for i in range(len(self.key)))
        more = [f"PRIMARY KEY ({names})", f"FOREIGN KEY ({ups}) REFERENCES {name} ({names})"]
        person = "person_id INTEGER REFERENCES people (id)"
        text = f"CREATE TABLE {name} ({', '.join([*keys, person, *parents, *columns, *more])})"
        return [text, f"CREATE INDEX {name}_of ON {name} (person_id)", f"CREATE INDEX {name}_up ON {name} ({ups})"]

    def insert(self, name: str, dialect: str, person: int) -> list[tuple[str, list[Any]]]:
        """Statements with their values."""
        found = []
        for key, up, values in self.rows:
            parent = [None] * len(key) if up is None else list(self.rows[up][0])
            given = [*key, person, *parent, *values]
            kinds = [*self.key, "integer", *self.key, *(kind for _, kind in self.columns)]
            places = enumerate(zip(kinds, given, strict=True), start=1)
            marks = ", ".join(mark(dialect, place, kind, value) for place, (kind, value) in places)
            found.append((f"INSERT INTO {name} VALUES ({marks})", [v[1] if isinstance(v, tuple) else v for v in given]))
        return found


def mark(dialect: str, place: int, kind: str, value: Any) -> str:
    if dialect == "postgresql":
        return f"${place}::{kind}" if not isinstance(value, int) else f"${place}"
    return "CAST(? AS TEXT)" if isinstance(value, tuple) else "?"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def distinct(dialect: str, names: Sequence[str]) -> bool:
    """SQLite takes names that differ only in case for one."""
    taken = [n.lower() for n in names] + ["person_id", *(f"{p}{i}" for p in ("k", "up") for i in range(3))]
    return len(set(taken)) == len(taken)


@st.composite
def tables(draw: st.DrawFn, dialect: str) -> Generated:
    """A table with its rows."""
    key = draw(st.sampled_from(sorted(KEYS[dialect])))
    names = draw(st.lists(NAMES, min_size=1, max_size=8, unique=True).filter(lambda n: distinct(dialect, n)))
    kinds = sorted(POSTGRESQL) if dialect == "postgresql" else LITE_TYPES
    columns = tuple((name, draw(st.sampled_from(kinds))) for name in names)
    keys = draw(st.lists(KEYS[dialect][key], min_size=1, max_size=5, unique=True))
    rows = []
    for place, one in enumerate(keys):
        up = draw(st.none() | st.integers(0, place))
        values = [draw(st.none() | (POSTGRESQL[k] if dialect == "postgresql" else LITE_VALUES)) for _, k in columns]
        rows.append((one, up, tuple(values)))
    return Generated(key, columns, tuple(rows), draw(st.booleans()))
