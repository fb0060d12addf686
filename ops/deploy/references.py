"""Writes the pages of the reference that are made of the code: `make references`.

Owns where they lie. Invariant: run twice, it changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ops.deploy.configuration import example_file, reference_page
from ops.deploy.json_shapes import schema
from ops.deploy.log_events import events_page
from ops.deploy.second_person import second_person_page

ROOT = Path(__file__).resolve().parents[2]


def pages() -> Mapping[str, str]:
    """Return what is made, by its path in the repository."""
    return {
        "docs/reference/configuration.md": reference_page(),
        "docs/reference/console.schema.json": json.dumps(schema(), indent=1) + "\n",
        "docs/reference/log-events.md": events_page(),
        "docs/reference/second-person.md": second_person_page(),
        "ops/deploy/cityswitch.example.toml": example_file(),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (ROOT / name).write_text(text, encoding="utf-8")
