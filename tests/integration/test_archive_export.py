"""Copies read without a database: what is written is what was there, for one user's eyes only."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.small_operator import BOTH, PEOPLE_POLICY, Operator, operator_on, people

ODD = "'comma, \"quote\"\nline\\break; ' || 'Әліби'"


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on(request.param, tmp_path, policy=PEOPLE_POLICY):
        binary = "x'00ff'" if request.param == "sqlite" else "'\\x00ff'::bytea"
        kind = "BLOB" if request.param == "sqlite" else "bytea"
        number = "REAL" if request.param == "sqlite" else "double precision"
        operator.sql(
            f"ALTER TABLE orders ADD COLUMN photo {kind}",
            f"ALTER TABLE orders ADD COLUMN size {number}",
            *people(1, 2),
            f"INSERT INTO orders VALUES (1, 1, {ODD}, {binary}, 0.1), (2, 2, '', NULL, NULL), (3, 2, NULL, NULL, 1.5)",
        )
        operator.usual_night()
        yield operator


def export(shop: Operator, *arguments: str, code: int = 0) -> Any:
    done = shop.cli("archive", "export", "--identity", str(shop.identity_file), *arguments)
    assert done.returncode == code, done.stderr
    return done


EXPECTED = [
    {"id": 1, "person_id": 1, "what": 'comma, "quote"\nline\\break; Әліби', "photo": "\\x00ff", "size": 0.1},
    {"id": 2, "person_id": 2, "what": "", "photo": None, "size": None},
    {"id": 3, "person_id": 2, "what": None, "photo": None, "size": 1.5},
]


def segment(shop: Operator) -> str:
    (entry,) = [e for e in shop.ledger("entry") if e["segment"]]
    return str(entry["segment"])


def test_json_lines_keep_types(shop: Operator, tmp_path: Path) -> None:
    before, folder = shop.contents(), tmp_path / "out"
    said = json.loads(export(shop, segment(shop), "--output", str(folder)).stdout)
    assert said["rows"] == {"orders": 3, "people": 2}
    assert said["files"] == [str(folder / "orders.jsonl"), str(folder / "people.jsonl")]
    lines = [json.loads(line) for line in (folder / "orders.jsonl").read_text("utf-8").splitlines()]
    assert [line["row"] for line in lines] == EXPECTED
    assert {(x["table"], x["operation"], x["segment"]) for x in lines} == {("orders", "delete", segment(shop))}
    assert shop.contents() == before
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_csv_tells_nothing_from_empty(shop: Operator, tmp_path: Path) -> None:
    done = export(shop, "--table", "orders", "--format", "csv", "--output", "-")
    name = segment(shop)
    assert done.stdout == (
        '"merzim_segment","id","person_id","what","photo","size"\n'
        f'"{name}",1,1,"comma, ""quote""\nline\\break; Әліби","\\x00ff",0.1\n'
        f'"{name}",2,2,"",,\n'
        f'"{name}",3,2,,,1.5\n'
    )
    assert export(shop, segment(shop), "--format", "csv", "--output", "-", code=2).stderr.count("orders") == 1
    export(shop, segment(shop), "--format", "csv", "--output", str(tmp_path / "out"))
    assert (tmp_path / "out" / "orders.csv").read_text("utf-8") == done.stdout


def test_only_one_persons_rows(shop: Operator) -> None:
    before = shop.contents()
    lines = [json.loads(line) for line in export(shop, "--person", "2", "--output", "-").stdout.splitlines()]
    rows = [(line["table"], line["row"]["id"]) for line in lines]
    assert sorted(rows) == [("orders", 2), ("orders", 3), ("people", 2)]
    assert shop.contents() == before
    lines = [
        json.loads(x) for x in export(shop, "--person", "2", "--table", "orders", "--output", "-").stdout.splitlines()
    ]
    assert [line["row"] for line in lines] == EXPECTED[1:]


def test_a_table_that_is_gone_can_be_read_but_not_one_persons_rows_of_it(shop: Operator, tmp_path: Path) -> None:
    shop.sql("DROP TABLE lines", "DROP TABLE orders")
    assert len(export(shop, "--table", "orders", "--output", "-").stdout.splitlines()) == 3
    done = export(shop, "--person", "2", "--output", str(tmp_path / "out"), code=1)
    assert json.loads(done.stdout)["rows"] == {"people": 1}
    assert "The table orders is gone" in done.stderr


def test_nothing_is_overwritten_and_no_half_stays(shop: Operator, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    assert "not empty" in export(shop, segment(shop), "--output", str(folder), code=2).stderr
    assert [path.name for path in folder.iterdir()] == ["mine"]
    assert export(shop, "--output", "-", code=2).stderr
    assert "nothing to export" in export(shop, "--person", "77", "--output", str(tmp_path / "new"), code=2).stderr
    assert shop.tools.store is not None
    path = shop.tools.store.folder / segment(shop)
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "not the file" in export(shop, segment(shop), "--output", str(tmp_path / "new"), code=3).stderr
    assert not (tmp_path / "new").exists()
