"""No terminal number is ever in two hands: in one process, over several, and when one of them dies."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from bench.load.terminal_numbers import GRANTED, MasterDesk, NoTerminalFree, Pool, WorkerDesk


class Hub:
    """Joins runners in memory: the master and any number of workers, messages delivered at once."""

    def __init__(self) -> None:
        self.listeners: dict[str, dict[str, Callable[..., None]]] = {}

    def runner(self, name: str) -> "FakeRunner":
        self.listeners[name] = {}
        return FakeRunner(self, name)


class FakeRunner:
    def __init__(self, hub: Hub, name: str) -> None:
        self._hub = hub
        self._name = name

    def register_message(
        self, msg_type: str, listener: Callable[..., None], concurrent: bool = False
    ) -> None:
        self._hub.listeners[self._name][msg_type] = listener

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        listener = self._hub.listeners[client_id or "master"][msg_type]
        listener(environment=None, msg=SimpleNamespace(data=data, node_id=self._name))


def test_a_pool_gives_each_number_once() -> None:
    """All terminals are handed out, none twice, and then there is none: the message says what to do."""
    pool = Pool(3)
    assert sorted(pool.take() for _ in range(3)) == [0, 1, 2]
    with pytest.raises(NoTerminalFree, match=r"all 3 terminals .* start fewer users"):
        pool.take()


def test_a_returned_number_is_given_out_last() -> None:
    """What the last holder left in flight has time to end before the number is used again."""
    pool = Pool(3)
    first = pool.take()
    pool.give_back(first)
    assert [pool.take() for _ in range(3)] == [1, 2, first]


def test_only_the_holder_can_give_back() -> None:
    """A number that is given back twice, or by somebody else, is still in one hand only."""
    pool = Pool(1)
    index = pool.take("a")
    pool.give_back(index, "b")
    with pytest.raises(NoTerminalFree):
        pool.take("b")
    pool.give_back(index, "a")
    pool.give_back(index, "a")
    pool.take("b")
    with pytest.raises(NoTerminalFree):
        pool.take("c")


def test_workers_share_one_city() -> None:
    """Users in several Locust processes get different terminals, by way of the master."""
    hub = Hub()
    MasterDesk(hub.runner("master"), Pool(10), lambda: ["w1", "w2"])
    desks = [WorkerDesk(hub.runner(name), 10) for name in ("w1", "w2")]
    taken = [desk.take() for _ in range(5) for desk in desks]
    assert sorted(taken) == list(range(10))
    with pytest.raises(NoTerminalFree):
        desks[0].take()
    desks[1].give_back(taken[1])
    assert desks[0].take() == taken[1]


def test_the_terminals_of_a_dead_worker_come_back() -> None:
    """A worker process that is gone holds nothing."""
    hub = Hub()
    alive = ["w1", "w2"]
    MasterDesk(hub.runner("master"), Pool(2), lambda: alive)
    dead, living = (WorkerDesk(hub.runner(name), 2) for name in ("w1", "w2"))
    dead.take()
    dead.take()
    alive.remove("w1")
    assert {living.take(), living.take()} == {0, 1}


def test_a_late_grant_is_given_back() -> None:
    """A number that comes after its user has stopped waiting is not lost."""
    hub = Hub()
    pool = Pool(1)
    master = hub.runner("master")
    MasterDesk(master, pool, lambda: ["w1"])
    worker = WorkerDesk(hub.runner("w1"), 1)
    index = pool.take("w1")
    master.send_message(GRANTED, [99, index], client_id="w1")
    assert worker.take() == index
