"""The policy as a lawyer reads it: one row a table and stage, in words (`merzim check --table`)."""

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
            "operation": "ignored",
            "copy": "",
            "basis": reason,
        }
        for table, reason in policy.ignore.items()
    ]


def _counted_from(origin: Origin) -> str:
    parts = [_event(event) for event in origin.events]
    if origin.subject:
        parts.append("the person's clock")
    if origin.done:
        parts.append("the end of " + ", ".join(origin.done))
    return parts[0] if len(parts) == 1 else "the newest of " + ", ".join(parts)


def _event(event: Event) -> str:
    return f"{event.column} where {event.where}" if event.where else str(event.column)


def _operation(rule: TableRule) -> str:
    treated = [f"{', '.join(t.columns)}: {t.spelling}" for t in rule.treatments]
    what = "delete the row" if rule.operation == "delete" else "depersonalise " + "; ".join(treated)
    parts = [what]
    if rule.keep:
        parts.append("keep " + ", ".join(rule.keep))
    if rule.files:
        parts.append("delete the files named in " + ", ".join(rule.files.columns))
    if rule.where:
        parts.append(f"only where {rule.where}")
    return "; ".join(parts)


def _copy(stage: Stage) -> str:
    if stage.archive is None:
        return "none: cannot be undone"
    why = f", {stage.archive.why}" if stage.archive.why else ""
    return f"sealed copy for {stage.archive.term} ({stage.archive.basis}{why})"
