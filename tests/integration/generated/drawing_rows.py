"""Rows that Hypothesis invents for tables and a policy: old, new, absurd and missing events, orphans, twins."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from tests.integration.generated.case import Case, Column, HandHold, Key, Link, Row, Table, Value
from tests.integration.generated.drawing_policy import FLOOR, Written, moments, policies
from tests.integration.generated.drawing_tables import Drawn, seldom, tables
from tests.integration.generated.model_verdicts import ALMATY

NOWS = [
    datetime(2026, 7, 1, 1, 0, tzinfo=UTC),
    datetime(2028, 2, 28, 20, 30, tzinfo=UTC),  # 29 February in Almaty
    datetime(2026, 12, 31, 19, 30, tzinfo=UTC),  # already the next year there
    datetime(2027, 3, 1, 12, 0, tzinfo=UTC),
]
ODD = {
    "postgresql": ["infinity", "-infinity", "0044-03-15 BC", "1990-12-31", "0001-01-01", "9999-12-31"],
    "sqlite": ["05.05.2020", "", "1990-12-31", "9999-12-31", "20200505"],
}


@st.composite
def cases(draw: st.DrawFn, dialect: str) -> Case:
    """A whole case."""
    drawn = draw(tables())
    written = draw(policies(drawn))
    named = {(e.table, e.column) for e in written.clock}
    named |= {(s.event.table, s.event.column) for s in written.stages if s.event is not None}
    naive = {(t, c) for t, c in named if drawn.tables[t].column(c).kind == "moment"}
    case = Case(
        dialect,
        drawn.tables,
        written.links,
        drawn.same_person,
        drawn.blocked,
        written.clock,
        frozenset(place for place in sorted(naive) if draw(seldom)),
        written.holds,
        written.stages,
        FLOOR,
        (),
        draw(st.sampled_from(NOWS)),
    )
    rows = _rows(draw, case, drawn, written)
    return Case(**{**case.__dict__, "rows": rows, "hand": _hand(draw, case, rows)})


def _rows(draw: st.DrawFn, case: Case, drawn: Drawn, written: Written) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for place, table in enumerate(drawn.tables.values()):
        rows[table.name] = []
        for number in range(draw(st.integers(1 if place == 0 else 0, 6))):
            row = _row(draw, case, drawn, table, number)
            links = [x for x in case.links if x.source == table.name and x.target in rows and x.target != table.name]
            pointed = [_point(draw, case, link, row, rows[link.target]) for link in links]
            if all(pointed):
                rows[table.name].append(row)
    for link in case.links:  # what refers to itself, or back to a later table
        if not all(c in rows[link.source][0] for c in link.columns) if rows[link.source] else False:
            continue
        names = list(drawn.tables)
        if link.target == link.source or names.index(link.target) > names.index(link.source):
            for row in rows[link.source]:
                _point(draw, case, link, row, rows[link.target])
    return rows


def _row(draw: st.DrawFn, case: Case, drawn: Drawn, table: Table, number: int) -> Row:
    linked = {c for x in case.links if x.source == table.name for c in x.columns}
    row: Row = {}
    for column in table.columns:
        if column.name in table.key:
            row[column.name] = _key(column, number)
        elif column.name in linked:
            row[column.name] = None
        elif column in moments(table):
            row[column.name] = _moment(draw, case, column)
        elif column.name == drawn.flags.get(table.name):
            row[column.name] = draw(st.sampled_from(["yes", "no", None]))
        elif table == case.subject and column.name == drawn.blocked:
            row[column.name] = "2020-01-01 00:00:00" if draw(seldom) and draw(seldom) else None
        elif table == case.subject and column.name in drawn.shared:
            row[column.name] = draw(
                st.sampled_from(["900101300017", f"9001013{number:05}", f"9001013{number:05}", None])
            )
        else:
            row[column.name] = None if column.null and draw(seldom) else _data(column, number)
    return row


def _key(column: Column, number: int) -> Value:
    if column.kind == "int":
        return number + 1
    return str(UUID(int=number + 7)) if column.kind == "uuid" else f"k {number}" if column.kind == "text" else "к %"


def _data(column: Column, number: int) -> Value:
    if column.kind == "number":
        return number + 5
    return f"198{number}-05-06" if column.kind == "day" else f"ИИН 991231490611 #{number}"


def _point(draw: st.DrawFn, case: Case, link: Link, row: Row, targets: list[Row]) -> bool:
    """Let a row refer to one of others; False where it must and cannot. A key's own column stays."""
    null = all(case.tables[link.source].column(c).null for c in link.columns)
    if not link.declared and draw(seldom) and draw(seldom):
        kind = case.tables[link.source].column(link.columns[0]).kind
        values: Key = (99 if kind == "int" else str(UUID(int=99)) if kind == "uuid" else "nobody",)
    elif targets and not (null and draw(seldom)):
        target = draw(st.sampled_from(targets))
        values = tuple(target[c] for c in link.target_columns)
    else:
        return null
    if None in values and not null:
        return False
    row.update(zip(link.columns, values, strict=True))
    return True


def _moment(draw: st.DrawFn, case: Case, column: Column) -> Value:
    how = draw(st.sampled_from(["old"] * 9 + ["edge"] * 5 + ["new", "new", "none", "none", "odd", "future"]))
    today = case.now.astimezone(ALMATY).date()
    if how == "none" and column.null:
        return None
    if how == "odd":
        return draw(st.sampled_from(ODD[case.dialect]))
    if how == "edge":
        return _written(draw(st.sampled_from(list(_edges(case, today)))), column, case.dialect, draw)
    days = {
        "none": st.just(4000),
        "old": st.integers(3000, 8000),
        "new": st.integers(0, 300),
        "future": st.integers(-40, 0),
    }[how]
    return _written(today - timedelta(days=draw(days)), column, case.dialect, draw)


def _edges(case: Case, today: date) -> Iterator[date]:
    """Days around the last day of every term."""
    for term in {case.floor, *(s.term for s in case.stages)}:
        year = today.year - term.years
        day = date(year, 1, 1) if term.after_year else date(year, today.month, min(today.day, 28))
        yield from (day + timedelta(days=n) for n in range(-2, 4))


def _written(day: date, column: Column, dialect: str, draw: st.DrawFn) -> str:
    if column.kind == "day":
        return day.isoformat()
    hour = draw(st.sampled_from(["00:00:00", "17:59:59", "18:00:00", "18:59:59", "19:00:00", "23:59:59"]))
    return f"{day} {hour}" + ("+00" if column.kind == "instant" and dialect == "postgresql" else "")


def _hand(draw: st.DrawFn, case: Case, rows: dict[str, list[Row]]) -> tuple[HandHold, ...]:
    if not draw(seldom):
        return ()
    table = draw(st.sampled_from(list(case.tables.values())))
    if not rows[table.name] or draw(seldom):
        return (HandHold("table", table.name, None),)
    row = draw(st.sampled_from(rows[table.name]))
    key = tuple(row[c] for c in table.key)
    return (HandHold("person" if table == case.subject else "row", table.name, key),)
