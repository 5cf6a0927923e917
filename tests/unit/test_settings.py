"""Settings from the environment, from files and from an env file; every problem at once, no secret in any of them."""

import os
from datetime import time
from pathlib import Path

import pytest

from config.settings import Settings, SettingsProblems

URL = "postgresql+psycopg://merzim:s3cret@localhost/agency"
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
SECRET_KEY = "AGE-SECRET-KEY-1QQPQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("MERZIM_"):
            monkeypatch.delenv(name)


def problems_of(env_file: Path | None = None, need: tuple[str, ...] = ()) -> tuple[str, ...]:
    with pytest.raises(SettingsProblems) as caught:
        Settings.load(env_file, need)
    return caught.value.problems


def test_nothing_set() -> None:
    settings = Settings.load()
    assert (settings.database_url, settings.ledger_schema, settings.lock_target_ms) == ("", "merzim", 50)
    assert (settings.policy, settings.archive_recipients, settings.files) == (None, (), {})


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERZIM_DATABASE_URL", URL)
    monkeypatch.setenv("MERZIM_POLICY", "/etc/merzim/policy.yaml")
    monkeypatch.setenv("MERZIM_ARCHIVE_RECIPIENTS", f"{RECIPIENT}, {RECIPIENT}\n# a comment\n{RECIPIENT}\n")
    monkeypatch.setenv("MERZIM_FILES", '{"scans": "/srv/scans", "recordings": "/srv/calls"}')
    monkeypatch.setenv("MERZIM_LOCK_TARGET_MS", "80")
    settings = Settings.load()
    assert settings.database_url == URL
    assert settings.policy == Path("/etc/merzim/policy.yaml")
    assert settings.archive_recipients == (RECIPIENT,) * 3
    assert settings.files == {"scans": Path("/srv/scans"), "recordings": Path("/srv/calls")}
    assert settings.lock_target_ms == 80


def test_only_load_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERZIM_LEDGER_SCHEMA", "other")
    assert Settings().ledger_schema == "merzim"
    assert Settings.load().ledger_schema == "other"


def test_every_setting_can_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values = {
        "database_url": URL,
        "ledger_schema": "purging",
        "policy": "/etc/policy.yaml",
        "archive_url": "file:///var/archive",
        "archive_recipients": f"{RECIPIENT}\n{RECIPIENT}",
        "spool": "/var/spool",
        "signing_key": "/run/key.pem",
        "files": '{"scans": "/srv/scans"}',
        "reports": "/var/reports",
        "lock_target_ms": "20",
        "broker_url": "redis://:s3cret@localhost/0",
        "window": "22:00-04:30",
        "timezone": "Asia/Aqtobe",
        "sweep_seconds": "5",
        "pulse": "/run/merzim",
        "calendar": "/etc/calendar.yaml",
        "token": "/home/aigul/token.pem",
        "token_passphrase": "correct horse",
    }
    assert set(values) == set(Settings.model_fields)
    for name, text in values.items():
        (tmp_path / name).write_text(text + "\n", encoding="utf-8")
        monkeypatch.setenv(f"MERZIM_{name.upper()}_FILE", str(tmp_path / name))
    settings = Settings.load(need=tuple(values))
    assert settings.database_url == URL
    assert settings.ledger_schema == "purging"
    assert settings.policy == Path("/etc/policy.yaml")
    assert settings.archive_url == "file:///var/archive"
    assert settings.archive_recipients == (RECIPIENT, RECIPIENT)
    assert settings.signing_key == Path("/run/key.pem")
    assert settings.files == {"scans": Path("/srv/scans")}
    assert settings.lock_target_ms == 20
    assert settings.broker_url == values["broker_url"]
    assert (settings.window.start, settings.window.end) == (time(22), time(4, 30))
    assert (settings.timezone.key, settings.sweep_seconds, settings.pulse) == ("Asia/Aqtobe", 5, Path("/run/merzim"))


def test_a_mounted_key_is_used_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "signing_key"
    key.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", encoding="utf-8")
    monkeypatch.setenv("MERZIM_SIGNING_KEY_FILE", str(key))
    assert Settings.load().signing_key == key


