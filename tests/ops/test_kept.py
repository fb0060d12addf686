"""What is made once for everybody who asks within some seconds."""

import pytest
import trio
import trio.testing

from ops.office.kept import Kept


class Maker:
    def __init__(self) -> None:
        self.made = 0
        self.fails = False

    async def __call__(self) -> int:
        await trio.sleep(1.0)
        if self.fails:
            raise ValueError("not now")
        self.made += 1
        return self.made


async def test_it_is_made_once_for_all_who_ask(autojump_clock: trio.testing.MockClock) -> None:
    """Those who come while it is made wait for it; then it is as old as it may be, and made anew."""
    kept, make, found = Kept[int](2.0), Maker(), list[int]()

    async def ask() -> None:
        found.append(await kept.get("a", make))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert (found, make.made) == ([1] * 5, 1)
    await trio.sleep(0.9)
    await ask()
    assert make.made == 1  # counted from when it was begun: 1.9 s
    await trio.sleep(0.1)
    await ask()
    assert (found[-1], make.made) == (2, 2)


async def test_another_key_is_another_value(autojump_clock: trio.testing.MockClock) -> None:
    """A key has its own."""
    kept, make = Kept[int](2.0), Maker()
    assert await kept.get(("a", "pl"), make) == 1
    assert await kept.get(("a", "en"), make) == 2
    assert make.made == 2


async def test_a_failure_is_kept_for_nobody(autojump_clock: trio.testing.MockClock) -> None:
    """Who asks next has it made anew."""
    kept, make = Kept[int](2.0), Maker()
    make.fails = True
    with pytest.raises(ValueError, match="not now"):
        await kept.get("a", make)
    make.fails = False
    assert await kept.get("a", make) == 1


async def test_a_failure_is_told_to_all_who_waited(autojump_clock: trio.testing.MockClock) -> None:
    """Nobody waits for one failure after the other."""
    kept, make, failed = Kept[int](2.0), Maker(), list[float]()
    make.fails = True

    async def ask() -> None:
        with pytest.raises(ValueError, match="not now"):
            await kept.get("a", make)
        failed.append(trio.current_time())

    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert failed == [begun + 1.0] * 5


async def test_who_goes_leaves_the_making_to_the_next(autojump_clock: trio.testing.MockClock) -> None:
    """A maker that is cancelled is no failure: one of those who wait makes it."""
    kept, make, found = Kept[int](2.0), Maker(), list[int]()

    async def ask() -> None:
        found.append(await kept.get("a", make))

    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0.5):
            async with trio.open_nursery() as leaving:
                leaving.start_soon(ask)
                await trio.sleep(0.1)
                nursery.start_soon(ask)
                nursery.start_soon(ask)
    assert (found, make.made) == ([1, 1], 1)
