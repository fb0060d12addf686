"""Builds the C of this checkout: `.venv/bin/python ops/setup/build_native.py`.

Owns the compiler call, one a file. Standard library only. Invariants: without a compiler or Python's headers
it says so in a line and is content, for everything runs in Python too; a file that runs is replaced whole and
never written into.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    ROOT / "protocol/sealing/native.c": "frames are sealed in Python (some 3 µs more a transaction)",
    ROOT / "ledger/registry/native.c": "cards' tokens are made in Python (some 0.3 µs more a transaction)",
    ROOT / "switch/rules/native.c": "cards are stored in Python (some 1.5 µs more each at a worker's start)"
    " and found, and receipts filled in, in Python (some 1 µs more a transaction)",
}
"""And what it is to do without."""


def target(source: Path) -> Path:
    """Return the file that this Python imports."""
    return source.with_name("native" + sysconfig.get_config_var("EXT_SUFFIX"))


def build(source: Path) -> str:
    """Build one; return why that came to nothing, or nothing."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[:1]
    if not compiler or shutil.which(compiler[0]) is None:
        compiler = ["cc"]
    if shutil.which(compiler[0]) is None:
        return "there is no C compiler (apt install gcc)"
    headers = Path(sysconfig.get_path("include"))
    if not (headers / "Python.h").exists():
        return f"{headers} has no Python.h (apt install python3-dev)"
    made = target(source).with_suffix(f".{os.getpid()}")
    extra = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    command = [*compiler, "-O3", "-fPIC", "-shared", *extra, f"-I{headers}", str(source), "-o", str(made)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        made.unlink(missing_ok=True)
        return f"{compiler[0]} failed: {(done.stderr.strip() or 'without a word').splitlines()[0]}"
    made.replace(target(source))
    return ""


if __name__ == "__main__":
    for each, slower in SOURCES.items():
        target(each).unlink(missing_ok=True)
        if problem := build(each):
            print(f"cityswitch set-up: {problem}: {slower}")
