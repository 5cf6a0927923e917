"""The policy as a lawyer reads it: one row a table and stage, in words (`merzim check --table`)."""

from config.catalogue import text
from config.policy import Event, Origin, Policy, Stage, TableRule


def lawyer_table(policy: Policy) -> list[dict[str, str]]:
    """Rows with table, stage, term, counted from, operation, copy, basis; ignored tables with their reason last."""
    rows = [
        {
            "table": rule.table,
            "stage": stage.name,
            "term": str(stage.term),
            "counted from": _counted_from(stage.origin),
            "operation": _operation(rule),
            "copy": _copy(stage),
            "basis": stage.basis or "",
        }
        for stage in policy.stages.values()
        for rule in stage.tables.values()
    ]
    return rows + [
        {
            "table": table,
            "stage": "",
            "term": "",
            "counted from": "",
            "operation": text("lawyer.ignored"),
            "copy": "",
            "basis": reason,
        }
        for table, reason in policy.ignore.items()
    ]


def _counted_from(origin: Origin) -> str:
    parts = [_event(event) for event in origin.events]
    if origin.subject:
        parts.append(text("lawyer.clock"))
    if origin.done:
        parts.append(text("lawyer.done", stages=", ".join(origin.done)))
    return parts[0] if len(parts) == 1 else text("lawyer.newest", events=", ".join(parts))


def _event(event: Event) -> str:
    return text("lawyer.event", column=event.column, condition=event.where) if event.where else str(event.column)


def _operation(rule: TableRule) -> str:
    treated = "; ".join(f"{', '.join(t.columns)}: {t.spelling}" for t in rule.treatments)
    parts = [text("lawyer.delete") if rule.operation == "delete" else text("lawyer.depersonalise", columns=treated)]
    if rule.keep:
        parts.append(text("lawyer.keep", columns=", ".join(rule.keep)))
    if rule.files:
        parts.append(text("lawyer.files", columns=", ".join(rule.files.columns)))
    if rule.where:
        parts.append(text("lawyer.where", condition=rule.where))
    return "; ".join(parts)


def _copy(stage: Stage) -> str:
    if stage.archive is None:
        return text("lawyer.no_copy")
    archive = stage.archive
    key = "lawyer.copy_why" if archive.why else "lawyer.copy"
    return text(key, term=archive.term, basis=archive.basis, why=archive.why)
