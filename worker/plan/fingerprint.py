"""The fingerprint of a plan: what an approval approves (DESIGN "Fingerprint")."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring_ascii

from worker.databases.facts import Schema
from worker.plan.keys import Key, Keys
from worker.plan.result import Plan, StageOutcome

BEGINNING = 4


def fingerprint(plan: Plan, schema: Schema) -> str:
    """16 hex digits over policy, schema facts, cut-off dates and the due keys, in an order that only they decide."""
    digest = hashlib.sha256()
    digest.update(json.dumps([plan.policy, plan.policy_hash, schema.digest(), sorted(plan.stopped)]).encode())
    for stage in plan.stages:
        digest.update(json.dumps([stage.stage, stage.cutoff.isoformat(), len(stage.due)]).encode())
        for key in _in_order(stage.due):
            digest.update(_written(key).encode())
    return digest.hexdigest()[:16]


def _in_order(keys: Iterable[Key]) -> Iterator[Key]:
    """By their text, those with one beginning at a time: the texts of ten million keys would take a gigabyte."""
    alike: defaultdict[str, Keys] = defaultdict(Keys)
    for key in keys:
        alike[repr(key)[:BEGINNING]].append(key)
    for beginning in sorted(alike):
        yield from sorted(alike[beginning], key=repr)


def _written(key: Key) -> str:
    """The key's parts as a JSON array of texts, without what making an encoder for each of many keys would cost."""
    return f"[{', '.join(encode_basestring_ascii(str(part)) for part in key)}]"


def added(stage: StageOutcome, approved: Iterable[Key]) -> set[Key]:
    """Keys that are due now and were not approved: any makes the approval void."""
    return set(stage.due) - set(approved)
