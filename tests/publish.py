"""Write all that is published of the wire anew: `make published`, after any change of it.

Owns where the files lie; what is in them follows from the catalogue, the cases and the scenarios. Invariant:
run twice, it changes nothing.
"""

from __future__ import annotations

from pathlib import Path

import protocol
from protocol.published.make_scenarios import make_scenarios
from protocol.published.make_vectors import make_vectors
from protocol.published.spec_tables import rewritten

FOLDER = Path(protocol.__file__).parent


def write(folder: Path) -> None:
    """Write vectors.json and scenarios.json, and the generated parts of SPEC.md."""
    (folder / "vectors.json").write_text(make_vectors(), encoding="utf-8")
    (folder / "scenarios.json").write_text(make_scenarios(), encoding="utf-8")
    page = folder / "SPEC.md"
    page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
