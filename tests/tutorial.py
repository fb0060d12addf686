"""docs/tutorial.md, typed line by line: what the commands print is what the page says.

`python -m tests.tutorial` writes the page anew with what they print now. Owns which parts of an output are
the reader's own (dates, times, ids, how long it took). Invariant: a command is run as it stands on the page.
"""

from __future__ import annotations

import getpass
import os
import re
import tempfile
from pathlib import Path

from tests.shell import FENCE, ROOT, Shell, blocks, wait_for_switch

PAGE = ROOT / "docs" / "tutorial.md"
OWN = (
    (re.compile(r"\b\d{4}-\d\d-\d\d(T[\d:]+)?"), "DATE"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?(\.\d+)?Z?"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? (m?s|days)\b"), "SPAN"),
    (re.compile(r"\b[0-9a-f]{32,64}\b|\b\d{15,20}\b"), "ID"),
    (re.compile(r"\b\d+ migrations\b"), "MIGRATIONS"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
)
"""What differs from reader to reader, and the word that stands for it when two outputs are compared."""


def masked(printed: str) -> str:
    """Return an output without what is the reader's own."""
    for pattern, word in OWN:
        printed = pattern.sub(word, printed)
    return "\n".join(" ".join(line.split()) for line in printed.splitlines() if line.strip(" ─-"))


def dialogues(page: str) -> list[tuple[str, str]]:
    """Return each command of the page and what stands below it."""
    found: list[tuple[str, str]] = []
    for block in blocks(page):
        if block.kind == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, printed = part.partition("\n")
                found.append((command, printed))
    return found


class Reader:
    """Follows the page in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shell = Shell(folder, {"CHECKOUT": str(ROOT)})

    def store(self, page: str) -> None:
        """Store the files that the page shows."""
        for block in blocks(page):
            if block.name:
                (self._folder / block.name).write_text(block.text, encoding="utf-8")

    def type(self, command: str) -> str:
        """Type one command of the page; return what it printed."""
        printed = self._shell.type(command, may_fail=True)
        if command.startswith("cityswitch serve"):
            wait_for_switch(self._folder / "var")
            return ""  # the shell's number of the job
        return printed.replace(str(self._folder), "~/lipowo").replace(getpass.getuser(), "you")

    def close(self) -> None:
        """End the shell, and a switch that still runs."""
        self._shell.close()


def rewritten(page: str, printed: list[str]) -> str:
    """Return the page with these outputs in place of its own."""
    outputs = iter(printed)

    def block(found: re.Match[str]) -> str:
        if found[1] != "console":
            return found[0]
        commands = [command for command, _ in dialogues(found[0])]
        return "```console\n" + "".join(f"$ {command}\n{next(outputs)}" for command in commands) + "```"

    return FENCE.sub(block, page)


def main() -> None:
    """Write the page anew."""
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        reader = Reader(Path(name))
        try:
            reader.store(page)
            printed = [reader.type(command) for command, _ in dialogues(page)]
        finally:
            reader.close()
    PAGE.write_text(rewritten(page, printed), encoding="utf-8")


if __name__ == "__main__":
    os.umask(0o077)
    main()
