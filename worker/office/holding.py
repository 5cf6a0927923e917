"""Holds by hand: under the gate, so that nothing held is touched once the command has returned (DESIGN, step 3)."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from config.problems import did_you_mean
from worker.databases.facts import TableFacts
from worker.ledger.holds import Hold, Scope, place
from worker.ledger.keys import KeyCodec
from worker.pipeline.tools import Refused, Tools, utc_now


def place_hold(
    tools: Tools,
    policy: Policy,
    scope: Scope,
    table: str | None,
    key: str | None,
    reason: str,
    author: str,
    until: date | None,
) -> str:
    """Place a hold and return its id; it is committed. Waits for open slices, up to half a minute.

    Raises Refused for a table or row that is not there, PersonalText for a reason that looks personal.
    """
    name = table or policy.subject.table
    with tools.database.writing(lock_seconds=30) as connection:
        schema = tools.database.schema(connection, [name])
        facts = schema.tables.get(name)
        if facts is None:
            raise Refused(text("refuses.no_table", table=name, advice=did_you_mean(name, schema.tables)))
        key_number, key_text = 0, ""
        if key is not None:
            codec = KeyCodec.of([facts.column(c) for c in facts.key])
            key_number, key_text = codec.columns_of(existing_key(connection, facts, key))
        return place(
            connection,
            tools.ledger,
            Hold(
                scope=scope,
                table_name=name,
                reason=reason,
                author=author,
                placed_at=utc_now(),
                key_number=key_number,
                key_text=key_text,
                ends_at=_end(policy, until),
            ),
        )


def existing_key(connection: sa.Connection, facts: TableFacts, key: str) -> tuple[Any, ...]:
    """The key as the database has it, from text; parts of a composite key are separated by commas. Raises Refused."""
    parts = key.split(",") if len(facts.key) > 1 else [key]
    columns = [facts.column(c) for c in facts.key]
    if len(parts) != len(columns):
        raise Refused(text("refuses.key_parts", n=len(columns), table=facts.name, key=", ".join(facts.key)))
    for given in (parts, [p.strip() for p in parts]):  # a blank may be part of a key
        tests = [sa.cast(c, sa.Text()) == p for c, p in zip(columns, given, strict=True)]
        if row := connection.execute(sa.select(*columns).where(*tests)).first():
            return tuple(row)
    raise Refused(text("refuses.no_row", table=facts.name))


def key_named(connection: sa.Connection, facts: TableFacts, key: str) -> tuple[Any, ...]:
    """The key from text, also of a row that is no longer there. Raises Refused for a text that can be no key of it."""
    try:
        return existing_key(connection, facts, key)
    except Refused:
        parts = key.split(",") if len(facts.key) > 1 else [key]
        codec = KeyCodec.of([facts.column(c) for c in facts.key])
        if len(parts) != len(facts.key):
            raise
        try:
            return codec.from_json([part.strip() for part in parts])
        except ValueError:
            raise Refused(text("refuses.no_row", table=facts.name)) from None


def _end(policy: Policy, until: date | None) -> datetime | None:
    """The end of the last day, in the operator's zone, as naive UTC."""
    if until is None:
        return None
    end = datetime.combine(until + timedelta(days=1), time(), ZoneInfo(policy.timezone))
    return end.astimezone(UTC).replace(tzinfo=None)