def test_paths_in_an_env_file_start_at_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text(URL, encoding="utf-8")
    env_file = tmp_path / "merzim.env"
    env_file.write_text(
        "# made by hand\nMERZIM_POLICY=policy.yaml\nMERZIM_SPOOL=/var/spool\nMERZIM_ARCHIVE_URL=archive\n"
        'MERZIM_DATABASE_URL_FILE=url\nMERZIM_FILES=\'{"scans": "files/scans"}\'\n'
        f'MERZIM_ARCHIVE_RECIPIENTS="{RECIPIENT}\n{RECIPIENT}"\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path.parent)
    settings = Settings.load(Path(tmp_path.name) / "merzim.env")
    assert settings.policy == tmp_path / "policy.yaml"
    assert settings.spool == Path("/var/spool")
    assert settings.archive_url == str(tmp_path / "archive")
    assert settings.database_url == URL
    assert settings.files == {"scans": tmp_path / "files" / "scans"}
    assert settings.archive_recipients == (RECIPIENT, RECIPIENT)


def test_the_environment_wins_over_the_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env_file = tmp_path / "merzim.env"
    env_file.write_text(
        "MERZIM_LEDGER_SCHEMA=from_file\nMERZIM_LOCK_TARGET_MS=10\nMERZIM_POLICY=in_file.yaml\n", encoding="utf-8"
    )
    monkeypatch.setenv("MERZIM_LEDGER_SCHEMA", "from_environment")
    monkeypatch.setenv("MERZIM_POLICY", "here.yaml")
    settings = Settings.load(env_file)
    assert settings.ledger_schema == "from_environment"
    assert settings.lock_target_ms == 10
    assert settings.policy == Path("here.yaml")


def test_everything_wrong_or_missing_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "LEDGER_SCHEMA": 'merzim"; DROP',
        "ARCHIVE_URL": "ftp://host/archive",
        "ARCHIVE_RECIPIENTS": f"{RECIPIENT},nobody",
        "FILES": "[1]",
        "LOCK_TARGET_MS": "0",
        "BROKER_URL": "s3cret",
    }
    for name, text in wrong.items():
        monkeypatch.setenv(f"MERZIM_{name}", text)
    problems = problems_of(need=("database_url", "policy", "files"))
    names = ["DATABASE_URL", "LEDGER_SCHEMA", "POLICY", "ARCHIVE_URL", "ARCHIVE_RECIPIENTS", "FILES"]
    names += ["LOCK_TARGET_MS", "BROKER_URL"]
    assert [problem.split()[0] for problem in problems] == [f"MERZIM_{name}" for name in names]
    assert all(f"set it as in {problem.split()[0]}=" in problem for problem in problems)
    assert "s3cret" not in "".join(problems)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("DATABASE_URL", "s3cret", "is not a URL"),
        ("ARCHIVE_RECIPIENTS", SECRET_KEY, "holds a secret key as number 1"),
        ("ARCHIVE_URL", "file://host/x", "is neither a directory nor a file:// URL"),
        ("FILES", "{", "is not JSON"),
        ("FILES", '{"scans": 1}', "is not a JSON object from names of file roots to folders"),
        ("LOCK_TARGET_MS", "251", "from 1 to 250"),
        ("LOCK_TARGET_MS", "fast", "from 1 to 250"),
        ("DATABASE_URL_FILE", "/nowhere/s", "cannot be read from the file that MERZIM_DATABASE_URL_FILE names"),
        ("SPOOL", "a\nb", "is more than one line"),
        ("WINDOW", "1:30-6:00", "is not two times of day"),
        ("WINDOW", "01:30-24:00", "is not two times of day"),
        ("TIMEZONE", "Almaty", "is not the name of a time zone"),
        ("TIMEZONE", "../etc/passwd", "is not the name of a time zone"),
        ("SWEEP_SECONDS", "0", "from 1 to 3600"),
    ],
)
def test_wrong(monkeypatch: pytest.MonkeyPatch, name: str, text: str, words: str) -> None:
    monkeypatch.setenv(f"MERZIM_{name}", text)
    [problem] = problems_of()
    assert words in problem
    assert "s3cret" not in problem
    assert SECRET_KEY not in problem


def test_both_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERZIM_DATABASE_URL", URL)
    monkeypatch.setenv("MERZIM_DATABASE_URL_FILE", "/run/secrets/url")
    [problem] = problems_of()
    assert "MERZIM_DATABASE_URL and MERZIM_DATABASE_URL_FILE are both set" in problem


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERZIM_LEDGER_SCHEMA", "")
    assert Settings.load().ledger_schema == "merzim"


def test_an_env_file_that_is_not_there(tmp_path: Path) -> None:
    [problem, missing] = problems_of(tmp_path / "none.env", need=("database_url",))
    assert "none.env cannot be read" in problem
    assert missing.startswith("MERZIM_DATABASE_URL is not set")


def test_required_later() -> None:
    with pytest.raises(SettingsProblems) as caught:
        Settings.load().require("database_url", "ledger_schema", "policy")
    assert [problem.split()[0] for problem in caught.value.problems] == ["MERZIM_DATABASE_URL", "MERZIM_POLICY"]


def test_no_password_in_str_or_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERZIM_DATABASE_URL", URL)
    monkeypatch.setenv("MERZIM_BROKER_URL", "redis://:s3cret@localhost/0")
    settings = Settings.load()
    assert "s3cret" not in f"{settings} {settings!r}"
