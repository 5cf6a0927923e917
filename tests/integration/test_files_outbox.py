"""Files of rows that went: removed after COMMIT, never another's, never outside their folder, never too early."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.small_operator import (
    BOTH,
    HEAD,
    LATELY,
    SCANS,
    Operator,
    ignoring,
    operator_on,
    people,
    person,
)
from worker.pipeline.work import Progress

POLICY = (
    HEAD
    + """\
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    tables:
"""
    + SCANS
    + """\
      people: {depersonalise: {keep: [id, iin, email, seen_at, blocked_at], constant "": [name], nothing: [note]}}
"""
    + ignoring("orders", "lines", "payments", "letters")
)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from map(fill, operator_on(request.param, tmp_path, policy=POLICY))


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Operator]:
    yield from map(fill, operator_on("sqlite", tmp_path, policy=POLICY))


def fill(operator: Operator) -> Operator:
    """Persons 1 and 2 are due, person 9 is active."""
    operator.sql(*people(1, 2), person(9, LATELY))
    return operator


def scan(operator: Operator, number: int, owner: int, path: str | None, thumbnail: str | None = None) -> None:
    """A row with its files on the disk, where their folder is there to be written to."""
    values = ["NULL" if name is None else "'" + name.replace("'", "''") + "'" for name in (path, thumbnail)]
    operator.sql(f"INSERT INTO scans VALUES ({number}, {owner}, {', '.join(values)})")
    for name in (path, thumbnail):
        if name:
            write(operator.scans / name)


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a scan")
    return path


def files(operator: Operator) -> list[str]:
    found = (p for p in operator.scans.rglob("*") if p.is_file() or p.is_symlink())
    return sorted(str(p.relative_to(operator.scans)) for p in found)


def waiting(operator: Operator) -> list[tuple[str, str]]:
    return sorted((row["path"], row["problem"]) for row in operator.ledger("outbox"))


def test_the_files_of_deleted_rows_go_after_the_commit_and_no_other(shop: Operator) -> None:
    scan(shop, 1, 1, "2020/a b.pdf", "2020/thumbnails/a.png")
    scan(shop, 2, 2, "2020/әліби.pdf")
    scan(shop, 3, 9, "2020/kept.pdf", "")
    scan(shop, 4, 1, None, "")
    write(shop.scans / "2020" / "nobody's.pdf")
    assert shop.usual_night().state == "done"
    assert shop.ids("scans") == [3]
    assert files(shop) == ["2020/kept.pdf", "2020/nobody's.pdf"]
    assert shop.ledger("outbox") == []


def test_a_file_that_another_row_still_names_stays_until_that_row_goes(shop: Operator) -> None:
    scan(shop, 1, 1, "shared.pdf")
    scan(shop, 2, 9, None, "shared.pdf")
    assert shop.usual_night().state == "done"
    assert (files(shop), shop.ledger("outbox")) == (["shared.pdf"], [])
    shop.sql("UPDATE people SET seen_at = '2020-01-01 00:00:00' WHERE id = 9")
    assert shop.night().state == "done"
    assert files(shop) == []


def test_two_rows_that_go_together_may_name_one_file(shop: Operator) -> None:
    scan(shop, 1, 1, "both.pdf", "both.pdf")
    scan(shop, 2, 2, "both.pdf")
    assert shop.usual_night().state == "done"
    assert (files(shop), shop.ledger("outbox")) == ([], [])


def test_a_file_that_is_gone_already_is_no_failure(shop: Operator) -> None:
    scan(shop, 1, 1, "2020/gone.pdf")
    (shop.scans / "2020" / "gone.pdf").unlink()
    scan(shop, 2, 2, "never/was.pdf")
    (shop.scans / "never" / "was.pdf").unlink()
    (shop.scans / "never").rmdir()
    assert shop.usual_night().state == "done"
    assert shop.ledger("outbox") == []


def test_a_path_that_leads_out_of_the_folder_is_refused(shop: Operator) -> None:
    secret = write(shop.folder / "secret.pdf")
    write(shop.folder / "elsewhere" / "secret.pdf")
    (shop.scans / "link").symlink_to(shop.folder / "elsewhere", target_is_directory=True)
    (shop.scans / "circle").symlink_to(shop.scans / "circle", target_is_directory=True)
    (shop.scans / "inside").mkdir()
    paths = [
        "circle/a.pdf",
        "../secret.pdf",
        str(secret),
        "inside/../../secret.pdf",
        "link/secret.pdf",
        "..",
        ".",
        "inside/..",
    ]
    for number, path in enumerate(paths, 1):
        shop.sql(f"INSERT INTO scans VALUES ({number}, 1, '{path}', NULL)")
    scan(shop, 50, 1, "inside/fine.pdf")
    run = shop.usual_night()
    assert (run.state, run.reason) == (
        "done_with_failures",
        f"{len(paths)} files could not be removed yet; see the report.",
    )
    assert secret.exists()
    assert (shop.folder / "elsewhere" / "secret.pdf").exists()
    assert (shop.scans / "inside").is_dir()
    assert files(shop) == ["circle", "link"]
    assert [path for path, _ in waiting(shop)] == sorted(paths)
    assert all(secret.name not in (problem or "") for _, problem in waiting(shop))


@pytest.mark.parametrize("path", ["61006200", "61002f6200"])
def test_a_path_with_a_nul_is_refused(lite: Operator, path: str) -> None:
    scan(lite, 1, 1, "a")
    lite.sql(f"UPDATE scans SET path = CAST(x'{path}' AS TEXT)")
    assert lite.usual_night().state == "done_with_failures"
    assert files(lite) == ["a"]


def test_of_a_symbolic_link_the_link_goes_and_not_what_it_points_at(shop: Operator) -> None:
    target = write(shop.folder / "original.pdf")
    (shop.scans / "link.pdf").symlink_to(target)
    (shop.scans / "broken.pdf").symlink_to(shop.folder / "nowhere")
    shop.sql("INSERT INTO scans VALUES (1, 1, 'link.pdf', 'broken.pdf')")
    assert shop.usual_night().state == "done"
    assert (files(shop), target.exists()) == ([], True)


def test_a_root_that_is_itself_a_symbolic_link_is_followed(shop: Operator) -> None:
    scan(shop, 1, 1, "2020/a.pdf")
    shop.scans.rename(shop.folder / "disk")
    shop.scans.symlink_to(shop.folder / "disk", target_is_directory=True)
    assert shop.usual_night().state == "done"
    assert files(shop) == []


def test_files_wait_for_a_folder_that_is_not_mounted_and_go_the_next_night(shop: Operator) -> None:
    scan(shop, 1, 1, "2020/a.pdf")
    shop.accustom()
    away = shop.folder / "unmounted"

    def unmount(_: Progress) -> None:
        shop.scans.rename(away)

    run = shop.night(watch=unmount)
    assert run.state == "done_with_failures"
    assert shop.ids("scans") == []
    (item,) = shop.ledger("outbox")
    assert (item["path"], item["attempts"]) == ("2020/a.pdf", 1)
    assert "mount it" in item["problem"]
    away.rename(shop.scans)
    assert files(shop) == ["2020/a.pdf"]

    assert shop.night().state == "done"
    assert (files(shop), shop.ledger("outbox")) == ([], [])


def test_the_program_ends_with_1_while_files_wait(lite: Operator) -> None:
    scan(lite, 1, 1, "2020")  # a folder takes the file's place
    (lite.scans / "2020").unlink()
    write(lite.scans / "2020" / "a.pdf")
    lite.accustom()
    assert lite.cli("run", "--now", "2026-07-01T01:00:00+00:00", "--json").returncode == 1
    assert files(lite) == ["2020/a.pdf"]
    assert "2020" in waiting(lite)[0][0]


def test_a_file_whose_slice_was_rolled_back_stays(shop: Operator) -> None:
    scan(shop, 1, 1, "bad.pdf")
    scan(shop, 2, 2, "good.pdf")
    shop.change_policy(("stages:\n", "triggers:\n  undo: {writes: people}\nstages:\n"))
    if shop.dialect == "sqlite":
        back = "UPDATE people SET name = OLD.name WHERE id = OLD.id"
        shop.sql(f"CREATE TRIGGER undo AFTER UPDATE ON people WHEN NEW.id = 1 BEGIN {back}; END")
    else:
        shop.sql(
            "CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$",
            "CREATE TRIGGER undo BEFORE UPDATE ON people FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION undo()",
        )
    assert shop.usual_night().state == "done_with_failures"
    assert (shop.ids("scans"), files(shop), shop.ledger("outbox")) == ([1], ["bad.pdf"], [])


def test_a_crash_after_the_commit_leaves_the_file_to_the_next_night(shop: Operator) -> None:
    scan(shop, 1, 1, "a.pdf")
    shop.accustom()

    def kill(_: Progress) -> None:
        raise Killed

    with pytest.raises(Killed):
        shop.night(watch=kill)
    assert (shop.ids("scans"), files(shop), len(shop.ledger("outbox"))) == ([], ["a.pdf"], 1)
    assert shop.night().state == "done"
    assert (files(shop), shop.ledger("outbox")) == ([], [])


def test_a_path_that_a_new_row_uses_by_then_is_that_rows(shop: Operator) -> None:
    """Between the commit and the removal somebody uploads under the same name."""
    scan(shop, 1, 1, "a.pdf")
    shop.accustom()

    def upload(_: Progress) -> None:
        if shop.ids("scans") == []:
            scan(shop, 2, 9, "a.pdf")

    assert shop.night(watch=upload).state == "done"
    assert (files(shop), shop.ids("scans"), shop.ledger("outbox")) == (["a.pdf"], [2], [])


def test_a_row_that_stays_loses_its_file_and_its_path(shop: Operator) -> None:
    files_go = "{files: {root: scans, columns: [path, thumbnail]}"
    rule = f"scans: {files_go}, depersonalise: {{keep: [id, person_id], nothing: [path, thumbnail]}}}}\n"
    shop.change_policy((SCANS.strip() + "\n", rule))
    scan(shop, 1, 1, "a.pdf", "a.png")
    scan(shop, 2, 9, "b.pdf")
    assert shop.usual_night().state == "done"
    assert shop.rows("SELECT * FROM scans WHERE id = 1") == [(1, 1, None, None)]
    assert files(shop) == ["b.pdf"]
