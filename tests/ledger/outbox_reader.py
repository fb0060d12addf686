"""A reader of the outbox as a process of its own, to be killed: it writes each event to a file.

usage: python -m tests.ledger.outbox_reader DSN FILE
"""

import sys
from pathlib import Path

import trio

from ledger.postgres.database import open_database
from ledger.registry.outbox import keep_place, place_of, read_events

READER = "notices"
BATCH = 7


async def read_on(dsn: str, path: Path) -> None:
    """Read for ever, a few events at a time; the place is kept once they are written."""
    async with open_database(dsn, connections_max=1) as database:
        with path.open("a", encoding="utf-8") as out:
            place = await database.run(lambda c: place_of(c, 1, READER))
            while True:
                found = await database.run(lambda c, after=place: read_events(c, 1, after, BATCH))
                for event in found.events:
                    out.write(f"{event.number} {event.kind} {event.account} {event.data['issue']}\n")
                    out.flush()
                    place = event.number
                await database.run(lambda c, done=place: keep_place(c, 1, READER, done))


if __name__ == "__main__":
    trio.run(read_on, sys.argv[1], Path(sys.argv[2]))
