"""The catalogue: every sentence that code asks for exists, every one that exists is asked for, in every language."""

import ast
import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import config
import tasks
import worker
from config.catalogue import Catalogue, UnknownMessage, catalogue, text
from worker.pipeline import set_aside
from worker.reports import reasons

MESSAGES = Path(config.__file__).parent / "messages"
LANGUAGES = sorted(folder.name for folder in MESSAGES.iterdir())
ROOTS = [Path(str(package.__file__)).parent for package in (config, worker, tasks)]
SOURCES = "".join(path.read_text() for root in ROOTS for end in ("py", "html") for path in root.rglob(f"*.{end}"))
QUOTED = set(re.findall(r'"([a-z_]+\.[a-z_0-9]+)"', SOURCES))
BEGINNINGS = set(re.findall(r'"([a-z_]+\.)(?:\{|" ~)', SOURCES))

SENTENCE_TAKERS = {
    *("say", "tell", "stop", "busy", "progress", "print_table", "prompt", "add_task"),
    *("Option", "Argument", "command", "callback", "Typer"),
    *("Problem", "problem", "_problem", "error", "warning", "Unreadable", "append", "Halt", "close", "load_policy"),
    *("ArchiveError", "BrakePulled", "Broken", "Crossed", "DemoError", "IllegalArrow", "LedgerError", "PersonalText"),
    *("Refused", "RunClosed", "SettingsProblems", "StrategyError", "TooManyBad", "UnknownDatabase", "UnknownStrategy"),
    *("UnsupportedKey", "ValueError", "WrongPolicy"),
}
"""Whatever is given to these is read by users. Logs have methods of the same names, and are not."""

WORDS = re.compile(r"[^\W\d_].* | .*[^\W\d_]", re.DOTALL)
SENTENCE = re.compile(r"(\{\}|[A-Za-z][a-z]+)[.,:;]? [a-z]{2}")
DATA = {" after the end of the year", "in work", "not a text in double quotes", "partitioned table"}
"""What is compared in code, or read by the policy's own readers, and never shown as it stands."""


def test_every_sentence_that_is_asked_for_exists() -> None:
    sections = {key.split(".")[0] for key in catalogue().messages}
    asked = {key for key in QUOTED if key.split(".")[0] in sections}
    assert sorted(asked - set(catalogue().messages)) == []


def test_no_sentence_is_never_asked_for() -> None:
    unused = {key for key in catalogue().messages if key not in QUOTED and f"{key.split('.')[0]}." not in BEGINNINGS}
    assert sorted(key for key in unused if key.split(".")[0] not in ("format", "month")) == []


def test_every_sentence_stands_in_the_catalogue() -> None:
    paths = [path for root in ROOTS for path in root.rglob("*.py")]
    assert [f"{path}:{line}" for path in paths for line in _sentences_in_code(path.read_text())] == []


@pytest.mark.parametrize(
    "code",
    [
        'say("No run yet.")',
        'say(f"No run {n} yet.")',
        'stop("No run" if n else "No run yet", 2)',
        'raise Refused("No run yet")',
        'ground.error(path, "no run yet")',
        'typer.Option("--run", help="No run yet.")',
        'sentence = f"no run {n}"\n    say(sentence)',
        'return "no run yet"',
        'yield f"no run {n}"',
    ],
)
def test_a_sentence_in_code_is_found(code: str) -> None:
    assert list(_sentences_in_code(f"def verb(n):\n    {code}\n"))


@pytest.mark.parametrize(
    "code",
    [
        'say(text("a.b", command=f"merzim {n} plan"))',
        'say(f"{n:<20} {n}")',
        'log.warning("slice rolled back")',
        'sentence = "no run"\n    log.info(sentence)',
        'return text("a.b")',
    ],
)
def test_what_is_no_sentence_in_code_is_let_pass(code: str) -> None:
    assert list(_sentences_in_code(f"def verb(n):\n    {code}\n")) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_section_stands_in_two_files(language: str) -> None:
    sections = [name for path in MESSAGES.glob(f"{language}/*.toml") for name in tomllib.loads(path.read_text())]
    assert sorted(set(sections)) == sorted(sections)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_language_has_all_that_letters_say_with_the_same_values(language: str) -> None:
    other = catalogue(language).messages
    said = {key: message for key, message in catalogue().messages.items() if re.match("letter|format|month", key)}
    assert set(other) == set(said)
    for key, message in said.items():
        assert _values(other[key]) == _values(message), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_has_the_plural_forms_of_its_language(language: str) -> None:
    forms = {"ru": {"one", "few", "many", "other"}}.get(language, {"one", "other"})
    plurals = {key: m for key, m in catalogue(language).messages.items() if not isinstance(m, str)}
    assert {key: set(m) for key, m in plurals.items() if not forms >= set(m)} == {}
    if language == "ru":
        assert {key for key, m in plurals.items() if set(m) != forms} == set()


