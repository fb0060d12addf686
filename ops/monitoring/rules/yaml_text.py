"""Groups of rules as the YAML that Prometheus loads.

Owns the text. Must not know any rule. Invariant: every value stands in a block or in quotes, so nothing in an
expression or a sentence can be taken for YAML.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from ops.monitoring.rules.shape import Alert, Group, Recording, Times

HEAD: Final = """\
# Written by `python -m ops.monitoring.rules`: change the Python beside it and write it anew.
# Load it as it is: prometheus.example.yml shows how. What each alert means: docs/runbooks/.
"""


def rules_text(groups: Sequence[Group], times: Times) -> str:
    """Return a file of rules; holding times are written by `times`."""
    return HEAD + "groups:\n" + "".join(line + "\n" for group in groups for line in _group(group, times))


def _group(group: Group, times: Times) -> Iterator[str]:
    yield f"  - name: {group.name}"
    yield "    rules:"
    for rule in group.rules:
        yield from _recording(rule) if isinstance(rule, Recording) else _alert(rule, times)


def _recording(rule: Recording) -> Iterator[str]:
    yield f"      - record: {rule.name}"
    yield from _block("expr", rule.expr)


def _alert(rule: Alert, times: Times) -> Iterator[str]:
    yield f"      - alert: {rule.name}"
    yield from _block("expr", rule.expr)
    yield f"        for: {times.hold(rule.hold)}"
    yield "        labels:"
    yield f"          severity: {rule.severity}"
    yield "        annotations:"
    yield f"          summary: {_quoted(rule.summary)}"
    yield f"          description: {_quoted(rule.description)}"
    yield f"          runbook_url: {_quoted(rule.runbook)}"


def _block(key: str, text: str) -> Iterator[str]:
    yield f"        {key}: |-"
    for line in textwrap.dedent(text).strip().splitlines():
        yield f"          {line}"


def _quoted(text: str) -> str:
    return "'" + " ".join(text.split()).replace("'", "''") + "'"
