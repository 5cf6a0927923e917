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

from config.catalogue import text
from worker.databases.facts import TableFacts
from worker.plan.check_ground import Ground, meant, quoted

DIALECTS = {"postgresql": "postgres", "sqlite": "sqlite", "mysql": "mysql"}
_PIECE = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\W\d][\w$]*|::|--|/\*|.""", re.DOTALL)
_FORBIDDEN = {
    ";": "semicolon",
    "--": "comment",
    "/*": "comment",
    "$": "dollar",
    "\\": "backslash",
    "`": "backquote",
    ":": "placeholder",
    "'": "open_quote",
    '"': "open_quote",
    "\0": "nul",
}
_ONLY_POSTGRESQL = {"[": "square_bracket", "@": "placeholder", "?": "placeholder"}
_REFUSED: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.Query, "query"),
    (exp.DML, "statement"),
    (exp.DDL, "statement"),
    (exp.Command, "statement"),
    (exp.AggFunc, "aggregate"),
    (exp.Window, "window"),
    (exp.Placeholder, "placeholder"),
    (exp.Parameter, "placeholder"),
    (exp.Alias, "alias"),
    (exp.Star, "asterisk"),
    (exp.PropertyEQ, "assignment"),
)
"""What a condition must not hold, by its name in the catalogue's section condition_part."""


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
            ground.error(condition.path, text("check_conditions.volatile", functions=quoted(names)))
    return [c for c in conditions if not c.functions & volatile]


def unreadable_to_database(ground: Ground, condition: Condition, message: str) -> None:
    """Note that the database itself refused the condition."""
    sentence = text("check_conditions.refused", table=condition.facts.name, message=message)
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
    for path, table, where in found:
        facts = ground.table(table)
        if facts is not None and where:
            yield Condition(path, facts, where)


def read(condition: Condition, dialect: str) -> Condition:
    """The condition with the functions it calls. Raises Unreadable."""
    functions = _letter_by_letter(condition.text, dialect)
    try:
        # Inside brackets a statement is no statement any more, and a list of expressions is a tuple.
        node = sqlglot.parse_one(f"({condition.text}\n)", dialect=DIALECTS[dialect])
    except SqlglotError as error:
        raise Unreadable(_not_one(condition, _reason(error))) from None
    if not isinstance(node, exp.Paren):
        raise Unreadable(_not_one(condition, text("check_conditions.a_list")))
    for part in node.walk():
        for kind, name in _REFUSED:
            if isinstance(part, kind):
                what = text(f"condition_part.{name}")
                raise Unreadable(_not_one(condition, text("check_conditions.holds", what=what)))
    for column in node.find_all(exp.Column):
        _column(condition, column, dialect)
    return Condition(condition.path, condition.facts, condition.text, functions)


def _not_one(condition: Condition, reason: str) -> str:
    return text("check_conditions.not_one", reason=reason, table=condition.facts.name)


def _reason(error: SqlglotError) -> str:
    details = getattr(error, "errors", None)
    return str(details[0].get("description", "")) if details else text("check_conditions.unreadable")


def _letter_by_letter(condition: str, dialect: str) -> frozenset[str]:
    """Names before an opening bracket. Raises Unreadable for whatever could end the brackets around the condition."""
    forbidden = _FORBIDDEN if dialect == "postgresql" else _FORBIDDEN | _ONLY_POSTGRESQL
    depth, before, previous, functions = 0, "", "", set[str]()
    for piece in _PIECE.findall(condition):
        if piece in forbidden:
            what = text(f"condition_part.{forbidden[piece]}")
            raise Unreadable(text("check_conditions.forbidden", what=what))
        if piece.startswith("'") and previous.lower() == "e":
            raise Unreadable(text("check_conditions.backslashes"))
        depth += (piece == "(") - (piece == ")")
        if depth < 0:
            raise Unreadable(text("check_conditions.closes"))
        if piece == "(" and re.match(r'["\w]', before):
            functions.add(before.strip('"').replace('""', '"').lower())
        before, previous = before if piece.isspace() else piece, piece
    if depth:
        raise Unreadable(text("check_conditions.opens"))
    return frozenset(functions)


def _column(condition: Condition, column: exp.Column, dialect: str) -> None:
    facts, identifier = condition.facts, column.this
    if column.args.get("table") is not None:
        raise Unreadable(text("check_conditions.table", column=column.name, table=facts.name))
    live = [c.name for c in facts.table.c]
    name = column.name
    if dialect == "sqlite":
        known = name.lower() in {c.lower() for c in live}
    else:
        quoted_name = isinstance(identifier, exp.Identifier) and identifier.quoted
        known = (name if quoted_name else name.lower()) in live
    if not known:
        raise Unreadable(text("check_names.no_column", table=facts.name, column=name, advice=meant(name, live)))
