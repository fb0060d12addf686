"""Finds every event that the code can write to the log: its name, levels and fields, read off the source.

Owns the reading. Must not know what an event means (`log_texts`). Invariant: a call that writes to a log and
whose event cannot be read off it is an error, so that none is missed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("ledger", "switch", "ops")
"""What runs in the processes of a switch: the rest are programs of their own."""
LEVELS: Final = frozenset({"debug", "info", "warning", "error", "critical"})
LOGGERS: Final = frozenset({"log", "_log"})
NOTED: Final = ("source", "reason", "terminal", "times")
"""What FaultLog.note adds to what it is given."""
FAILURE: Final = frozenset({"status", "name", "cause", "cure"})
"""What a command that has failed tells (ops/output.py)."""
PASSED_ON: Final = frozenset({"switch/flow/faults.py"})
"""Where an event comes by that somebody else has named."""


class Event(NamedTuple):
    """What the code says of one event."""

    name: str
    levels: frozenset[str]
    fields: frozenset[str]


class UnreadableEvent(Exception):
    """A call that writes to the log, and whose event cannot be read off it."""


@cache
def find_events() -> dict[str, Event]:
    """Return every event of the code by its name. Raises `UnreadableEvent`."""
    found: dict[str, Event] = {}
    for name, level, fields in _all_calls():
        known = found.get(name, Event(name, frozenset(), frozenset()))
        found[name] = Event(name, known.levels | {level}, known.fields | fields)
    return dict(sorted(found.items()))


def _all_calls() -> Iterator[tuple[str, str, frozenset[str]]]:
    trees = {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
    }
    outages = sorted({name for tree in trees.values() for name in _outages(tree)})
    for file, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for name, level, fields in _events_of(file, node, outages):
                    yield name, level, fields | _made_by_functions(tree, node)
            elif isinstance(node, ast.Dict):
                yield from _event_line(node)


def _events_of(file: str, call: ast.Call, outages: list[str]) -> Iterator[tuple[str, str, frozenset[str]]]:
    for keyword in call.keywords:
        if keyword.arg == "log_event":
            yield from ((name, "critical", FAILURE) for name in _texts(keyword.value) if name)
    function = call.func
    if not isinstance(function, ast.Attribute):
        return
    if function.attr == "note" and len(call.args) >= 2:
        yield from ((name, "warning", _fields(call) | {*NOTED}) for name in _texts(call.args[1]))
    elif function.attr == "note_own":
        yield from ((name, "error", frozenset({"problem", "times"})) for name in _texts(call.args[0]))
    elif _is_logger(function) and file not in PASSED_ON:
        yield from ((name, function.attr, _fields(call)) for name in _names(file, call, outages))


def _is_logger(function: ast.Attribute) -> bool:
    return function.attr in LEVELS and isinstance(function.value, ast.Name) and function.value.id in LOGGERS


def _texts(node: ast.AST) -> list[str]:
    """The texts in an expression."""
    parts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    return [value for value in parts if isinstance(value, str)]


def _names(file: str, call: ast.Call, outages: list[str]) -> list[str]:
    """The event of a call: a text, or the beginning that an outage has and a text."""
    event = call.args[0] if call.args else None
    if isinstance(event, ast.Constant) and isinstance(event.value, str):
        return [event.value]
    if isinstance(event, ast.JoinedStr) and "self._what" in ast.unparse(event.values[0]):
        rest = "".join(str(part.value) for part in event.values[1:] if isinstance(part, ast.Constant))
        return [f"{what}{rest}" for what in outages]
    raise UnreadableEvent(f"{file}:{call.lineno}: the event is no text: {ast.unparse(call)[:100]}")


def _outages(tree: ast.Module) -> Iterator[str]:
    """The names of outages: what they are made with, and what they are called where nothing is said."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Outage":
            yield node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else "database"  # type: ignore[misc]


def _fields(call: ast.Call) -> frozenset[str]:
    """The names a call gives figures by; `exc_info` becomes `exception`, `extra` its keys."""
    fields: set[str] = set()
    for keyword in call.keywords:
        if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
            fields |= {str(key.value) for key in keyword.value.keys if isinstance(key, ast.Constant)}
            fields |= {"seconds", "failures"} if "_figures" in ast.unparse(keyword.value) else set()
        elif keyword.arg == "extra":
            fields |= {"seconds", "failures"}
        elif keyword.arg is not None:
            fields.add("exception" if keyword.arg == "exc_info" else keyword.arg)
    return frozenset(fields)


def _made_by_functions(tree: ast.Module, call: ast.Call) -> frozenset[str]:
    """The names in what a function of the module returns, where a call is given `**function(…)`."""
    wanted = {
        keyword.value.func.id
        for keyword in call.keywords
        if keyword.arg is None
        and isinstance(keyword.value, ast.Call)
        and isinstance(keyword.value.func, ast.Name)
    }
    return frozenset(
        str(key.value)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name in wanted
        for returned in ast.walk(function)
        if isinstance(returned, ast.Return) and isinstance(returned.value, ast.Dict)
        for key in returned.value.keys
        if isinstance(key, ast.Constant)
    )


def _event_line(node: ast.Dict) -> Iterator[tuple[str, str, frozenset[str]]]:
    """A line that is made past the logger: {"event": "…", …}."""
    keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
    if "event" not in keys:
        return
    values = dict(zip(keys, node.values, strict=False))
    if isinstance(event := values["event"], ast.Constant):
        level = values.get("level")
        said = level.value if isinstance(level, ast.Constant) else "warning"
        yield str(event.value), str(said), frozenset(map(str, keys)) - {"event", "level", "timestamp"}
