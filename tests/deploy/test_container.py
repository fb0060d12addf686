"""The container recipe, read as an engine would: its instructions, and every path and command it names.

No engine builds it here; what an engine would find wrong in the text is found.
"""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from ops.cli.app import app
from switch.config import Config

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "ops/deploy/container/Containerfile"
INSTRUCTIONS: Final = {
    "FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
    "ENTRYPOINT", "CMD",
}  # fmt: skip


class Step(NamedTuple):
    """One instruction and what follows it."""

    name: str
    rest: str


def stages() -> list[list[Step]]:
    """The instructions of each stage, lines that are continued joined."""
    text = re.sub(r"^#.*\n", "", RECIPE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    steps = [Step(*line.split(None, 1)) for line in lines]
    starts = [number for number, step in enumerate(steps) if step.name == "FROM"]
    assert starts[0] == 0
    return [steps[first:last] for first, last in zip(starts, [*starts[1:], len(steps)], strict=True)]


def of(stage: list[Step], name: str) -> list[str]:
    """What follows an instruction, each time it stands in a stage."""
    return [step.rest for step in stage if step.name == name]


def test_every_instruction_is_one_and_every_command_parses() -> None:
    """Known instructions only; what RUN hands to a shell is a shell's; exec forms are JSON."""
    assert {step.name for stage in stages() for step in stage} == INSTRUCTIONS
    for stage in stages():
        for command in of(stage, "RUN"):
            assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0
        for name in ("ENTRYPOINT", "CMD", "VOLUME"):
            for rest in of(stage, name):
                assert all(isinstance(word, str) for word in json.loads(rest))


def test_what_is_copied_is_there_and_is_enough() -> None:
    """Every source is in the checkout; all packages, and all that `make venv` reads, come along."""
    build, final = stages()
    copied = [word for rest in of(build, "COPY") for word in shlex.split(rest)[:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    set_up = (ROOT / "ops/setup/setup_environment.sh").read_text(encoding="utf-8")
    read = set(re.findall(r"(?:requirements|ops/setup)/[\w.]*\w|pyproject\.toml", set_up))
    assert len(read) >= 4
    assert "./*/*/native.c" in set_up
    read |= {str(source.relative_to(ROOT)) for source in ROOT.glob("*/*/native.c")}
    assert {name for name in read if name.split("/")[0] not in copied} == set()
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages <= set(copied)
    assert of(final, "COPY") == ["--from=build /opt/cityswitch /opt/cityswitch"]
    assert of(build, "WORKDIR") == ["/opt/cityswitch"]
    assert of(build, "RUN")[-1] == "make venv"


def test_what_it_starts_is_a_command_of_an_unprivileged_user() -> None:
    """`serve` with the settings' file, on the settings' ports, not as root, stopped by what drains it."""
    _, final = stages()
    (program,), words = json.loads(of(final, "ENTRYPOINT")[0]), json.loads(of(final, "CMD")[0])
    assert program == "/opt/cityswitch/.venv/bin/cityswitch"
    app.parse_args(words, exit_on_error=False, print_error=False)
    assert of(final, "USER") == ["10001:10001"]
    assert of(final, "EXPOSE") == [f"{Config().listen_port} {Config().http_port}"]
    assert of(final, "STOPSIGNAL") == ["SIGTERM"]
    environment = dict(pair.split("=") for pair in shlex.split(of(final, "ENV")[0]))
    assert environment["CITYSWITCH_STATE_DIR"] in json.loads(of(final, "VOLUME")[0])


def test_its_health_is_asked_of_the_switch() -> None:
    """The health check is Python that compiles and asks the first worker's /readyz."""
    _, final = stages()
    (check,) = of(final, "HEALTHCHECK")
    python, flag, code = json.loads(check.partition(" CMD ")[2])
    assert (python, flag) == ("/opt/cityswitch/.venv/bin/python", "-c")
    compile(code, "health", "exec")
    assert f"http://127.0.0.1:{Config().http_port}/readyz" in code
