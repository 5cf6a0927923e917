"""The catalogue: every sentence that code asks for exists, every one that exists is asked for, in every language."""

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import config
import tasks
import worker
from config.catalogue import Catalogue, UnknownMessage, catalogue, text
from worker.pipeline import work
from worker.reports import reasons

MESSAGES = Path(config.__file__).parent / "messages"
LANGUAGES = sorted(folder.name for folder in MESSAGES.iterdir())
ROOTS = [Path(str(package.__file__)).parent for package in (config, worker, tasks)]
SOURCES = "".join(path.read_text() for root in ROOTS for end in ("py", "html") for path in root.rglob(f"*.{end}"))
QUOTED = set(re.findall(r'"([a-z_]+\.[a-z_0-9]+)"', SOURCES))
BEGINNINGS = set(re.findall(r'"([a-z_]+\.)(?:\{|" ~)', SOURCES))


def test_every_sentence_that_is_asked_for_exists() -> None:
    sections = {key.split(".")[0] for key in catalogue().messages}
    asked = {key for key in QUOTED if key.split(".")[0] in sections}
    assert sorted(asked - set(catalogue().messages)) == []


def test_no_sentence_is_never_asked_for() -> None:
    unused = {key for key in catalogue().messages if key not in QUOTED and f"{key.split('.')[0]}." not in BEGINNINGS}
    assert sorted(key for key in unused if key.split(".")[0] not in ("format", "month")) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_section_stands_in_two_files(language: str) -> None:
    sections = [name for path in MESSAGES.glob(f"{language}/*.toml") for name in tomllib.loads(path.read_text())]
    assert sorted(set(sections)) == sorted(sections)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_sentences_with_the_same_values(language: str) -> None:
    other = catalogue(language).messages
    assert set(other) == set(catalogue().messages)
    for key, message in catalogue().messages.items():
        assert _values(other[key]) == _values(message), key


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
    assert (reasons.FAILED, reasons.LOCKED) == (work.FAILED, work.LOCKED)


def _values(message: str | Mapping[str, str]) -> set[str]:
    forms = [message] if isinstance(message, str) else list(message.values())
    return {name for form in forms for name in re.findall(r"\{(\w+)\}", form)}
