"""Every place in the program that can destroy or overwrite anything, and what stands in front of it.

Found by reading the code, so that a new place fails here until somebody says what guards it. Whatever acts on the
operator's rows, on files or on sealed copies must come after the gate and ask the predicate (DESIGN, step 3).
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import tasks
import worker

ROOTS = [Path(str(package.__file__)).parent for package in (worker, tasks)]
REMOVING = {
    "unlink",
    "rmtree",
    "remove",
    "rmdir",
    "removedirs",
    "truncate",
    "move",
    "rename",
    "write_text",
    "write_bytes",
}
SQL = re.compile(
    r"\b(DELETE\s+FROM|TRUNCATE\b|DROP\s+\w+|UPDATE\s+\S+\s+SET|MERGE\s+INTO|ON\s+CONFLICT|REPLACE\s+INTO)", re.I
)
Place = tuple[str, str, str]

SLICE = "after the gate and the predicate, by claimed keys: worker.pipeline.slice"
OUTBOX = "after the gate, if no row names the file and nobody is held whose it may be: worker.pipeline.outbox"
RESTORE = "under the exclusive gate, puts originals back: worker.pipeline.restoring"
BLOCK = "under the exclusive gate, one column that says who must not be touched: worker.office.blocking"
SCRATCH = "a temporary table of this transaction"
REFUSES = "a trigger that refuses it"
LEDGER = "a row of the ledger itself, no data of the operator"
SWEEPER = "a segment without an entry, while the batch's lock is held: worker.pipeline.sweep"
FED = "the spool's file, after the store has read back its own"
OWN = "a file that this same function has just begun, or that a person named and that did not exist"
DEMO = "the demo's own folder and invented people"
NOTHING = "a statement that no row can pass"

HALF = "what a killed worker left half-written in the store: it bears no name of a copy"
BENCH = "databases and files that a bench made itself, under names of its own"

COPIES = "nobody calls it: copies whose term has ended are only listed"

ALLOWED: dict[Place, tuple[int, str]] = {
    ("worker/pipeline/applying.py", "delete", "delete"): (1, SLICE),
    ("worker/pipeline/applying.py", "_change", "update"): (1, SLICE),
    ("worker/pipeline/applying.py", "carry", "update"): (1, SLICE),
    ("worker/pipeline/slice.py", "_apply", "delete"): (1, SLICE),
    ("worker/pipeline/outbox.py", "_unlink", "unlink"): (1, OUTBOX),
    ("worker/pipeline/outbox.py", "_remove", "delete"): (1, LEDGER),
    ("worker/pipeline/outbox.py", "_remove", "update"): (1, LEDGER),
    ("worker/pipeline/restore/putting.py", "PutBack._overwrite", "update"): (1, RESTORE),
    ("worker/pipeline/restore/segment.py", "Segments._of_person", "delete"): (1, SCRATCH),
    ("worker/office/blocking.py", "set_blocked", "update"): (1, BLOCK),
    ("worker/office/export_files.py", "Folder.open_file", "fdopen"): (1, OWN),
    ("worker/office/export_files.py", "Folder.clear", "unlink"): (1, OWN),
    ("worker/office/export_files.py", "Folder.clear", "rmdir"): (1, OWN),
    ("worker/pipeline/sweep.py", "_fate", "remove"): (1, SWEEPER),
    ("worker/archive/spool.py", "Spool.remove", "unlink"): (2, "called by the sweeper and after feeding only"),
    ("worker/archive/store.py", "DirectoryStore.remove", "unlink"): (1, COPIES),
    ("worker/archive/store.py", "DirectoryStore.remove_parts", "unlink"): (1, HALF),
    ("worker/archive/store.py", "feed", "remove"): (1, FED),
    ("worker/archive/store.py", "DirectoryStore._copy", "replace"): (1, OWN),
    ("worker/archive/store.py", "DirectoryStore._copy", "unlink"): (1, OWN),
    ("worker/archive/segment.py", "SegmentWriter._seal", "unlink"): (1, OWN),
    ("worker/archive/segment.py", "SegmentWriter._write", "replace"): (1, OWN),
    ("worker/archive/keys.py", "write_secret", "fdopen"): (1, OWN),
    ("worker/archive/keys.py", "write_secret", "unlink"): (1, OWN),
    ("worker/cli/keys.py", "signing", "write_bytes"): (1, OWN),
    ("worker/cli/report.py", "_write", "write_text"): (1, "the file that --output names"),
    ("worker/reports/pages.py", "save_page", "write_text"): (1, OWN),
    ("worker/reports/pages.py", "save_page", "replace"): (1, "the page of the same run, made again from the ledger"),
    ("worker/cli/demo.py", "_write_installation", "write_bytes"): (1, DEMO),
    ("worker/demo/disk.py", "Disk._write", "write_bytes"): (1, DEMO),
    ("worker/databases/postgresql.py", "PostgreSQL.clear", "TRUNCATE"): (1, SCRATCH),
    ("worker/databases/sqlite.py", "SQLite.clear", "delete"): (1, SCRATCH),
    ("worker/databases/mariadb.py", "MariaDB.clear", "delete"): (1, SCRATCH),
    ("worker/databases/mariadb.py", "MariaDB.temporary", "DROP TEMPORARY"): (1, SCRATCH),
    ("worker/databases/mariadb.py", "_nothing_left", "DROP TEMPORARY"): (1, SCRATCH),
    ("worker/plan/check_trial.py", "updates", "update"): (1, NOTHING),
    ("worker/ledger/locks.py", "_take_write_lock", "update"): (1, NOTHING),
    ("worker/ledger/batches.py", "_moving", "update"): (1, LEDGER),
    ("worker/ledger/holds.py", "release", "update"): (1, LEDGER),
    ("worker/ledger/persons.py", "revoke", "update"): (1, LEDGER),
    ("worker/ledger/requests.py", "keep_plan", "update"): (1, LEDGER),
    ("worker/ledger/requests.py", "move", "update"): (1, LEDGER),
    ("worker/ledger/tombstones.py", "rows_remain", "update"): (1, LEDGER),
    ("worker/ledger/presence.py", "seen", "delete"): (1, LEDGER),
    ("worker/ledger/presence.py", "seen", "update"): (1, LEDGER),
    ("worker/ledger/runs.py", "close_run", "update"): (1, LEDGER),
    ("worker/ledger/tombstones.py", "retire", "delete"): (1, LEDGER),
    ("worker/ledger/tombstones.py", "_renewing", "on_conflict_do_update"): (1, LEDGER),
    ("worker/bench/beside.py", "write_settings", "write_text"): (1, BENCH),
    ("worker/bench/cases.py", "_delete", "DELETE FROM"): (1, BENCH),
    ("worker/bench/cases.py", "_update", "UPDATE PEOPLE SET"): (1, BENCH),
    ("worker/bench/cases.py", "_update_texts", "UPDATE PEOPLE SET"): (1, BENCH),
    ("worker/bench/ground_mariadb.py", "MariaDBGround.drop", "DROP DATABASE"): (1, BENCH),
    ("worker/bench/ground_mariadb.py", "MariaDBGround.fresh", "DROP DATABASE"): (2, BENCH),
    ("worker/bench/ground_postgresql.py", "PostgreSQLGround.drop", "DROP DATABASE"): (1, BENCH),
    ("worker/bench/ground_postgresql.py", "PostgreSQLGround.fresh", "DROP DATABASE"): (1, BENCH),
    ("worker/bench/ground_sqlite.py", "SQLiteGround.drop", "unlink"): (1, BENCH),
    ("worker/bench/past.py", "make_newly_due", "UPDATE MESSAGES SET"): (1, BENCH),
    ("worker/bench/past.py", "make_newly_due", "UPDATE PEOPLE SET"): (1, BENCH),
    ("worker/bench/peers.py", "_by_pt_archiver", "unlink"): (1, BENCH),
    ("worker/bench/pgbench.py", "", "UPDATE PEOPLE SET"): (1, BENCH),
    ("worker/bench/pgbench.py", "_visiting", "unlink"): (1, BENCH),
    ("worker/bench/pgbench.py", "visits_beside", "write_text"): (1, BENCH),
    ("worker/bench/visitors.py", "Visits._visit", "UPDATE PEOPLE SET"): (1, BENCH),
    ("worker/ledger/pauses.py", "resume", "update"): (1, LEDGER),
    ("worker/ledger/migrations/writing.py", "_refuse_on_postgresql", "TRUNCATE"): (1, REFUSES),
    ("worker/ledger/migrations/writing_mysql.py", "insert_only", "DROP TRIGGER"): (1, REFUSES),
}
GATED = {
    "worker/pipeline/slice.py": ("carry_out", ["_pass_gate", "claim_units", "_archive_and_apply"]),
    "worker/pipeline/outbox.py": ("_remove", ["hold_shared", "_named", "held_slices", "_remove_unless_held"]),
    "worker/pipeline/restoring.py": ("_put_back", ["hold_exclusive", "_segment"]),
    "worker/office/blocking.py": ("set_blocked", ["hold_exclusive", "update"]),
}
"""Of every module that acts on what is the operator's: the function in which the gate comes before everything else."""
CALLERS = {
    "delete": {"worker/pipeline/slice.py": {"_apply"}},
    "depersonalise": {"worker/pipeline/slice.py": {"_apply"}},
    "carry": {"worker/pipeline/slice.py": {"_apply"}},
    "_apply": {"worker/pipeline/slice.py": {"_archive_and_apply"}},
    "_archive_and_apply": {"worker/pipeline/slice.py": {"carry_out"}},
    "_unlink": {"worker/pipeline/outbox.py": {"_remove_unless_held"}},
    "_remove_unless_held": {"worker/pipeline/outbox.py": {"_remove"}},
    "PutBack": {"worker/pipeline/restore/segment.py": {"write"}},
    "set_blocked": {"worker/office/deciding.py": {"_block"}},
}
"""Who may call what changes the operator's rows and files: nobody gets there but through the gate."""


