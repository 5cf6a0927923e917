"""All that the ledger knows of a request: who decided what, and which sealed copies still hold its people and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from config.catalogue import text
from config.loader import load_policy
from config.policy import Policy
from worker.ledger.decisions import Decision, decisions_about
from worker.ledger.policies import policy_text
from worker.ledger.requests import Request, find_request, subjects_of
from worker.pipeline.tools import Tools
from worker.plan.scene import by_person


@dataclass(frozen=True)
class Copy:
    """A segment and the last day on which it is kept."""

    segment: str
    stage: str
    until: date | None


@dataclass(frozen=True)
class History:
    """A request, the policy that it was made under, and its decisions, the oldest first; `subjects`: keys by table, as
    the ledger writes them."""

    request: Request
    policy: Policy
    decisions: Sequence[Decision]
    subjects: Mapping[str, Sequence[str]]
    segments: Sequence[Copy]

    @property
    def rows(self) -> int:
        """How many rows the request names."""
        return sum(map(len, self.subjects.values()))


def history_of(connection: sa.Connection, tools: Tools, request_id: str) -> History:
    """The request's history. Raises LedgerError when there is no such request."""
    ledger = tools.ledger
    request = find_request(connection, ledger, request_id)
    subjects = subjects_of(connection, ledger, request.id)
    policy = load_policy(policy_text(connection, ledger, request.policy_hash), text("policy_source.request"))
    return History(
        request=request,
        policy=policy,
        decisions=decisions_about(connection, ledger, request.id),
        subjects={table: [key or str(number) for number, key in keys] for table, keys in subjects.items()},
        segments=_copies(connection, tools, policy, request),
    )


def _copies(connection: sa.Connection, tools: Tools, policy: Policy, request: Request) -> list[Copy]:
    """Copies that the request's own run made, and those that earlier runs made of the very rows it names."""
    entry, stone, subject = tools.ledger.entry, tools.ledger.tombstone, tools.ledger.request_subject
    columns = (entry.c.segment, entry.c.stage, entry.c.archive_until)
    made = entry.join(stone, sa.and_(*(entry.c[c] == stone.c[c] for c in ("run_id", "batch", "slice")))).join(
        subject, sa.and_(*(stone.c[c] == subject.c[c] for c in ("key_number", "key_text")))
    )
    units: dict[str, list[str]] = {}
    for name, stage in policy.stages.items():
        unit = policy.subject.table if by_person(stage.origin) else stage.origin.events[0].column.table
        units.setdefault(unit, []).append(f"{policy.name}/{name}")
    of_unit = [sa.and_(subject.c.table_name == t, stone.c.stage.in_(stages)) for t, stages in units.items()]
    earlier = sa.select(*columns).select_from(made).where(subject.c.request_id == request.id, sa.or_(*of_unit))
    own = sa.select(*columns).where(entry.c.run_id == request.run_id)
    found = sa.union(own, earlier).subquery()
    query = sa.select(found).where(found.c.segment.is_not(None))
    in_order = query.order_by(found.c.archive_until, found.c.segment)
    return [Copy(*row) for row in connection.execute(in_order)]
