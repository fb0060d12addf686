"""Guessing at a terminal's key: the guesser is slowed, for that terminal, and nobody else is."""

import pytest
import structlog.testing
import trio
from trio.testing import MockClock

from protocol.limits import BACKOFF_MAX_S, BACKOFF_MIN_S
from switch.wire.backoff import FORGOTTEN_AFTER_S, FREE, PAIRS_MAX, PAUSE_S_MAX, PAUSE_S_MIN, Backoff, pause_s
from tests.patience import HANG_S, jump
from tests.switch.memory import Line, Memory, running_front

THERE, ELSEWHERE = "127.0.0.2", "127.0.0.3"
TRANSPORTS = pytest.mark.parametrize("use_pump", [True, False])


async def comes_in(memory: Memory, source: str, terminal: int = 1, *, key: bytes | None = None) -> bool:
    """Shake hands once as a terminal, from an address; whether it is let in."""
    line = Line(await memory.connect(source), terminal, key=key)
    came_in = await line.sign_in()
    await line.stream.aclose()
    return came_in


async def refused(memory: Memory, causes: dict[str, int]) -> bool:
    """Wait until so many refusals have been counted, which is after their lines have ended."""
    with trio.fail_after(HANG_S):
        while memory.meters.sign_on_refusals.total() < sum(causes.values()):
            await trio.lowlevel.checkpoint()
    return memory.meters.sign_on_refusals == causes


async def guess(memory: Memory, times: int, source: str = THERE, terminal: int = 1) -> None:
    """Try so many wrong keys in a row."""
    for _ in range(times):
        assert not await comes_in(memory, source, terminal, key=bytes(32))


@TRANSPORTS
async def test_after_three_wrong_proofs_a_source_is_not_believed_for_a_while(
    use_pump: bool, mock_clock: MockClock
) -> None:
    """In its pause even the right key is none; after it, it is; and whoever came in once starts anew."""
    async with running_front(use_pump=use_pump) as memory:
        await guess(memory, FREE + 1)
        assert not await comes_in(memory, THERE)
        assert await refused(memory, {"wrong_key": FREE + 1, "backing_off": 1})
        await jump(mock_clock, pause_s(FREE + 1))
        assert await comes_in(memory, THERE)


@TRANSPORTS
async def test_neither_another_terminal_nor_another_source_has_the_pause(
    use_pump: bool, mock_clock: MockClock
) -> None:
    """A hundred guesses at terminal 1: terminal 2 comes in from there, terminal 1 from anywhere else."""
    async with running_front(use_pump=use_pump) as memory:
        await guess(memory, 100)
        assert await refused(memory, {"wrong_key": FREE + 1, "backing_off": 100 - FREE - 1})
        assert await comes_in(memory, THERE, 2)
        assert await comes_in(memory, ELSEWHERE, 1)


async def test_who_shares_a_terminals_address_cannot_keep_it_out(mock_clock: MockClock) -> None:
    """Where the terminal itself last came in from, guesses cost nothing: the shop's line is the shop's."""
    async with running_front() as memory:
        assert await comes_in(memory, THERE)
        await guess(memory, 50)
        assert await comes_in(memory, THERE)
        assert await refused(memory, {"wrong_key": 50})


@pytest.mark.parametrize("terminal", [1, 2, 99])
async def test_the_wire_does_not_tell_a_pause_from_a_wrong_key(terminal: int, mock_clock: MockClock) -> None:
    """Known, blocked or unknown: CHALLENGE, then the end, before the pause and in it; the log tells."""
    async with running_front() as memory:
        memory.directory.terminals[2].blocked = True
        seen: set[tuple[int, bool]] = set()
        with structlog.testing.capture_logs() as lines:
            for _ in range(2 * FREE + 2):
                line = Line(await memory.connect(THERE), terminal, key=bytes(32))
                await line.stream.send_all(line.session.data_to_send())
                challenge = bytes(await line.stream.receive_some(4_096))
                line.session.receive(challenge)
                await line.stream.send_all(line.session.data_to_send())
                seen.add((len(challenge), await line.closed()))
        assert seen == {(50, True)}
        reasons = [line["reason"] for line in lines if line["event"] == "sign_on_refused"]
        assert len(reasons) == 2
        assert reasons[-1] == "backing_off"
        assert memory.meters.handshakes == {"key": 2 * FREE + 2}


async def test_a_guesser_that_never_rests_has_two_guesses_a_minute(mock_clock: MockClock) -> None:
    """Ten guesses a second for ten minutes: what is looked at is some two dozen of six thousand."""
    backoff, looked_at = Backoff(), 0
    for tenth in range(6_000):
        if not backoff.is_paused(1, THERE, tenth / 10):
            backoff.failed(1, THERE, tenth / 10)
            looked_at += 1
    assert FREE + 600 / PAUSE_S_MAX < looked_at <= FREE + 8 + 600 / PAUSE_S_MAX
    assert not backoff.is_paused(2, THERE, 600.0)
    assert not backoff.is_paused(1, ELSEWHERE, 600.0)


def test_a_terminal_that_keeps_the_pause_of_the_protocol_meets_none() -> None:
    """However long a till has the wrong key, and however short the pauses it draws: it meets none of ours."""
    backoff, now = Backoff(), 0.0
    assert PAUSE_S_MIN * 2 == BACKOFF_MIN_S
    for failures in range(1, 200):
        assert not backoff.is_paused(1, THERE, now)
        backoff.failed(1, THERE, now)
        now += min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2.0 ** (failures - 1)) / 2


def test_what_is_remembered_of_failures_has_a_bound() -> None:
    """Numbers in any number, from any number of addresses: the latest to fail are known, and no more."""
    backoff = Backoff()
    for number in range(3 * PAIRS_MAX):
        backoff.failed(number, f"10.0.{number % 7}.{number % 251}", 0.0)
    assert len(backoff) == PAIRS_MAX


def test_a_flood_of_other_numbers_frees_nobody_who_goes_on() -> None:
    """A pair that fails again is the latest to fail: to be forgotten it takes ten thousand failures more."""
    backoff = Backoff()
    for now in range(100):
        backoff.failed(1, THERE, float(now))
        for number in range(2, 90):
            backoff.failed(number, f"10.0.0.{now}", float(now))
    assert backoff.is_paused(1, THERE, 100.0)


def test_failures_of_yesterday_are_forgotten() -> None:
    """A pair without a failure for ten minutes has its free tries again."""
    backoff = Backoff()
    for _ in range(50):
        backoff.failed(1, THERE, 0.0)
    backoff.failed(1, THERE, FORGOTTEN_AFTER_S)
    assert not backoff.is_paused(1, THERE, FORGOTTEN_AFTER_S)
