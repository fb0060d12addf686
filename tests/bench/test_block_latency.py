"""What a watcher of the block measurement counts as in force, and what it refuses to count."""

import pytest

from bench.city import identity
from bench.load.terminal import BlockingTerminal
from bench.probes.block_latency import Watcher, WatchFailed
from protocol import Balance, ResultCode
from tests.bench.scripted_switch import CITY, ScriptedSwitch, Step, scripted_switch

BLOCKED = int(ResultCode.CARD_BLOCKED)


def watch(switch: ScriptedSwitch, *codes: int) -> int:
    """Run a watcher over scripted codes; return how often it reported an approval."""
    switch.script.extend(Step(code=code) for code in codes)
    approved: list[None] = []
    with BlockingTerminal.connect("127.0.0.1", switch.port, identity(CITY, 0)) as line:
        Watcher(0, line).watch(CITY.card_digits(1), lambda: approved.append(None))
    return len(approved)


def test_the_first_refusal_ends_the_watch() -> None:
    """A watcher asks until the card is refused, not once more, and reports its first approval once."""
    with scripted_switch() as switch:
        assert watch(switch, 0, 0, 0, BLOCKED, 0) == 1
        assert [type(request) for request in switch.requests] == [Balance] * 4


@pytest.mark.parametrize(
    "codes", [(BLOCKED,), (0, int(ResultCode.TRY_AGAIN)), (0, int(ResultCode.CARD_UNKNOWN))]
)
def test_a_round_that_proves_nothing_fails(codes: tuple[int, ...]) -> None:
    """No approval before the block, or another answer than approval and refusal: no figure is made of it."""
    with scripted_switch() as switch, pytest.raises(WatchFailed):
        watch(switch, *codes)
