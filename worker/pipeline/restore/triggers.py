"""Triggers that fire while rows are put back: only those that the policy names, and only where it says that they write.

They fire in a try too, and what they wrote is rolled back with it. What a trigger does outside of the database cannot
be seen: one that nobody named may do anything, so it is refused before a row is touched.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from config.catalogue import text
from config.loader import read_policy
from config.names import join_names, split_table
from config.policy import Policy, Trigger
from config.problems import PolicyProblems
from worker.databases.constraints import rows_written
from worker.pipeline.restore.loading import Loaded
from worker.pipeline.tools import Refused, Tools


def known_triggers(tools: Tools, policy: Policy) -> dict[str, Trigger]:
    """Triggers that the run's policy names, or the configured one by now."""
    found = dict(policy.triggers)
    if tools.policy_file is not None:
        try:
            found |= read_policy(tools.policy_file).triggers
        except (PolicyProblems, OSError):
            return found  # `check` says what is wrong with it
    return found


def unnamed(tables: Iterable[Loaded], known: Collection[str]) -> list[str]:
    """Why some of the tables must not be written to."""
    found = []
    for one in tables:
        facts = one.facts
        names = sorted({*facts.triggers} - {*known}) if facts else []
        if names:
            found.append(text("restoring.unnamed_trigger", n=len(names), table=one.name, triggers=", ".join(names)))
        if facts and facts.rules:
            found.append(text("restoring.rule", table=one.name, rules=", ".join(facts.rules)))
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Watch:
    """Sees how many rows a transaction writes from now on, and where."""

    connection: sa.Connection
    tools: Tools
    before: Mapping[tuple[str | None, str], int]

    @classmethod
    def begin(cls, connection: sa.Connection, tools: Tools) -> "Watch":
        """From now on."""
        return cls(connection, tools, rows_written(connection))

    def beside(self, ours: Mapping[str, int], tables: Sequence[Loaded], known: Mapping[str, Trigger]) -> dict[str, int]:
        """Rows written by triggers, by table (SQLite: by all the tables that they may write to); `ours` are the rows
        that we wrote. Raises Refused where a trigger wrote to a table that the policy does not name with it."""
        firing = {name for one in tables if one.facts for name in one.facts.triggers if name in known}
        allowed = {table for name in firing for table in known[name].writes}
        if firing and self.tools.database.dialect == "mysql":
            raise Refused(text("restoring.unseen_triggers", triggers=", ".join(sorted(firing))))
        more = self._more(ours, ", ".join(sorted(allowed)))
        strangers = sorted(set(more) - allowed) if self.tools.database.dialect != "sqlite" else []
        if strangers or (more and not allowed):
            values = {
                "triggers": ", ".join(sorted(firing)),
                "tables": ", ".join(strangers) or text("restoring.some_table"),
            }
            raise Refused(text("restoring.trigger_writes", **values))
        return more

    def _more(self, ours: Mapping[str, int], allowed: str) -> dict[str, int]:
        now = rows_written(self.connection)
        if self.tools.database.dialect == "sqlite":
            more = now[None, ""] - self.before[None, ""] - sum(ours.values())
            return {allowed: more} if more else {}
        expected = {split_table(table): n for table, n in ours.items()}
        found = {}
        for (schema, table), n in now.items():
            more = n - self.before.get((schema, table), 0) - expected.get((schema, table), 0)
            if more > 0 and schema != self.tools.ledger.schema:
                found[join_names(*([schema] if schema else []), table)] = more
        return found
