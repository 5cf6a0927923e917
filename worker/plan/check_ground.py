"""What every check stands on: the policy, the live schema, and the one list that problems go into.

A name that is missing is reported once, by `check_names`; every other check passes over it (`table`, `column`).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

import sqlalchemy as sa

from config.catalogue import text
from config.policy import UNREAD, ColumnRef, Policy
from config.problems import Problem, nearest
from worker.databases.facts import Schema, TableFacts
from worker.plan.check_rules import Rule, Treated, bound_to
from worker.plan.links import Links

FEW = 12


class Ground:
    """Policy and schema, looked at by all checks, and what they found."""

    def __init__(self, policy: Policy, schema: Schema) -> None:
        self.policy, self.schema = policy, schema
        self.problems: list[Problem] = []
        self.stopping: list[Problem] = []
        self._reasons: dict[str, list[str]] = {}

    def error(self, path: str, sentence: str) -> None:
        """Note what makes the whole policy unusable."""
        self._add("error", path, sentence)

    def warning(self, path: str, sentence: str, fix: str | None = None) -> None:
        """Note what works, but not well."""
        self._add("warning", path, sentence, fix)

    def stop(self, tables: Iterable[str], path: str, sentence: str) -> None:
        """Note what stops every stage that changes one of the tables, and no other (promise 11)."""
        wanted = set(tables)
        stages = [name for name, touched in self.touched.items() if touched & wanted]
        key = "check.stops_stages" if stages else "check.stops_nothing"
        problem = self._add("error", path, text(key, sentence=sentence, stages=quoted(stages)))
        if problem is not None:
            self.stopping.append(problem)
        for stage in stages:
            self._reasons.setdefault(stage, []).append(sentence)

    @property
    def stopped(self) -> dict[str, str]:
        """Stages that must not run, each with its reasons."""
        return {stage: "; ".join(dict.fromkeys(reasons)) for stage, reasons in self._reasons.items()}

    def has_fatal(self, *paths: str) -> bool:
        """Whether an error that stops more than a stage stands at or under one of the paths."""
        return any(
            problem.path == path or problem.path.startswith((path + ".", path + "["))
            for problem in self.problems
            if problem.severity == "error" and problem not in self.stopping
            for path in paths
        )

    def _add(
        self, severity: Literal["error", "warning"], path: str, sentence: str, fix: str | None = None
    ) -> Problem | None:
        line, column = self.policy.place(path)
        problem = Problem(severity, path, line, column, sentence, fix, self.policy.source)
        if problem in self.problems:
            return None
        self.problems.append(problem)
        return problem

    def table(self, name: str) -> TableFacts | None:
        """The live table, or None."""
        return self.schema.tables.get(name)

    def column(self, table: str, column: str) -> sa.Column[Any] | None:
        """The live column, or None."""
        facts = self.table(table)
        return facts.table.c.get(column) if facts else None

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule of every stage, in file order."""
        return tuple(
            Rule(stage, rule, self.table(table), f"stages.{name}.tables.{table}")
            for name, stage in self.policy.stages.items()
            for table, rule in stage.tables.items()
        )

    def rule(self, stage: str, table: str) -> Rule | None:
        """What a stage does to a table, if anything."""
        return next((r for r in self.rules if (r.stage.name, r.table) == (stage, table)), None)

    @cached_property
    def treated(self) -> tuple[Treated, ...]:
        """Every live column that is replaced by a strategy that can be used."""
        return tuple(self._treated())

    def _treated(self) -> Iterator[Treated]:
        for at in self.rules:
            for treatment in at.rule.treatments:
                bound = bound_to(treatment.spelling)
                for place, name in enumerate(treatment.columns):
                    column = self.column(at.table, name)
                    if at.facts is not None and column is not None and bound is not None and not bound.problem():
                        path = f"{at.path}.depersonalise.{treatment.spelling}[{place}]"
                        yield Treated(at, at.facts, column, bound, path)

    def replaced_by(self, reference: ColumnRef) -> Treated | None:
        """What first replaces a column, if anything does."""
        return next((t for t in self.treated if (t.at.table, t.name) == (reference.table, reference.column)), None)

    @cached_property
    def links(self) -> Links:
        """The links of which every column lives."""
        live = tuple(
            link
            for link in self.policy.links
            if self.column(link.source.table, link.source.column) is not None
            and self.column(link.target.table, link.target.column) is not None
        )
        return Links(self.policy.model_copy(update={"links": live}), self.schema)

    @cached_property
    def touched(self) -> Mapping[str, frozenset[str]]:
        """The tables that each stage changes: those of its rules, and those whose link columns it carries along."""
        return {
            name: frozenset(stage.tables) | {t.at.table for t in self.carried(name)}
            for name, stage in self.policy.stages.items()
        }

    def carried(self, stage: str) -> list[Treated]:
        """Link columns of any stage that follow what this stage replaces in the subject's table."""
        subject = self.policy.subject.table
        changed = {t.name for t in self.treated if t.at.stage.name == stage and t.at.table == subject}
        joins = {(s.source, s.source_columns, s.target_columns) for s in self.links.steps if s.target == subject}
        return [
            t
            for t in self.treated
            if t.followed is not None
            and t.followed.table == subject
            and t.followed.column in changed
            and (t.at.table, (t.name,), (t.followed.column,)) in joins
        ]


def is_unread(name: str) -> bool:
    """Whether the loader could not read the name and has said so."""
    return name in ("", UNREAD)


def quoted(names: Iterable[str]) -> str:
    """Names for a sentence."""
    return ", ".join(f"`{name}`" for name in names)


def meant(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest right one, else all when they are few."""
    names = sorted(known)
    near = nearest(word, names)
    if near is not None:
        return text("advice.near", name=near)
    return text("check.few", names=quoted(names)) if 0 < len(names) <= FEW else text("check.correct")
