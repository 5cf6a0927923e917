"""The fingerprint of a plan: what an approval approves (DESIGN "Fingerprint")."""

import hashlib
import json
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii

from worker.databases.facts import Schema
from worker.plan.result import Key, Plan, StageOutcome


def fingerprint(plan: Plan, schema: Schema) -> str:
    """16 hex digits over policy, schema facts, cut-off dates and the due keys, in an order that only they decide."""
    digest = hashlib.sha256()
    digest.update(json.dumps([plan.policy, plan.policy_hash, schema.digest(), sorted(plan.stopped)]).encode())
    for stage in plan.stages:
        digest.update(json.dumps([stage.stage, stage.cutoff.isoformat(), len(stage.due)]).encode())
        for key in sorted(stage.due, key=repr):
            digest.update(_written(key).encode())
    return digest.hexdigest()[:16]


def _written(key: Key) -> str:
    """The key's parts as a JSON array of texts, without what making an encoder for each of many keys would cost."""
    return f"[{', '.join(encode_basestring_ascii(str(part)) for part in key)}]"


def added(stage: StageOutcome, approved: Iterable[Key]) -> set[Key]:
    """Keys that are due now and were not approved: any makes the approval void."""
    return set(stage.due) - set(approved)
