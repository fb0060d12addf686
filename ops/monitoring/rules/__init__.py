"""The rules Prometheus evaluates for a switch: one source in Python, committed as YAML that needs none.

`python -m ops.monitoring.rules` writes `recording.yml` and `alerts.yml` beside this file.
"""

from ops.monitoring.rules.everything import ALERTS, RECORDINGS, alerts_of, recordings_of
from ops.monitoring.rules.shape import Alert, Group, Recording, Times
from ops.monitoring.rules.yaml_text import rules_text

__all__ = [
    "ALERTS",
    "RECORDINGS",
    "Alert",
    "Group",
    "Recording",
    "Times",
    "alerts_of",
    "recordings_of",
    "rules_text",
]