def test_russian_and_kazakh_choose_the_plural_and_write_numbers_and_dates() -> None:
    russian, kazakh = catalogue("ru"), catalogue("kk")
    said = [russian.text("letter_sum.deleted", n=n) for n in (1, 2, 5, 11, 12, 14, 21, 104, 111, 1000)]
    assert [words.partition(" ")[2] for words in said] == [
        *("1 запись", "2 записи", "5 записей", "11 записей", "12 записей", "14 записей", "21 запись", "104 записи"),
        *("111 записей", "1\u00a0000 записей"),
    ]
    assert kazakh.text("letter_sum.deleted", n=1000) == "1\u00a0000 жазба жойылды"
    assert russian.day(dt.date(2026, 11, 24)) == "24 ноября 2026 г."
    assert kazakh.day(dt.date(2026, 11, 24)) == "2026 жылғы 24 қараша"


def test_counts_choose_the_plural_and_are_grouped() -> None:
    assert text("answer.deleted", n=1) == "1 row was deleted"
    assert text("answer.deleted", n=12345) == "12,345 rows were deleted"


def test_a_sentence_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownMessage, match="no sentence"):
        text("answer.never")


def test_a_language_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownMessage, match="there is: en"):
        catalogue("xx")


def test_moments_are_written_in_the_operators_zone() -> None:
    english = catalogue()
    assert english.moment(dt.datetime(2026, 11, 22, 20, 30), "Asia/Almaty") == "23 November 2026, 01:30:00"
    assert english.day(dt.date(2028, 2, 29)) == "29 February 2028"


@pytest.mark.parametrize(
    ("count", "written"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 1024**2, "5.0 MiB"), (1024**5, "1024.0 TiB")],
)
def test_sizes_are_short(count: int, written: str) -> None:
    assert catalogue().size(count) == written


@pytest.mark.parametrize(
    ("seconds", "written"), [(0.04, "0.0 s"), (59.4, "59.4 s"), (61.0, "1 min 1 s"), (16200.0, "4 h 30 min")]
)
def test_durations_are_short(seconds: float, written: str) -> None:
    assert catalogue().duration(seconds) == written


def test_a_value_in_braces_is_not_filled_in_again() -> None:
    message = Catalogue("en", {"a.b": "{reason}", "format.thousands": ","})
    assert message.text("a.b", reason="{n} of {users}") == "{n} of {users}"


def test_the_reasons_are_those_that_the_pipeline_writes() -> None:
    assert (reasons.FAILED, reasons.LOCKED) == (set_aside.FAILED, set_aside.LOCKED)


def _values(message: str | Mapping[str, str]) -> set[str]:
    forms = [message] if isinstance(message, str) else list(message.values())
    return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}


def _sentences_in_code(source: str) -> Iterator[int]:
    """Lines where a function gives words to whatever users read from, directly or by a name, or returns a sentence."""
    for function in [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]:
        nodes = list(ast.walk(function))
        assigned = {
            target.id
            for node in nodes
            if isinstance(node, ast.Assign) and any(map(SENTENCE.search, _literals(node.value)))
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in nodes:
            if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
                if any(SENTENCE.search(words) for words in _literals(node.value) if words not in DATA):
                    yield node.lineno
            elif isinstance(node, ast.Call) and _name(node.func) in SENTENCE_TAKERS:
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                direct = any(WORDS.search(words) for value in given for words in _literals(value) if words not in DATA)
                if direct or any(isinstance(value, ast.Name) and value.id in assigned for value in given):
                    yield node.lineno


def _name(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute):
        return "" if isinstance(called.value, ast.Name) and called.value.id == "log" else called.attr
    return called.id if isinstance(called, ast.Name) else ""


def _literals(value: ast.AST) -> Iterator[str]:
    """The literal texts in an expression, `{}` for each value in them; not those of calls and dictionaries."""
    match value:
        case ast.Constant(value=str(written)):
            yield written
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.Call() | ast.Dict():
            return
        case _:
            for part in ast.iter_child_nodes(value):
                yield from _literals(part)
