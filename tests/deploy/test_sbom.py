"""The bill of materials: CycloneDX, from the lock files alone."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from ops.deploy.sbom import ROOT, bill, main

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_pin_is_a_component_with_its_hashes(lock: Path) -> None:
    """As many components as pins, none twice, each with version, package URL and every hash of the lock."""
    text = lock.read_text()
    made = bill(lock, ROOT / "pyproject.toml")
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made["serialNumber"])
    components = made["components"]
    assert len(components) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE)) > 20
    assert len({each["bom-ref"] for each in components}) == len(components)
    hashes = [each["content"] for one in components for each in one["externalReferences"][0]["hashes"]]
    assert hashes == re.findall(r"sha256:([0-9a-f]{64})", text)
    for each in components:
        assert re.fullmatch(r"pkg:pypi/[a-z0-9-]+@[0-9][\w.%+-]*", each["purl"]), each["purl"]
    [own] = made["dependencies"]
    assert set(own["dependsOn"]) == {each["bom-ref"] for each in components}


def test_it_is_printed_and_is_the_same_again(capsys: pytest.CaptureFixture[str]) -> None:
    """The same files, the same bill; a lock that is not there is one line and status 2."""
    assert main([]) == 0
    first = capsys.readouterr().out
    assert main(["runtime"]) == 0
    assert capsys.readouterr().out == first
    assert json.loads(first)["metadata"]["component"]["name"] == "cityswitch"
    assert main(["nothing"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


WELL = {"name": "trio", "version": "1", "vulns": []}
HOLED = {"name": "trio", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
UNKNOWN = {"name": "rich", "skip_reason": "Dependency not found on PyPI and could not be audited: rich (1)"}


@pytest.mark.parametrize(
    ("said", "ends", "told", "is_asked"),
    [
        ([WELL, WELL], 0, "runtime: 2 of 2 packages could be asked about, 0 known holes", True),
        ([HOLED, UNKNOWN], 1, "runtime: trio 1: PYSEC-1, mended in 2", True),
        ([WELL, UNKNOWN], 0, "runtime: 1 of 2 packages could be asked about, 0 known holes", True),
        ([UNKNOWN], 0, "runtime: 0 of 1 packages could be asked about, 0 known holes", False),
        (
            None,
            0,
            "could not ask about runtime, office, ha, fuzz, dev, audit: requests.exceptions.ConnectionError",
            False,
        ),
    ],
)
def test_a_known_hole_fails_and_no_advisories_do_not(
    tmp_path: Path, said: list[dict[str, object]] | None, ends: int, told: str, is_asked: bool
) -> None:
    """What pip-audit finds ends the check; where it cannot ask, or asked an index without advisories, a line
    says that nothing was asked.
    """
    (tmp_path / "said").write_text("" if said is None else json.dumps({"dependencies": said, "fixes": []}))
    tool = tmp_path / "pip-audit"
    tool.write_text(
        f"#!/bin/sh\ncat '{tmp_path}/said'\necho requests.exceptions.ConnectionError >&2\nexit 1\n"
    )
    tool.chmod(0o755)
    done = subprocess.run(
        [sys.executable, ROOT / "ops/setup/audit.py"],
        env={**os.environ, "PIP_AUDIT": str(tool)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ends, done.stderr
    assert told in done.stdout
    assert ("NOTHING WAS ASKED" not in done.stdout) == is_asked


def test_an_index_that_drips_is_given_up_at_a_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was not asked by then is named; what pip-audit started is ended with it."""
    script = runpy.run_path(str(ROOT / "ops/setup/audit.py"))
    tool, alive = tmp_path / "pip-audit", tmp_path / "alive"
    os.mkfifo(alive)
    answer = json.dumps({"dependencies": [WELL]})
    tool.write_text(
        f"#!/bin/sh\ncase $* in *runtime.txt) echo '{answer}'; exit;; esac\n"
        f"(echo begun; exec sleep 600) >'{alive}' & wait\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PIP_AUDIT", str(tool))
    monkeypatch.setitem(script["main"].__globals__, "AUDIT_S_MAX", 3.0)
    held = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    assert script["main"]() == 0
    told = capsys.readouterr().out
    assert "runtime: 1 of 1 packages" in told
    assert "could not ask about office, ha, fuzz, dev, audit: the audit had 3 s, and they are over" in told
    os.set_blocking(held, True)
    with open(held, encoding="utf-8") as pipe:
        assert pipe.read() == "begun\n"  # and ends: nobody writes there any more


def test_every_lock_is_asked_about() -> None:
    """No lock without an audit, and continuous integration runs it."""
    asked = runpy.run_path(str(ROOT / "ops/setup/audit.py"))["LOCKS"]
    assert sorted(asked) == [path.stem for path in LOCKS]
    assert "\nmake audit\n" in (ROOT / ".ci/run").read_text(encoding="utf-8")
