"""Faults of the programmes: a suspension, a quota used up, keys that end, rules about to turn.

Owns how each is made and undone, by the commands an office has. Must not know when an alert fires.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import trio

from ops.monitoring.drill.fault import Fault
from ops.monitoring.drill.loads import use_offer
from ops.monitoring.drill.stage import POPULATION, Stage

OFFER: Final = 900
QUOTA: Final = 10
KEY_OF: Final = 190
"""The index of a terminal that nobody uses."""
IN_FORCE_S: Final = 60.0
HOLDS_S: Final = 12.0
"""What is published "at once" holds ten seconds later."""


async def command(stage: Stage, *words: str) -> None:
    """Run a command of the operator's where cityswitch.toml lies. Raises CalledProcessError."""
    await trio.run_process(
        ["cityswitch", *words],
        cwd=stage.folder,
        env=stage.environment,
        capture_stdout=True,
        capture_stderr=True,
    )


@asynccontextmanager
async def suspended(stage: Stage) -> AsyncIterator[None]:
    """A programme is suspended by mistake, and resumed."""
    code = POPULATION.place.code
    await command(stage, "programmes", "suspend", code, "--reason", "drill", "--yes")
    try:
        yield
    finally:
        await command(stage, "programmes", "resume", code)


def _offer(uses: int) -> str:
    return f"""
programme = "{POPULATION.place.code}"

[[offer]]
number = {OFFER}
partner = {POPULATION.partner_id(0)}
name = {{ pl = "Bułka -5 %", en = "Roll -5 %" }}
text = {{ pl = "5 % taniej.", en = "5 % off." }}
benefits = [{{ kind = "percent", percent = "5" }}]
limits = [{{ per = "offer", uses = {uses}, every = "day" }}]
"""


async def _publish(stage: Stage, uses: int) -> None:
    path = stage.folder / "offer.toml"
    await trio.Path(path).write_text(_offer(uses))
    await command(stage, "offers", "import", str(path))
    await command(stage, "offers", "publish", str(OFFER), "--to", str(stage.folder / "public"))
    await trio.sleep(HOLDS_S)


@asynccontextmanager
async def quota_used_up(stage: Stage) -> AsyncIterator[None]:
    """An offer of ten uses a day is used ten times; then a version of a thousand is published."""
    await _publish(stage, QUOTA)
    codes = await use_offer(stage, OFFER, QUOTA)
    if any(codes):
        raise RuntimeError(f"the offer was not granted: {codes}")
    try:
        yield
    finally:
        await _publish(stage, 100 * QUOTA)
        await use_offer(stage, OFFER, 1)  # the books learn of the new limit with the next use


@asynccontextmanager
async def keys_end(stage: Stage) -> AsyncIterator[None]:
    """A terminal's key is rotated, the new one revoked: the old one ends in ten days; rotated again."""
    number = str(POPULATION.terminal_id(KEY_OF))
    rotate = ("terminals", "key", "rotate", number, "--overlap-days", "10", "--out")
    await command(stage, *rotate, str(stage.folder / "first.key"))
    await command(
        stage, "terminals", "key", "revoke", number, "--generation", "2", "--reason", "lost", "--yes"
    )
    try:
        yield
    finally:
        await command(stage, *rotate, str(stage.folder / "second.key"))


@asynccontextmanager
async def rules_turn(stage: Stage) -> AsyncIterator[None]:
    """Rules with another largest amount are applied, to come into force in a minute; then they do."""
    rules = POPULATION.place.rules_toml
    path = stage.folder / "rules.toml"
    await trio.Path(path).write_text(
        re.sub(r"(?m)^amount_max_grosze = \d+$", "amount_max_grosze = 2500000", rules)
    )
    moment = datetime.now(UTC) + timedelta(seconds=IN_FORCE_S)
    begins = f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"
    await command(stage, "programmes", "apply", str(path), "--from", begins, "--urgent", "drill")
    yield
    await trio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


CITY: Final = (
    Fault("a programme suspended by mistake", suspended, ("CityswitchDeclinesUnusual",)),
    Fault("an offer of ten uses a day used ten times", quota_used_up, ("CityswitchQuotasNearlyGone",)),
    Fault(
        "a key rotated, and the new one revoked",
        keys_end,
        ("CityswitchTerminalKeysExpiring",),
        fire_s_max=180.0,
    ),
    Fault("rules applied that come into force in a minute", rules_turn, ("CityswitchRulesPending",)),
)
