"""At a terminal: what is asked for is typed there, an identifier without being seen, a fingerprint letter by letter."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.office_support import Desk, office_on
from tests.integration.small_operator import LATELY

REQUEST = ("purge", "request", "--operation", "erasure", "--basis", "court order", "--checked", "court paper")
WHY = ("--reason", "case of May")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    for office in office_on("sqlite", tmp_path):
        yield Desk(office)


def typed(desk: Desk, *words: str, answers: Sequence[tuple[str, str]], **settings: str) -> tuple[int, str]:
    """The program on a terminal, its questions (their ends) answered; exit code, and all that was on the screen."""
    ours, theirs = pty.openpty()
    program = Path(sys.executable).with_name("merzim")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MERZIM_")} | settings
    process = subprocess.Popen(
        [str(program), "--env-file", str(desk.operator.env_file), *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=desk.operator.folder,
        env=environment | {"TERM": "dumb", "COLUMNS": "200"},
        start_new_session=True,  # else passphrases are asked for on the terminal of whoever runs the tests
    )
    os.close(theirs)
    screen, waiting, read = "", list(answers), 0
    with suppress(OSError):  # the terminal is gone when the program has ended
        while piece := os.read(ours, 4096):
            screen += piece.decode()
            if waiting and screen.endswith(f"{waiting[0][0]} ", read):  # the blank comes once nothing is shown any more
                os.write(ours, f"{waiting.pop(0)[1]}\n".encode())
                read = len(screen)
    os.close(ours)
    assert waiting == [], screen
    return process.wait(timeout=60), screen


def test_a_request_and_its_approval_are_typed(desk: Desk) -> None:
    desk.operator.sql(f"INSERT INTO letters VALUES (7, 'P1@Mail.kz', '{LATELY}')")
    aigul, bolat = desk.token("aigul"), desk.token("bolat")
    del aigul["MERZIM_TOKEN_PASSPHRASE_FILE"]
    questions = [("Passphrase of the token:", "the word of aigul"), ("e-mail or phone:", "p1@mail.kz")]
    code, screen = typed(desk, *REQUEST, *WHY, answers=[*questions, ("blanks between):", "letters:7 1")], **aigul)
    assert code == 0, screen
    assert "p1@mail.kz" not in screen
    assert "the word of aigul" not in screen
    assert "people.email" in screen
    assert "What goes (the request names 2 rows)" in screen
    assert "tax code" in screen
    (request,) = desk.operator.ledger("request")

    approve = ("purge", "approve", request["id"][:8])
    code, screen = typed(desk, *approve, answers=[("type its fingerprint:", "yes")], **bolat)
    assert (code, "not yes" in screen) == (2, True), screen
    code, screen = typed(desk, *approve, answers=[("type its fingerprint:", request["fingerprint"])], **bolat)
    assert code == 0, screen
    assert "What goes" in screen
    assert "The purge is done" in screen
    assert desk.operator.ids("people", "note IS NULL") == [1]
    assert desk.operator.ids("letters") == []

    code, screen = typed(desk, "purge", "show", request["id"], answers=[])
    assert code == 0
    assert "Sealed copies that still hold the originals" in screen
    code, screen = typed(desk, "purge", "list", "--all", answers=[])
    assert request["id"][:8] in screen


def test_a_new_passphrase_is_typed_twice(desk: Desk) -> None:
    questions = [("Passphrase of the token:", "the word of aigul"), ("Repeat for confirmation:", "the word of aigul")]
    code, screen = typed(desk, "keys", "person", "aigul", answers=questions)
    assert (code, "the word" in screen) == (0, False), screen
    assert (desk.operator.folder / "merzim-token-aigul.pem").stat().st_mode & 0o777 == 0o600
    code, screen = typed(desk, "keys", "persons", answers=[])
    assert "aigul" in screen