def test_every_place_that_destroys_is_known_with_its_guard() -> None:
    found = Counter(place for root in ROOTS for place in places(root))
    assert found == {place: number for place, (number, _) in ALLOWED.items()}


@pytest.mark.parametrize("module", GATED)
def test_the_gate_comes_before_what_destroys(module: str) -> None:
    function, order = GATED[module]
    called = [name for name, _ in _calls(_function(_tree(module), function)) if name in order]
    assert list(dict.fromkeys(called)) == order


@pytest.mark.parametrize("name", CALLERS)
def test_nobody_gets_past_the_gate(name: str) -> None:
    found: dict[str, set[str]] = {}
    for root in ROOTS:
        for path in root.rglob("*.py"):
            for function in [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)]:
                if any(called == name and plain for called, plain in _calls(function)):
                    found.setdefault(str(path.relative_to(root.parent)), set()).add(function.name)
    assert found == CALLERS[name]


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("connection.execute(sa.delete(table))", "delete"),
        ("connection.execute(table.delete().where(x))", "delete"),
        ("sa.update(table).values(a=1)", "update"),
        ("table.update().values(a=1)", "update"),
        ("path.unlink()", "unlink"),
        ("os.remove(path)", "remove"),
        ("shutil.rmtree(folder)", "rmtree"),
        ("path.replace(other)", "replace"),
        ("os.replace(a, b)", "replace"),
        ("path.write_text(content)", "write_text"),
        ('open(path, "wb")', "open"),
        ('path.open(mode="w")', "open"),
        ('connection.exec_driver_sql(f"DELETE FROM {table}")', "DELETE FROM"),
        ('sa.text("truncate people")', "TRUNCATE"),
        ('run("update people set name = 1")', "UPDATE PEOPLE SET"),
    ],
)
def test_what_destroys_is_found(code: str, what: str) -> None:
    assert list(destroying(f"def verb():\n    {code}\n")) == [("verb", what)]


