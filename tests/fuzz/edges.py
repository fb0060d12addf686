"""Which edges of which modules inputs take, by the interpreter's own trace: steps from line to line.

Owns the count. Knows no harness. What atheris counts are branches of the byte code; these are of lines, and
can be counted wherever Python runs.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType, ModuleType
from typing import Any

Edge = tuple[str, int, int]


def edges(run: Callable[[bytes], object], inputs: Iterable[bytes], files: set[str]) -> list[set[Edge]]:
    """Return for each input the edges it took: file, line before, line."""
    found: list[set[Edge]] = []
    took: set[Edge] = set()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        if event != "call" or name not in files:
            return None
        last = frame.f_lineno

        def local(inner: FrameType, event: str, _: Any) -> Any:
            nonlocal last
            if event == "line":
                took.add((name, last, inner.f_lineno))
                last = inner.f_lineno
            return local

        took.add((name, 0, last))
        return local

    before = sys.gettrace()
    for data in inputs:
        took = set()
        sys.settrace(trace)
        try:
            run(data)
        finally:
            sys.settrace(before)
        found.append(took)
    return found


def lines_of(module: ModuleType, *, without: tuple[str, ...] = ()) -> set[int]:
    """Return the lines of a module's functions that can be run; `without` names functions left out."""
    source = inspect.getsource(module)
    whole = compile(source, module.__file__ or "", "exec")

    def walk(code: CodeType) -> Iterable[int]:
        for const in code.co_consts:
            if isinstance(const, CodeType) and const.co_name not in without:
                yield from walk(const)
                if const.co_flags & inspect.CO_OPTIMIZED:
                    lines = [line for _, _, line in const.co_lines() if line]
                    yield from (line for line in lines if line != const.co_firstlineno)

    return set(walk(whole))


def files_of(names: tuple[str, ...]) -> set[str]:
    """Return the files of the imported modules whose names begin with one of these."""
    return {
        module.__file__
        for name, module in list(sys.modules.items())
        if name.startswith(names) and getattr(module, "__file__", None)
        if module.__file__ is not None
    }
