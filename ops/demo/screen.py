"""What the demo shows: numbered steps with their time, a line that renews itself, readable in a log file too.

Owns the printing. Invariants: nothing but plain lines goes to what is not a terminal; every step ends its
line, also when it fails.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from ops.output import print_text


class ScreenStep:
    """A step under way; `note` is what its line says at the end."""

    def __init__(self) -> None:
        self.note = "done"


class Screen:
    """Steps 1 to `steps`, one line each."""

    def __init__(self, steps: int, out: TextIO | None = None) -> None:
        self._out = out
        self._steps = steps
        self._number = 0
        self._renewing = False

    @contextmanager
    def step(self, title: str) -> Iterator[ScreenStep]:
        """Print a step's line around the work of the block."""
        self._number += 1
        step = ScreenStep()
        began_s = time.monotonic()
        self._write(f"[{self._number}/{self._steps}] {title} ... ")
        try:
            yield step
        except BaseException:
            self._write("\n")
            raise
        self._write(f"{step.note} ({time.monotonic() - began_s:.1f} s)\n")

    def heading(self, title: str) -> None:
        """Print the line of a step that prints lines of its own."""
        self._number += 1
        self.line(f"[{self._number}/{self._steps}] {title}")

    def line(self, text: str = "") -> None:
        """Print a line."""
        self.end_renewing()
        self._write(text + "\n")

    def renew(self, text: str) -> None:
        """Print a line over the last one of its kind; into a file, below it."""
        if self.is_terminal:
            self._renewing = True
            self._write(f"\r\x1b[2K{text}")
        else:
            self._write(text + "\n")

    def end_renewing(self) -> None:
        """Leave the last renewed line as it is."""
        if self._renewing:
            self._write("\n")
            self._renewing = False

    @property
    def is_terminal(self) -> bool:
        """Whether somebody watches."""
        return (self._out or sys.stdout).isatty()

    def _write(self, text: str) -> None:
        print_text(text, self._out)
