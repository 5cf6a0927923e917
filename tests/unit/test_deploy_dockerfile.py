"""The Dockerfile, read line by line: two stages, hashes, nobody is root, and nothing comes along that is not needed."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Line:
    """An instruction and its words."""

    verb: str
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()


def instructions() -> list[Line]:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    parts = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [Line(verb.upper(), rest.strip()) for verb, rest in parts]


def stages() -> tuple[list[Line], list[Line]]:
    """What builds, and what runs."""
    lines = instructions()
    starts = [number for number, line in enumerate(lines) if line.verb == "FROM"]
    assert len(starts) == 2
    assert starts[0] == 0
    return lines[: starts[1]], lines[starts[1] :]


def commands(lines: list[Line]) -> list[str]:
    return [part.strip() for line in lines if line.verb == "RUN" for part in line.text.split("&&")]


def sources() -> set[str]:
    """What is copied out of the clone."""
    copies = [line for line in instructions() if line.verb == "COPY" and not line.text.startswith("--from")]
    return {source for line in copies for source in line.words[:-1]}


def test_both_stages_begin_with_the_same_exact_slim_image() -> None:
    build, run = (stage[0].words for stage in stages())
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", build[0])
    assert build[1:] == ["AS", "build"]
    assert run == [build[0]]


def test_only_known_instructions() -> None:
    """No ADD, which fetches and unpacks; no ARG, which stays in the image's history."""
    assert {line.verb for line in instructions()} == {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "CMD"}


def test_everything_downloaded_has_a_hash_and_is_not_built_here() -> None:
    build, run = (commands(stage) for stage in stages())
    installs = [c for c in build if re.search(r"\bpip\b.* (install|wheel) ", c)]
    assert len(installs) == 4
    for command in installs:
        pinned = {"--require-hashes", "--only-binary"} <= set(command.split())
        assert pinned or "--no-index" in command.split(), command
    assert not re.search(r"\b(pip|apt|apt-get|curl|wget|git|gcc|make)\b", " ".join(run))
    assert not re.search(r"\b(apt|apt-get|curl|wget|git)\b", " ".join(build))


def test_every_requirement_has_hashes() -> None:
    for name in ("requirements.txt", "deploy/requirements-build.txt"):
        blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text("utf-8").strip())
        assert len(blocks) > 3
        assert [block for block in blocks if "==" not in block or "--hash=sha256:" not in block] == []


def test_the_build_is_made_with_what_the_tests_are_made_with() -> None:
    dev, build = (
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements-dev.txt", "deploy/requirements-build.txt")
    )
    assert "hatchling" in build
    assert build.items() <= dev.items()


def test_only_what_was_built_comes_along() -> None:
    _, run = stages()
    assert [line.text for line in run if line.verb == "COPY"] == ["--from=build /opt/merzim /opt/merzim"]


def test_nobody_is_root() -> None:
    _, run = stages()
    verbs = [line.verb for line in run]
    assert verbs.count("USER") == 1
    assert verbs.index("USER") > max(number for number, verb in enumerate(verbs) if verb in ("RUN", "COPY"))
    (user,) = (line.text for line in run if line.verb == "USER")
    assert re.fullmatch(r"[1-9]\d{4}:[1-9]\d{4}", user)
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    assert {services[name]["user"] for name in ("init", "worker", "beat")} == {user}


def test_new_volumes_belong_to_the_user() -> None:
    """An engine gives a new volume the owner of the folder that it covers."""
    (install,) = (c for c in commands(stages()[1]) if c.startswith("install "))
    volumes = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]["worker"]["volumes"]
    targets = [volume.split(":")[1] for volume in volumes if isinstance(volume, str)]
    assert install.split()[-len(targets) :] == targets
    assert "-o merzim -g merzim" in install


def test_the_engine_is_given_what_is_copied_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == sources()
    assert [rule for rule in rules[1:] if not rule.startswith("!")] == ["**/__pycache__"]
    assert all((ROOT / source).exists() for source in sources())
