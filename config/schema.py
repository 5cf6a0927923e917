"""The words of the policy file and their shape: one table, which the JSON Schema and the loader share."""

from typing import Any

from config.answers import ANSWER_TERM_PATTERN, CANCEL_WINDOW_PATTERN
from config.names import COLUMN_PATTERN
from config.term import TERM_PATTERN

Schema = dict[str, Any]

DATE_PATTERN = r"^\d{4}-\d{2}-\d{2}$"
TIME_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _list(items: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": items, "minItems": least}


def _named(values: Schema, least: int = 0) -> Schema:
    return {"type": "object", "additionalProperties": values, "minProperties": least}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


_TEXT, _TERM, _COLUMN, _NAMES = _ref("text"), _ref("term"), _ref("column"), _ref("names")
_LIMIT: Schema = {"type": "integer", "minimum": 0}
_COLUMNS = _list(_TEXT, least=1)
_WHERE: Schema = {"description": "a condition in SQL", **_TEXT}

DEFS: dict[str, Schema] = {
    # The loader reads every scalar as text, so `basis: 5.3` is as good as `basis: "5.3"`.
    "text": {"type": ["string", "number", "boolean"], "minLength": 1},
    "term": {"type": "string", "pattern": TERM_PATTERN},
    "column": {"type": "string", "pattern": COLUMN_PATTERN},
    "names": {"oneOf": [_TEXT, _list(_TEXT, least=1)]},
    "time": {"type": "string", "pattern": TIME_PATTERN},
    "stored": {"enum": ["UTC", "local"]},
    "floor": _object({"term": _TERM, "basis": _TEXT}),
    "subject": _object({"table": _TEXT, "key": _NAMES}, {"same person": _TEXT, "blocked": _TEXT}),
    "link": _object({"from": _COLUMN, "to": _COLUMN}, {"where": _WHERE, "only": {"const": "delays"}}),
    "conditional event": _object({"event": _COLUMN}, {"where": _WHERE}),
    "event": {"oneOf": [_COLUMN, _ref("conditional event")]},
    "hold": _object({"exists": _TEXT, "basis": _TEXT}, {"where": _WHERE}),
    "archive": _object({"term": _TERM, "basis": _TEXT}, {"why": _TEXT}),
    "files": _object({"root": _TEXT, "columns": _COLUMNS}),
    "depersonalise": {
        "type": "object",
        "properties": {"keep": _list(_TEXT)},
        "additionalProperties": _COLUMNS,
        "minProperties": 1,
    },
    "table rule": {
        **_object(
            {},
            {
                "where": _WHERE,
                "delete": {"const": "row"},
                "depersonalise": _ref("depersonalise"),
                "files": _ref("files"),
                "after": _NAMES,
            },
        ),
        "oneOf": [{"required": ["delete"]}, {"required": ["depersonalise"]}],
    },
    "table": {"oneOf": [{"const": "delete"}, _ref("table rule")]},
    "done": _object({"done": _NAMES}),
    "origin": {"oneOf": [{"const": "subject"}, _ref("event"), _ref("done")]},
    "stage": _object(
        {
            "from": {"oneOf": [_ref("origin"), _list(_ref("origin"), least=1)]},
            "term": _TERM,
            "tables": _named(_ref("table"), least=1),
        },
        {"basis": _TEXT, "archive": _ref("archive")},
    ),
    "trigger": _object({"writes": _NAMES}),
    "quota": _object({}, {"people_per_night": _LIMIT}),
    "brake": _object(
        {},
        {
            "rows_per_night": _LIMIT,
            "percent_of_table": {**_LIMIT, "maximum": 100},
            "times_recent_nights": _LIMIT,
        },
    ),
    "answer": _object({"term": {"type": "string", "pattern": ANSWER_TERM_PATTERN}, "basis": _TEXT}),
    "erasure": _object({"bases": _list(_TEXT, least=1)}),
    "requests": _object(
        {},
        {
            "cancel window": {"type": "string", "pattern": CANCEL_WINDOW_PATTERN},
            **dict.fromkeys(("erasure", "complaint", "block"), _ref("answer")),
        },
    ),
    "review": _object({}, {"holds": _TERM}),
    "window": _object({"start": _ref("time"), "end": _ref("time")}),
    "policy": _object(
        {
            "policy": _TEXT,
            "operator": _TEXT,
            "timezone": _TEXT,
            "floor": _ref("floor"),
            "subject": _ref("subject"),
            "clock": _list(_ref("event"), least=1),
            "stages": _named(_ref("stage"), least=1),
        },
        {
            "identifiers": _named(_list({"oneOf": [_COLUMN, _list(_COLUMN, least=1)]}, least=1)),
            "links": _list(_ref("link")),
            "sane from": {"type": "string", "pattern": DATE_PATTERN},
            "stored in": {
                "type": "object",
                "properties": {"default": _ref("stored")},
                "patternProperties": {COLUMN_PATTERN: _ref("stored")},
                "additionalProperties": False,
            },
            "holds": _named(_ref("hold")),
            "ignore": _named(_TEXT),
            "triggers": _named(_ref("trigger")),
            "quota": _ref("quota"),
            "brake": _ref("brake"),
            "window": _ref("window"),
            "erasure": _ref("erasure"),
            "requests": _ref("requests"),
            "allow": _list(_TEXT),
            "recipients": {"description": "who else received the people's data (clause 3.10)", **_list(_TEXT)},
            "review": _ref("review"),
        },
    ),
}

EXAMPLES = {
    "policy": "agency",
    "operator": "name of the operator",
    "timezone": "Asia/Almaty",
    "floor": "{term: 3 years, basis: clause 5.3}",
    "subject": "{table: users, key: id}",
    "clock": "[users.last_login_at]",
    "stages": "{profile: {from: subject, ...}}",
    "term": "3 years",
    "basis": "clause 5.3",
    "table": "users",
    "key": "id",
    "from": "payments.paid_at",
    "to": "users.iin",
    "event": "payments.paid_at",
    "exists": "debt_cases",
    "root": "scans",
    "columns": "[file_path]",
    "done": "[profile]",
    "tables": "{users: delete}",
    "writes": "audit_log",
    "bases": "[withdrawn consent]",
    "start": '"01:30"',
    "end": '"06:00"',
}


def json_schema() -> Schema:
    """The JSON Schema (2020-12) of the policy file, for editors and for `merzim check --schema`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "merzim policy",
        **DEFS["policy"],
        "$defs": {name: shape for name, shape in DEFS.items() if name != "policy"},
    }
