"""What the policy needs around it: stage names that stay, folders for files, a place for copies."""

from collections.abc import Collection

from config.catalogue import text
from config.problems import nearest
from worker.plan.check_ground import Ground, quoted
from worker.plan.check_rules import Rule


def check_surroundings(
    ground: Ground, stages_seen: Collection[str], file_roots: Collection[str] | None, copies_possible: bool
) -> None:
    """Stages that vanished; file roots without a folder (None: not asked for); copies that could go nowhere."""
    for name in sorted(set(stages_seen) - set(ground.policy.stages)):
        renamed = nearest(name, set(ground.policy.stages) - set(stages_seen))
        if renamed:
            ground.error(f"stages.{renamed}", text("check_surroundings.stage_renamed", stage=name, renamed=renamed))
        else:
            ground.error("stages", text("check_surroundings.stage_gone", stage=name))
    for rule in ground.rules:
        _files(ground, rule, file_roots)
    asking = [name for name, stage in ground.policy.stages.items() if stage.archive is not None]
    if asking and not copies_possible:
        ground.error(f"stages.{asking[0]}.archive", text("check_surroundings.no_copies", stages=quoted(asking)))


def _files(ground: Ground, rule: Rule, file_roots: Collection[str] | None) -> None:
    files = rule.rule.files
    if files is None:
        return
    if file_roots is not None and files.root and files.root not in file_roots:
        ground.error(f"{rule.path}.files.root", text("check_surroundings.no_folder", root=files.root))
    for column in files.columns:
        if column in rule.rule.keep:
            ground.error(f"{rule.path}.files.columns", text("check_surroundings.path_kept", column=column))
