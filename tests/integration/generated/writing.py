"""A case as an operator would write it down: DDL, rows and a policy."""

import json
from collections.abc import Iterator

from config.names import join_names
from tests.integration.generated.case import Case, Column, Condition, Event, Link, Rule, Stage, Table, Value

POSTGRESQL = {
    "int": "BIGINT", "uuid": "UUID", "text": "TEXT", "varchar": "VARCHAR(60)", "number": "INTEGER", "day": "DATE",
    "moment": "TIMESTAMP", "instant": "TIMESTAMPTZ",
}  # fmt: skip
SQLITE = POSTGRESQL | {"int": "INTEGER", "uuid": "CHAR(36)", "instant": "TEXT"}


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def schema(case: Case) -> Iterator[str]:
    """Tables, rows, then foreign keys, so that rows may refer to each other in circles. SQLite has no ADD FOREIGN KEY,
    and does not look at keys while rows are loaded."""
    for table in case.tables.values():
        inline = [_reference(link) for link in _declared(case, table)] if case.dialect == "sqlite" else []
        parts = [*(_column(c, case.dialect) for c in table.columns), _list("PRIMARY KEY", table.key), *inline]
        yield f"CREATE TABLE {quoted(table.name)} ({', '.join(parts)})"
        for place, column in enumerate(table.columns):
            if column.kind not in ("moment", "instant", "day"):
                yield f'CREATE INDEX "{table.name.replace(chr(34), "")}_{place}" ON {quoted(table.name)} ' \
                    f"({quoted(column.name)})"  # fmt: skip
    for table in case.tables.values():
        names = ", ".join(quoted(c.name) for c in table.columns)
        for row in case.rows[table.name]:
            values = ", ".join(literal(row[c.name]) for c in table.columns)
            yield f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({values})"
    if case.dialect != "sqlite":
        for table in case.tables.values():
            for link in _declared(case, table):
                yield f"ALTER TABLE {quoted(table.name)} ADD {_reference(link)}"


def literal(value: Value) -> str:
    """A value in SQL."""
    if value is None or isinstance(value, int):
        return "NULL" if value is None else str(value)
    return "'" + value.replace("'", "''") + "'"


def _declared(case: Case, table: Table) -> list[Link]:
    return [link for link in case.links if link.declared and link.source == table.name]


def _column(column: Column, dialect: str) -> str:
    kind = (SQLITE if dialect == "sqlite" else POSTGRESQL)[column.kind]
    more = "" if column.null else " NOT NULL"
    more += " UNIQUE" if column.unique else ""
    more += f" CHECK (length({quoted(column.name)}) >= {column.least})" if column.least else ""
    return f"{quoted(column.name)} {kind}{more}"


def _list(words: str, columns: tuple[str, ...]) -> str:
    return f"{words} ({', '.join(map(quoted, columns))})"


def _reference(link: Link) -> str:
    there = _list(quoted(link.target), link.target_columns)
    return f"{_list('FOREIGN KEY', link.columns)} REFERENCES {there} {link.action}".strip()


def policy(case: Case) -> str:
    """The policy as JSON, which is YAML."""
    subject: dict[str, object] = {"table": join_names(case.subject.name), "key": list(case.subject.key)}
    subject |= {"same person": case.same_person} if case.same_person else {}
    subject |= {"blocked": case.blocked} if case.blocked else {}
    acted = {r.table for s in case.stages for r in s.rules}
    written = {
        "policy": "invented",
        "operator": "Somebody",
        "timezone": "Asia/Almaty",
        "floor": {"term": str(case.floor), "basis": "clause 5.3"},
        "subject": subject,
        "clock": [_event(e) for e in case.clock],
        "links": [_link(link) for link in case.links if not link.declared],
        "stored in": {"default": "UTC"} | {join_names(*place): "local" for place in sorted(case.local)},
        "holds": {
            f"hold {i}": {"exists": join_names(h.exists), "basis": "a law"} | _where(h.where)
            for i, h in enumerate(case.holds)
        },
        "stages": {s.name: _stage(s, case) for s in case.stages},
        "ignore": {join_names(t): "nothing personal" for t in case.tables if t not in acted},
    }
    return json.dumps({k: v for k, v in written.items() if v}, ensure_ascii=False, indent=1)


def _where(condition: Condition | None) -> dict[str, object]:
    return {} if condition is None else {"where": f"{quoted(condition.column)} = '{condition.value}'"}


def _event(event: Event) -> object:
    column = join_names(event.table, event.column)
    return column if event.where is None else {"event": column} | _where(event.where)


def _link(link: Link) -> dict[str, object]:
    ends = {
        "from": join_names(link.source, *link.columns),
        "to": join_names(link.target, *link.target_columns),
    }
    return ends | ({"only": "delays"} if link.delays else {}) | _where(link.where)


def _stage(stage: Stage, case: Case) -> dict[str, object]:
    origin: object = "subject"
    if stage.event is not None:
        origin = [_event(stage.event), *(["subject"] if stage.subject else [])]
    copy = {"archive": {"term": "30 days", "basis": "clause 3.4"}} if stage.archive else {}
    rules = {join_names(r.table): _rule(r, case) for r in stage.rules}
    return {"from": origin, "term": str(stage.term), "basis": "a law", **copy, "tables": rules}


def _rule(rule: Rule, case: Case) -> dict[str, object]:
    if rule.treated is None:
        return {"delete": "row"} | _where(rule.where)
    columns: dict[str, list[str]] = {"keep": []}
    for column in case.tables[rule.table].columns:
        columns.setdefault(rule.treated.get(column.name, "keep"), []).append(column.name)
    return {"depersonalise": columns} | _where(rule.where)
