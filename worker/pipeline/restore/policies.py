"""The policy under which a segment was made, with the live schema that it is put back into: read once, however many
segments there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from config.catalogue import text
from config.loader import load_policy
from config.policy import Policy, Trigger
from worker.databases.facts import Schema
from worker.ledger.policies import policy_text
from worker.ledger.runs import find_run
from worker.pipeline.restore.choosing import Entry
from worker.pipeline.restore.triggers import known_triggers
from worker.pipeline.tools import Tools
from worker.plan.links import Links


@dataclass(frozen=True)
class Under:
    """A policy of the past in the present schema, with the triggers that are known by now."""

    policy: Policy
    schema: Schema
    links: Links
    triggers: Mapping[str, Trigger]


@dataclass
class Policies:
    """Finds them in the ledger."""

    tools: Tools
    _found: dict[str, Under] = field(default_factory=dict)

    def of(self, connection: sa.Connection, entry: Entry) -> Under:
        """The policy of the run that made the segment. Raises LedgerError, PolicyProblems."""
        name = find_run(connection, self.tools.ledger, entry["run_id"]).policy_hash
        if name not in self._found:
            policy = load_policy(policy_text(connection, self.tools.ledger, name), text("policy_source.run"))
            tables = [t for s in policy.stages.values() for t in s.tables]
            units = [s.origin.events[0].column.table for s in policy.stages.values() if s.origin.events]
            schema = self.tools.database.schema(connection, [policy.subject.table, *units, *tables])
            triggers = known_triggers(self.tools, policy)
            self._found[name] = Under(policy, schema, Links(policy, schema), triggers)
        return self._found[name]
