"""The policy's conditions: each must be one true-or-false expression over the columns of its own table.

Conditions become part of merzim's own statements, so they are read three times: letter by letter (nothing may leave
its brackets), by a parser (nothing but an expression), and last by the database itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from worker.databases.facts import TableFacts
from worker.plan.check_ground import Ground, meant, quoted

DIALECTS = {"postgresql": "postgres", "sqlite": "sqlite"}
_PIECE = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\W\d][\w$]*|::|--|/\*|.""", re.DOTALL)
_FORBIDDEN = {
    ";": "a semicolon",
    "--": "a comment",
    "/*": "a comment",
    "$": "a dollar sign",
    "\\": "a backslash",
    "`": "a backquote",
    ":": "a placeholder",
    "'": "a quote that is not closed",
    '"': "a quote that is not closed",
    "\0": "a NUL character",
}
_ONLY_POSTGRESQL = {"[": "a square bracket", "@": "a placeholder", "?": "a placeholder"}
_REFUSED: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.Query, "a query"),
    (exp.DML, "a statement"),
    (exp.DDL, "a statement"),
    (exp.Command, "a statement"),
    (exp.AggFunc, "an aggregate"),
    (exp.Window, "a window function"),
    (exp.Placeholder, "a placeholder"),
    (exp.Parameter, "a placeholder"),
    (exp.Alias, "an alias"),
    (exp.Star, "an asterisk"),
    (exp.PropertyEQ, "an assignment"),
)


@dataclass(frozen=True)
class Condition:
    """A condition that could be read; `functions` are the names that it calls, in lower case."""

    path: str
    facts: TableFacts
    text: str
    functions: frozenset[str] = frozenset()


class Unreadable(Exception):
    """The text is no condition; the message is what stands in a sentence after it."""


def check_conditions(ground: Ground) -> list[Condition]:
    """Problems of every condition of the policy; returns those that the database may be asked about."""
    readable = []
    for condition in _conditions(ground):
        try:
            readable.append(read(condition, ground.schema.dialect))
        except Unreadable as error:
            ground.error(condition.path, str(error))
    return readable


def refuse_volatile(ground: Ground, conditions: list[Condition], volatile: set[str]) -> list[Condition]:
    """Problems of conditions that call a function which may write or change its mind; returns the others."""
    for condition in conditions:
        if names := sorted(condition.functions & volatile):
            sentence = f"the condition calls {quoted(names)}, which may write or give another answer each time"
            ground.error(condition.path, f"{sentence}; write it without")
    return [c for c in conditions if not c.functions & volatile]


def unreadable_to_database(ground: Ground, condition: Condition, message: str) -> None:
    """Note that the database itself refused the condition."""
    sentence = f"the database cannot read this condition over `{condition.facts.name}`: {message}; correct it"
    ground.error(condition.path, sentence)


def _conditions(ground: Ground) -> Iterator[Condition]:
    policy = ground.policy
    found = [
        *((f"clock[{i}].where", e.column.table, e.where) for i, e in enumerate(policy.clock)),
        *((f"links[{i}].where", link.source.table, link.where) for i, link in enumerate(policy.links)),
        *((f"holds.{name}.where", hold.exists, hold.where) for name, hold in policy.holds.items()),
        *((f"stages.{s.name}.from", e.column.table, e.where) for s in policy.stages.values() for e in s.origin.events),
        *((f"{rule.path}.where", rule.table, rule.rule.where) for rule in ground.rules),
    ]
    for path, table, text in found:
        facts = ground.table(table)
        if facts is not None and text:
            yield Condition(path, facts, text)


def read(condition: Condition, dialect: str) -> Condition:
    """The condition with the functions it calls. Raises Unreadable."""
    functions = _letter_by_letter(condition.text, dialect)
    try:
        # Inside brackets a statement is no statement any more, and a list of expressions is a tuple.
        node = sqlglot.parse_one(f"({condition.text}\n)", dialect=DIALECTS[dialect])
    except SqlglotError as error:
        raise Unreadable(_not_one(condition, _reason(error))) from None
    if not isinstance(node, exp.Paren):
        raise Unreadable(_not_one(condition, "it is a query or a list"))
    for part in node.walk():
        for kind, word in _REFUSED:
            if isinstance(part, kind):
                raise Unreadable(_not_one(condition, f"it holds {word}"))
    for column in node.find_all(exp.Column):
        _column(condition, column, dialect)
    return Condition(condition.path, condition.facts, condition.text, functions)


def _not_one(condition: Condition, reason: str) -> str:
    return (
        f"this is not one SQL condition ({reason}); write a single true-or-false expression "
        f"over the columns of `{condition.facts.name}`"
    )


def _reason(error: SqlglotError) -> str:
    details = getattr(error, "errors", None)
    return str(details[0].get("description", "")) if details else "it cannot be read"


def _letter_by_letter(text: str, dialect: str) -> frozenset[str]:
    """Names before an opening bracket. Raises Unreadable for whatever could end the brackets around the condition."""
    forbidden = _FORBIDDEN if dialect == "postgresql" else _FORBIDDEN | _ONLY_POSTGRESQL
    depth, before, previous, functions = 0, "", "", set[str]()
    for piece in _PIECE.findall(text):
        if piece in forbidden:
            raise Unreadable(f"the condition holds {forbidden[piece]}; write a plain expression without it")
        if piece.startswith("'") and previous.lower() == "e":
            raise Unreadable("the condition holds a text with backslashes (E'...'); write it as a plain text")
        depth += (piece == "(") - (piece == ")")
        if depth < 0:
            raise Unreadable("the condition closes a bracket that it has not opened; remove the bracket")
        if piece == "(" and re.match(r'["\w]', before):
            functions.add(before.strip('"').replace('""', '"').lower())
        before, previous = before if piece.isspace() else piece, piece
    if depth:
        raise Unreadable("the condition opens a bracket and does not close it; close it")
    return frozenset(functions)


def _column(condition: Condition, column: exp.Column, dialect: str) -> None:
    facts, identifier = condition.facts, column.this
    if column.args.get("table") is not None:
        raise Unreadable(f"the condition names a table; write the column `{column.name}` of `{facts.name}` alone")
    live = [c.name for c in facts.table.c]
    name = column.name
    if dialect == "sqlite":
        known = name.lower() in {c.lower() for c in live}
    else:
        quoted_name = isinstance(identifier, exp.Identifier) and identifier.quoted
        known = (name if quoted_name else name.lower()) in live
    if not known:
        raise Unreadable(f"table `{facts.name}` has no column `{name}`; {meant(name, live)}")
