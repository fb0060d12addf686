"""Links this checkout into the environment that runs it: `.venv/bin/python ops/setup/link_project.py`.

Owns what an editable install would put there: a .pth file, the command's launcher and the metadata that
tells the version. Standard library only, so the runtime lock needs no build backend. Invariant: run
again, it writes the same.
"""

import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Through /bin/sh, because a path in a #! line may be neither long nor contain a space. Processes a command
# spawns (multiprocessing) import this file, so it runs nothing then.
LAUNCHER = """#!/bin/sh
'''exec' "$(dirname "$(readlink -f "$0")")/python" "$0" "$@"
' '''
import sys

if __name__ == "__main__":
    try:
        from {module} import {function}

        sys.exit({function}())
    except KeyboardInterrupt:
        sys.exit(130)
"""


def link() -> None:
    """Write the files and the record of them, by which pip can remove or replace them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    site, scripts = Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("scripts"))
    metadata = site / f"{name}-{version}.dist-info"
    files = {
        site / f"{name}.pth": f"{ROOT}\n",
        metadata / "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        metadata / "INSTALLER": "make\n",
    }
    for command, target in project["scripts"].items():
        module, _, function = target.partition(":")
        files[scripts / command] = LAUNCHER.format(module=module, function=function)
    metadata.mkdir(exist_ok=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
        if path.parent == scripts:
            path.chmod(0o755)
    recorded = [*files, metadata / "RECORD"]
    (metadata / "RECORD").write_text("".join(f"{path},,\n" for path in recorded), encoding="utf-8")


if __name__ == "__main__":
    link()
