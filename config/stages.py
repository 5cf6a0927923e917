"""The stages of a policy, from nodes to the model: the short forms of tables and origins are spelled out here."""

from typing import Literal

from config.catalogue import text
from config.names import table_name
from config.policy import Archive, Event, Files, Origin, Stage, TableRule, Treatment
from config.problems import nearest
from config.reading import Reading, name_without_slash
from config.yaml_text import Entries, Items, Node, Text


class StageReading(Reading):
    """Reads stages; see `Reading` for what happens to what is wrong."""

    def event(self, node: Node) -> Event:
        """`table.column`, or `{event: table.column, where: condition}`."""
        if not isinstance(node, Entries):
            return Event(column=self.column(node))
        event = self.entries(node, "conditional event")
        return Event(column=self.column(event.get("event")), where=self.optional_text(event.get("where")))

    def stages(self, node: Node | None) -> dict[str, Stage]:
        """Every stage by its name, in file order."""
        stages = self.named(node, least=1)
        return {name: self._stage(name, stage, list(stages)) for name, stage in stages.items()}

    def _stage(self, name: str, node: Node, stages: list[str]) -> Stage:
        self.checked(node.path, name, name_without_slash, "")
        stage = self.entries(node, "stage")
        tables = {table_name(t): rule for t, rule in self.named(stage.get("tables"), least=1).items()}
        return Stage(
            name=name,
            origin=self._origin(stage.get("from"), stages),
            term=self.term(stage.get("term")),
            basis=self.optional_text(stage.get("basis")),
            archive=self._archive(stage.get("archive")),
            tables={table: self._rule(table, rule, list(tables)) for table, rule in tables.items()},
        )

    def _origin(self, node: Node | None, stages: list[str]) -> Origin:
        events: list[Event] = []
        done: list[str] = []
        subject = False
        nodes = self.items(node, least=1) if isinstance(node, Items) else [] if node is None else [node]
        for part in nodes:
            if isinstance(part, Text) and "." not in part.value:
                subject |= self.word(part, "subject", text("policy_kind.column"))
            elif isinstance(part, Entries) and _means_done(part):
                done += self.names(self.entries(part, "done").get("done"), stages, "policy_rule.no_stage")
            else:
                events.append(self.event(part))
        return Origin(events=tuple(events), subject=subject, done=tuple(done))

    def _archive(self, node: Node | None) -> Archive | None:
        if node is None:
            return None
        archive = self.entries(node, "archive")
        return Archive(
            term=self.term(archive.get("term")),
            basis=self.text(archive.get("basis")),
            why=self.optional_text(archive.get("why")),
        )

    def _rule(self, table: str, node: Node, tables: list[str]) -> TableRule:
        if isinstance(node, Text):
            self.word(node, "delete", text("policy_kind.rule"))
            return TableRule(table=table, operation="delete")
        rule = self.entries(node, "table rule")
        operation: Literal["delete", "depersonalise"] = "delete" if "delete" in rule else "depersonalise"
        if isinstance(node, Entries) and ("delete" in rule) == ("depersonalise" in rule):
            self.problem(node.path, text("policy_rule.both" if "delete" in rule else "policy_rule.neither"))
        self.word(rule.get("delete"), "row")
        keep, treatments = self._columns(rule.get("depersonalise"))
        files = self._files(rule.get("files"))
        if isinstance(rule.get("depersonalise"), Entries) and not treatments and files is None:
            self.problem(rule["depersonalise"].path, text("policy_rule.changes_nothing"))
        after = tuple(map(table_name, self.names(rule.get("after"), tables, "policy_rule.no_table")))
        return TableRule(
            table=table,
            where=self.optional_text(rule.get("where")),
            operation=operation,
            keep=keep,
            treatments=treatments,
            files=files,
            after=after,
        )

    def _columns(self, node: Node | None) -> tuple[tuple[str, ...], tuple[Treatment, ...]]:
        """The columns to keep and the treatments of the others, each column named once."""
        keep: tuple[str, ...] = ()
        treatments: list[Treatment] = []
        seen: dict[str, str] = {}
        for spelling, listed in self.named(node).items():
            items = self.items(listed, least=0 if spelling == "keep" else 1)
            columns = tuple(self.text(item) for item in items)
            for item, column in zip(items, columns, strict=True):
                if column and column in seen:
                    self.problem(item.path, text("policy_rule.column_twice", column=column, first=seen[column]))
                seen.setdefault(column, spelling)
            if spelling == "keep":
                keep = columns
            else:
                treatments.append(Treatment(spelling=spelling, columns=columns))
        return keep, tuple(treatments)

    def _files(self, node: Node | None) -> Files | None:
        if node is None:
            return None
        files = self.entries(node, "files")
        return Files(root=self.text(files.get("root")), columns=self.texts(files.get("columns"), least=1))


def _means_done(node: Entries) -> bool:
    return any(nearest(word, ("event", "where", "done")) == "done" for word in node.entries)
