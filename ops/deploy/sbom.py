"""What an installation is made of, for whoever has to answer for it: CycloneDX 1.6, from the lock files.

    .venv/bin/python -m ops.deploy.sbom [office | dev | ha | fuzz] > cityswitch.cdx.json

Owns the form. Reads lock files and the project's own description, no index and no installed package, so it is
the same everywhere. Invariant: a function of these files; one component for each pin, with its hashes.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
PIN: Final = re.compile(
    r"^(?P<name>[A-Za-z0-9_.-]+)==(?P<version>[^\s;\\]+)(?P<marker>\s*;[^\\\n]*)?", re.MULTILINE
)
HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def component(entry: str) -> dict[str, Any]:
    """Return the component of one entry of a lock."""
    pin = PIN.match(entry)
    assert pin is not None
    name, version = re.sub(r"[-_.]+", "-", pin["name"]).lower(), pin["version"]
    purl = f"pkg:pypi/{name}@{version.replace('!', '%21')}"
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "externalReferences": [
            {
                "type": "distribution",
                "url": purl,  # of whatever index it is had from
                "hashes": [{"alg": "SHA-256", "content": each} for each in HASH.findall(entry)],
            }
        ],
    }
    if pin["marker"]:
        found["properties"] = [{"name": "cityswitch:marker", "value": pin["marker"].strip("; ")}]
    return found


def bill(lock: Path, project: Path) -> dict[str, Any]:
    """Return the bill of materials of a lock file."""
    text = lock.read_text(encoding="utf-8")
    about = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    starts = [pin.start() for pin in PIN.finditer(text)]
    entries = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    own = f"pkg:generic/{about['name']}@{about['version']}"
    components = [component(entry) for entry in entries]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": about["name"],
                "version": about["version"],
                "purl": own,
                "licenses": [{"license": {"id": about["license"]}}],
            },
            "properties": [{"name": "cityswitch:lock", "value": lock.name}],
        },
        "components": components,
        "dependencies": [{"ref": own, "dependsOn": sorted({each["bom-ref"] for each in components})}],
    }


def main(arguments: list[str]) -> int:
    """Write the bill of a lock (runtime) to standard output."""
    kind = arguments[0] if arguments else "runtime"
    lock = ROOT / "requirements" / f"{kind}.txt"
    if len(arguments) > 1 or not lock.exists():
        kinds = ", ".join(sorted(path.stem for path in lock.parent.glob("*.txt")))
        sys.stderr.write(f"there is no lock file {kind}: name one of {kinds}\n")
        return 2
    json.dump(bill(lock, ROOT / "pyproject.toml"), sys.stdout, indent=1)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
