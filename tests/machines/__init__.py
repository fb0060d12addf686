"""State machines of Hypothesis: any order of what can be done to a session, to the books, and to a card.

MACHINE_EXAMPLES and MACHINE_STEPS say how many runs of how many steps, drawn anew each time, and what fails
is shortened; without them the same few each time, as continuous integration has it (`make machines`: many).
"""

import os
from typing import Final

from hypothesis import HealthCheck, Phase, settings

_EXAMPLES: Final = os.environ.get("MACHINE_EXAMPLES", "")


def bounded(examples: int, steps: int) -> settings:
    """Return how much a machine does: so much, always the same, or as much as was asked for."""
    return settings(
        derandomize=not _EXAMPLES,
        phases=(Phase.generate, Phase.shrink) if _EXAMPLES else (Phase.generate,),
        database=None,
        max_examples=int(_EXAMPLES or examples),
        stateful_step_count=int(os.environ.get("MACHINE_STEPS", "") or steps),
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
