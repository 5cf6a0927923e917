"""What the policy needs around it: stage names that stay, folders for files, a place for copies."""

from collections.abc import Collection

from config.problems import nearest
from worker.plan.check_ground import Ground, quoted
from worker.plan.check_rules import Rule


def check_surroundings(
    ground: Ground, stages_seen: Collection[str], file_roots: Collection[str] | None, copies_possible: bool
) -> None:
    """Stages that vanished; file roots without a folder (None: not asked for); copies that could go nowhere."""
    for name in sorted(set(stages_seen) - set(ground.policy.stages)):
        renamed = nearest(name, set(ground.policy.stages) - set(stages_seen))
        now = f" (is it `{renamed}` now?)" if renamed else ""
        sentence = f"stage `{name}` stood in this policy before and is gone{now}; its name is permanent, since the"
        path = f"stages.{renamed}" if renamed else "stages"
        ground.error(path, f"{sentence} ledger bears it: give the stage its name back")
    for rule in ground.rules:
        _files(ground, rule, file_roots)
    asking = [name for name, stage in ground.policy.stages.items() if stage.archive is not None]
    if asking and not copies_possible:
        sentence = (
            f"{quoted(asking)} ask for copies, and copies cannot be made; set MERZIM_ARCHIVE_RECIPIENTS, "
            "MERZIM_ARCHIVE_URL and MERZIM_SPOOL"
        )
        ground.error(f"stages.{asking[0]}.archive", sentence)


def _files(ground: Ground, rule: Rule, file_roots: Collection[str] | None) -> None:
    files = rule.rule.files
    if files is None:
        return
    if file_roots is not None and files.root and files.root not in file_roots:
        sentence = f"no folder is known for the file root `{files.root}`; name it in the setting MERZIM_FILES"
        ground.error(f"{rule.path}.files.root", sentence)
    for column in files.columns:
        if column in rule.rule.keep:
            sentence = f"`{column}` is kept, so its file would still be named and never removed; replace the column"
            ground.error(f"{rule.path}.files.columns", sentence)
