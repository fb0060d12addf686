"""The reference of the log: every event, made of the code and of the words for it.

Owns how the page looks. Must not know how events are found (`log_sources`) nor what they mean (`log_texts`).
"""

from __future__ import annotations

from typing import Final

from ops.deploy.log_sources import LEVELS, find_events
from ops.deploy.log_texts import EVENTS

ORDER: Final = ("debug", "info", "warning", "error", "critical")
PAGE: Final = """# Events of the log

<!-- Made by `make references` of the code and ops/deploy/log_texts.py: do not edit. -->

`cityswitch serve` and its workers write JSON to standard error, an object a line, at most 4,095 bytes: also
Python's own warnings, errors nobody caught, and (unless that is a terminal) the line that says why a start
failed. `cityswitch board` does the same. Under systemd they are in the journal:
`journalctl -u cityswitch -o cat | jq .`

Every line has `event`, `level` and `timestamp` (UTC); a worker's have `worker`, what the ledger and libraries
log has `logger`. A library's line has its text as `event`. `left_out` counts lines of the same event that
were left out in a storm (50 a second), `times` how often a fault occurred since its last line (one a minute).
`exception` is a traceback. Never in a line: a key, a whole card number, anything of a person.

| event | level | fields | meaning | what to do |
| --- | --- | --- | --- | --- |
"""


def events_page() -> str:
    """Return docs/reference/log-events.md."""
    assert set(ORDER) == LEVELS
    rows = []
    for event in find_events().values():
        told = EVENTS[event.name]
        levels = ", ".join(level for level in ORDER if level in event.levels)
        fields = ", ".join(f"`{field}`" for field in sorted(event.fields))
        rows.append(f"| `{event.name}` | {levels} | {fields} | {told.meaning} | {told.todo} |")
    return PAGE + "\n".join(rows) + "\n"
