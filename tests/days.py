"""The day it is where the rules of a test's programme say. Asked in each test: a run may go past midnight."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import trio

from tests.patience import HANG_S

ZONE: Final = "Europe/Warsaw"


def today(zone: str = ZONE) -> date:
    """Return the day it is in a time zone."""
    return datetime.now(ZoneInfo(zone)).date()


async def clear_of_midnight() -> None:
    """Where the day is nearly over, wait until it is."""
    zone = ZoneInfo(ZONE)
    while True:
        now = datetime.now(zone)
        midnight = datetime.combine(now.date() + timedelta(days=1), time(), zone)
        left_s = midnight.timestamp() - now.timestamp()
        if left_s >= HANG_S:
            return
        await trio.sleep(left_s)
