"""The bill of materials: CycloneDX, from the lock files alone."""

import json
import os
import re
import subprocess
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
    assert len(components) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE)) > 30
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


@pytest.mark.parametrize(
    ("status", "said", "ends", "told"),
    [
        (0, "No known vulnerabilities found", 0, "runtime: no known hole"),
        (1, "Found 2 known vulnerabilities in 1 package", 1, "Found 2 known vulnerabilities"),
        (0, "trio Dependency not found on PyPI and could not be audited: trio (1)", 0, "left out 1 packages"),
        (1, "requests.exceptions.ConnectionError", 0, "could not ask: requests.exceptions.ConnectionError"),
    ],
)
def test_a_known_hole_fails_and_no_network_does_not(
    tmp_path: Path, status: int, said: str, ends: int, told: str
) -> None:
    """What pip-audit finds ends the check; where it cannot ask, or asked an index without advisories, a line
    says so.
    """
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!/bin/sh\necho '{said}'\nexit {status}\n")
    tool.chmod(0o755)
    done = subprocess.run(
        [ROOT / "ops/setup/audit.sh"],
        env={**os.environ, "PIP_AUDIT": str(tool)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ends
    assert told in done.stdout
