"""From the policy's text to the policy, or to every problem of it at once."""

import hashlib
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from config.catalogue import text
from config.parts import PolicyReading
from config.policy import Policy
from config.problems import PolicyProblems, Problem
from config.reading import NO_TERM
from config.schema import json_schema
from config.yaml_text import Blank, read_yaml

__all__ = ["json_schema", "load_policy", "read_as_far_as_possible", "read_policy"]

KEPT = 8  # policies, which never change: a run's is read again for each of its batches


def read_policy(path: Path) -> Policy:
    """The policy in a file; PolicyProblems when the file cannot be read, or says something wrong."""
    try:
        content = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise _unreadable(path, text("policy_text.unreadable", reason=error.strerror)) from None
    except UnicodeDecodeError as error:
        raise _unreadable(path, text("policy_text.no_utf8", position=str(error.start + 1))) from None
    return load_policy(content, path.name)


@lru_cache(maxsize=KEPT)
def load_policy(text: str, source: str) -> Policy:
    """The policy that `text` says; `source` names the file in sentences.  PolicyProblems holds every problem."""
    policy, problems = read_as_far_as_possible(text, source)
    if policy is None or problems:
        raise PolicyProblems(problems)
    return policy


def read_as_far_as_possible(text: str, source: str) -> tuple[Policy | None, list[Problem]]:
    """The policy with stand-ins for what cannot be read, and every problem; None when nothing can be read.

    For `check` only, which looks at the readable rest too.  With any problem the policy must not be carried out.
    """
    document = read_yaml(text, source)
    if document.root is None or isinstance(document.root, Blank):
        return None, list(document.problems)
    reading = PolicyReading(document, source)
    policy = reading.policy(document.root)
    _agree(policy, reading)
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    whole = policy.model_copy(update={"text": text, "hash": digest, "source": source})
    return whole.with_places(document.places), reading.problems


def _unreadable(path: Path, sentence: str) -> PolicyProblems:
    return PolicyProblems([Problem("error", "", None, None, sentence, source=path.name)])


def _agree(policy: Policy, reading: PolicyReading) -> None:
    """What the parts say together: terms and floor, the order of stages and tables, what is ignored."""
    floor = policy.floor.term
    for name, stage in policy.stages.items():
        path = f"stages.{name}"
        # A row stage may be shorter: the person's floor protects the rows of persons anyway.
        readable = stage.term is not NO_TERM and floor is not NO_TERM
        if stage.origin.subject and readable and stage.term.is_under(floor):
            reading.problem(f"{path}.term", text("policy_rule.under_floor", term=stage.term, floor=floor))
        _no_circle({t: rule.after for t, rule in stage.tables.items()}, "after", f"{path}.tables", reading)
        for table in stage.tables:
            if table in policy.ignore:
                reading.problem(f"ignore.{table}", text("policy_rule.ignored", table=table, stage=name))
    _no_circle({name: stage.origin.done for name, stage in policy.stages.items()}, "done", "stages", reading)


def _no_circle(waits_for: dict[str, tuple[str, ...]], word: str, path: str, reading: PolicyReading) -> None:
    try:
        TopologicalSorter(waits_for).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        chain = " → ".join(f"`{name}`" for name in circle)
        reading.problem(f"{path}.{circle[-1]}", text("policy_rule.circle", word=word, chain=chain))
