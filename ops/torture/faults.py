"""What is done to a running switch: the closed list of faults, each a function of the stage and a generator.

Owns how each is done, and how it is taken back. Must not know when one is due, nor what comes of it.
Invariant: when a fault's function has ended, nothing of it is left but what it killed, which is on its way
back; the generator alone decides what is left to chance.
"""

from __future__ import annotations

import random
import re
import signal
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeAlias

import msgspec
import trio

from ops.monitoring.drill.hands import frozen, signal_all
from ops.torture.plan import CITIES
from ops.torture.stage import Proxy, Stage, StageError

Does: TypeAlias = Callable[[Stage, random.Random], Awaitable[str]]
"""Does it; returns what exactly it did. "" if it could not be done now."""

YOUNG_S: Final = 10.0
_TERMINATE: Final = (
    "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'cityswitch_service'"
)


class Fault(NamedTuple):
    """One fault: its weight in the draw, and which count of kills it belongs to."""

    name: str
    weight: float
    does: Does
    kills: str = ""


def _kill(pids: list[int]) -> str:
    signal_all(pids, signal.SIGKILL)
    return f"kill -9 {' '.join(map(str, pids))}" if pids else ""


async def _kill_worker(stage: Stage, rng: random.Random) -> str:
    """One of the older half: who is killed young again and again is started later and later."""
    workers = stage.workers
    return _kill([rng.choice(workers[: max(1, len(workers) // 2)])] if workers else [])


async def _kill_workers(stage: Stage, rng: random.Random) -> str:
    return _kill(stage.workers)


async def _kill_supervisor(stage: Stage, rng: random.Random) -> str:
    return _kill([stage.supervisor])


async def _kill_backend(stage: Stage, rng: random.Random) -> str:
    backends = stage.backends()
    return _kill([rng.choice(backends)] if backends else [])


async def _kill_postmaster(stage: Stage, rng: random.Random) -> str:
    return _kill([stage.postgres.pid])


async def _terminate_backends(stage: Stage, rng: random.Random) -> str:
    return f"{await stage.sql(_TERMINATE)} backends terminated"


async def _hold(pids: list[int], seconds: float) -> str:
    async with frozen(pids):
        await trio.sleep(seconds)
    return f"{' '.join(map(str, pids))} held for {seconds:.1f} s"


async def _stop_worker(stage: Stage, rng: random.Random) -> str:
    """Sometimes so long that the supervisor takes it for dead."""
    return await _hold([rng.choice(stage.workers)], rng.choice((0.5, 2.0, 5.0, 14.0)))


async def _stop_workers(stage: Stage, rng: random.Random) -> str:
    return await _hold(stage.workers, rng.choice((0.5, 2.0, 5.0)))


async def _stop_supervisor(stage: Stage, rng: random.Random) -> str:
    return await _hold([stage.supervisor], rng.choice((0.5, 2.0, 5.0)))


async def _stop_backend(stage: Stage, rng: random.Random) -> str:
    backends = stage.backends()
    return await _hold([rng.choice(backends)], rng.choice((0.5, 2.0, 5.0))) if backends else ""


async def _stop_postmaster(stage: Stage, rng: random.Random) -> str:
    return await _hold([stage.postgres.pid], rng.choice((0.5, 2.0)))


async def _fill_disk(stage: Stage, rng: random.Random) -> str:
    """Full for a while: Postgres may end over it, and is started again until there is room."""
    if stage.disk.why_not:
        return ""
    seconds = rng.choice((1.0, 4.0, 8.0))
    await trio.to_thread.run_sync(stage.disk.fill)
    try:
        await trio.sleep(seconds)
    finally:
        stage.disk.free()
    return f"disk full for {seconds:.0f} s"


def _break(which: str, *words: str) -> Does:
    """Do something to a line for a while; a cut ends it."""

    async def does(stage: Stage, rng: random.Random) -> str:
        proxy: Proxy = getattr(stage, which)
        seconds = rng.choice((0.05, 0.3, 1.0))
        figure = rng.choice((5, 50, 400)) if words[0] == "delay" else rng.choice((1, 3, 7))
        await proxy.order(words[0], figure)
        await trio.sleep(seconds)
        await proxy.order(words[1])
        return (
            f"{which}: {words[0]} {figure if words[0] != 'swallow' else ''} for {seconds} s, then {words[1]}"
        )

    return does


async def _jump_clock(stage: Stage, rng: random.Random) -> str:
    if stage.clock.why_not:
        return ""
    shift_s = rng.choice((-90_000, -3_600, -2, 2, 3_600, 90_000))
    stage.clock.shift(shift_s)
    try:
        await trio.sleep(3.0)
    finally:
        stage.clock.shift(0.0)
    return f"the workers' clock {shift_s:+d} s for 3 s"


async def _upgrade(stage: Stage, rng: random.Random) -> str:
    status = await stage.upgrade()
    return f"another switch beside it, then the older drained: status {status}"


async def _drain_worker(stage: Stage, rng: random.Random) -> str:
    worker = rng.choice(stage.workers)
    signal_all([worker], signal.SIGTERM)
    return f"SIGTERM {worker}"


async def _rotate_keys(stage: Stage, rng: random.Random) -> str:
    """The office issues the next keys of some terminals, which fetch them over the wire when they ask."""
    city = rng.choice(CITIES)
    numbers = [str(city.first_terminal + rng.randrange(stage.plan.terminals // 4)) for _ in range(5)]
    out = stage.folder / f"keys-{rng.getrandbits(48):012x}.csv"
    await stage.command(
        *("terminals", "key", "rotate", *sorted(set(numbers)), "--out-csv", str(out), "--reason", "torture")
    )
    return f"keys of {', '.join(sorted(set(numbers)))} rotated"


async def _rotate_master_key(stage: Stage, rng: random.Random) -> str:
    """Another master key, everything wrapped anew under it, the former destroyed; a step left over by a run
    that Postgres' end has ended is done now.
    """
    steps = (("new",), ("rewrap",), ("destroy", "--yes"))
    states = msgspec.json.decode(await stage.command("master-key", "status", "--json"))
    begun = len([one for one in states if one["state"] != "destroyed"]) > 1
    for words in steps[begun:]:
        await stage.command("master-key", *words, "--reason", "torture")
    return f"master key rotated, time {states[-1]['number'] + 1 - begun}"


async def _apply_rules(stage: Stage, rng: random.Random) -> str:
    """New words on the receipts: what was answered under the old ones is told again in the old ones."""
    city = rng.choice(CITIES)
    word = f"{rng.getrandbits(32):08x}"
    text = re.sub(r"^footer = \[.*\]$", f'footer = ["{word}"]', city.rules_toml, flags=re.MULTILINE)
    file = stage.folder / f"rules-{word}.toml"
    file.write_text(text, encoding="utf-8")
    await stage.command("programmes", "apply", str(file), "--urgent", "torture", "--reason", "torture")
    return f"rules of {city.code} applied, with {word} on the receipts"


async def _renew_certificate(stage: Stage, rng: random.Random) -> str:
    if not stage.plan.tls:
        return ""
    stage.papers.renew()
    signal_all([stage.supervisor], signal.SIGHUP)
    return "certificate renewed, SIGHUP"


FAULTS: Final = (
    Fault("kill worker", 10, _kill_worker, "worker"),
    Fault("kill all workers", 4, _kill_workers, "worker"),
    Fault("kill supervisor", 2, _kill_supervisor, "worker"),
    Fault("kill backend", 3, _kill_backend, "postgres"),
    Fault("kill postmaster", 4, _kill_postmaster, "postgres"),
    Fault("stop worker", 2, _stop_worker),
    Fault("stop all workers", 1, _stop_workers),
    Fault("stop supervisor", 1, _stop_supervisor),
    Fault("stop backend", 2, _stop_backend),
    Fault("stop postmaster", 1, _stop_postmaster),
    Fault("terminate backends", 2, _terminate_backends),
    Fault("disk full", 2, _fill_disk),
    Fault("replies lost, line cut", 3, _break("line", "swallow", "cut")),
    Fault("commits unheard, store cut", 4, _break("store", "swallow", "cut")),
    Fault("line cut", 1, _break("line", "pass", "cut")),
    Fault("store cut", 2, _break("store", "pass", "cut")),
    Fault("line delayed", 1, _break("line", "delay", "pass")),
    Fault("store delayed", 1, _break("store", "delay", "pass")),
    Fault("line sliced", 1, _break("line", "slice", "pass")),
    Fault("store sliced", 1, _break("store", "slice", "pass")),
    Fault("clock jumps", 2, _jump_clock),
    Fault("upgrade", 1, _upgrade),
    Fault("worker drained", 2, _drain_worker),
    Fault("keys rotated", 1, _rotate_keys),
    Fault("master key rotated", 1, _rotate_master_key),
    Fault("rules applied", 2, _apply_rules),
    Fault("certificate renewed", 1, _renew_certificate),
)
BY_NAME: Final = {fault.name: fault for fault in FAULTS}

__all__ = ["BY_NAME", "FAULTS", "Fault", "StageError"]