@pytest.mark.parametrize(
    "code",
    [
        "found.update(more)",
        "found.update(a=1)",
        'text.replace("a", "b")',
        "now.replace(tzinfo=UTC)",
        'open(path, "rb")',
    ],
)
def test_what_does_not_destroy_is_let_pass(code: str) -> None:
    assert list(destroying(f"def verb():\n    {code}\n")) == []


def places(root: Path) -> Iterator[Place]:
    for path in sorted(root.rglob("*.py")):
        for function, what in destroying(path.read_text()):
            yield str(path.relative_to(root.parent)), function, what


def destroying(source: str) -> Iterator[tuple[str, str]]:
    """(function, what) of every call and every text of SQL that destroys or overwrites."""
    tree = ast.parse(source)
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    yield from _within(tree, "", texts)


def _within(node: ast.AST, function: str, ignored: set[int]) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        inside = function
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = f"{function}.{child.name}".lstrip(".")
        if isinstance(child, ast.Call) and (what := _call(child)):
            yield inside, what
        if isinstance(child, ast.Constant) and isinstance(child.value, str) and id(child) not in ignored:
            for match in SQL.finditer(child.value):
                yield inside, match[0].upper()
        yield from _within(child, inside, ignored)


def _call(call: ast.Call) -> str | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    of = call.func.value.id if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) else ""
    if name == "move" and not of:
        return None  # a request's way from state to state, not a file's
    if name in REMOVING or name in ("delete", "on_conflict_do_update"):
        return name
    if name == "update" and (of == "sa" or not (call.args or call.keywords)):  # a mapping's update is given something
        return name
    if name == "replace" and (of == "os" or (len(call.args) == 1 and not call.keywords)):  # a path's; a text's has two
        return name
    modes = [*call.args[-1:], *(k.value for k in call.keywords if k.arg == "mode")]
    if name in ("open", "fdopen") and any(isinstance(m, ast.Constant) and "w" in str(m.value) for m in modes):
        return name
    return None


def _tree(module: str) -> ast.Module:
    return ast.parse((ROOTS[0].parent / module).read_text())


def _function(tree: ast.Module, name: str) -> ast.FunctionDef:
    (found,) = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    return found


def _calls(function: ast.FunctionDef) -> list[tuple[str, bool]]:
    """What a function calls, in the order of its lines; whether by a plain name."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    named = [(c, c.func.attr, False) for c in calls if isinstance(c.func, ast.Attribute)]
    named += [(c, c.func.id, True) for c in calls if isinstance(c.func, ast.Name)]
    return [(name, plain) for call, name, plain in sorted(named, key=lambda n: (n[0].lineno, n[0].col_offset))]
