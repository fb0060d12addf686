"""All groups of rules, and the files they are committed as.

Owns the list and the order. Must not know any expression. Invariant: names are unique.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ops.monitoring.rules import books, doorway, objectives, processes, programmes
from ops.monitoring.rules.shape import Alert, Group, Recording, Times
from ops.monitoring.rules.yaml_text import rules_text

HERE: Final = Path(__file__).parent
AS_MEANT: Final = Times()


def recordings_of(times: Times) -> list[Group]:
    """Return the groups of recording rules."""
    return [objectives.recordings(times), programmes.recordings(times)]


def alerts_of(times: Times) -> list[Group]:
    """Return the groups of alerts."""
    return [part.alerts(times) for part in (objectives, processes, books, doorway, programmes)]


def files(times: Times = AS_MEANT) -> dict[Path, str]:
    """Return the text of each file by its path."""
    return {
        HERE / "recording.yml": rules_text(recordings_of(times), times),
        HERE / "alerts.yml": rules_text(alerts_of(times), times),
    }


RECORDINGS: Final = tuple(
    rule for group in recordings_of(AS_MEANT) for rule in group.rules if isinstance(rule, Recording)
)
ALERTS: Final = tuple(
    rule for group in alerts_of(AS_MEANT) for rule in group.rules if isinstance(rule, Alert)
)
