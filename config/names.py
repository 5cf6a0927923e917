"""How a policy writes the names of tables and columns: parts with dots between them, as in `schema.table.column`.

A name may hold anything that the database allows, spaces, capitals and Cyrillic letters too. Only a name with a dot in
it, with blanks at an end or with a double quote at its beginning stands in double quotes, as in `crm."v1.users".iin`;
a double quote inside those is written twice, as in SQL.
"""

import re

_QUOTED, _PLAIN = r'"(?:[^"]|"")+"', r'[^\s."](?:[^.]*[^\s.])?'
NAME_PATTERN = rf"(?:{_QUOTED}|{_PLAIN})"
COLUMN_PATTERN = rf"^{NAME_PATTERN}(?:\.{NAME_PATTERN})+$"
_PART = re.compile(NAME_PATTERN)


def split_names(text: str) -> tuple[str, ...] | None:
    """The parts of a dotted name without their quotes; None if it cannot be read."""
    parts: list[str] = []
    place = 0
    while found := _PART.match(text, place):
        part = found.group()
        parts.append(part[1:-1].replace('""', '"') if part.startswith('"') else part)
        if found.end() == len(text):
            return tuple(parts)
        if text[found.end()] != ".":
            return None
        place = found.end() + 1
    return None


def join_names(*parts: str) -> str:
    """The dotted name of these parts: the one way in which it is written."""
    return ".".join(p if re.fullmatch(_PLAIN, p) else '"' + p.replace('"', '""') + '"' for p in parts)


def split_table(name: str) -> tuple[str | None, str]:
    """A table's name as (schema, table): "archive.cases" is the table cases of the schema archive."""
    parts = split_names(name)
    if parts is None or len(parts) > 2:
        return (None, name)
    return (parts[0], parts[1]) if len(parts) == 2 else (None, parts[0])


def table_name(text: str) -> str:
    """A table's name in the one way in which it is written, so that needless quotes do no harm."""
    parts = split_names(text)
    return text if parts is None else join_names(*parts)
