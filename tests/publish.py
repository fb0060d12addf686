"""Write what is published of wire, metrics, API and desk anew: `make published`, after any change of them.

Owns where the files lie; what is in them follows from the catalogues, the cases and the scenarios. Invariant:
run twice, it changes nothing.
"""

from __future__ import annotations

from pathlib import Path

import protocol
from ops.api.openapi import page
from protocol.published.make_scenarios import make_scenarios
from protocol.published.make_vectors import make_vectors
from protocol.published.spec_tables import rewritten
from switch.metrics.reference import reference
from tests.web import desk_acts

FOLDER = Path(protocol.__file__).parent
METRICS = FOLDER.parent / "docs/reference/metrics.md"
API = METRICS.with_name("api.json")


def write(folder: Path) -> None:
    """Write vectors.json and scenarios.json, and the generated parts of SPEC.md."""
    (folder / "vectors.json").write_text(make_vectors(), encoding="utf-8")
    (folder / "scenarios.json").write_text(make_scenarios(), encoding="utf-8")
    spec = folder / "SPEC.md"
    spec.write_text(rewritten(spec.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
    METRICS.parent.mkdir(parents=True, exist_ok=True)
    METRICS.write_text(reference(), encoding="utf-8")
    API.write_bytes(page())
    desk_acts.import_tests()
    desk_acts.PAGE.write_text(
        desk_acts.rewritten(desk_acts.PAGE.read_text(encoding="utf-8")), encoding="utf-8"
    )
