"""Servers and data of a later year: used WAL files, journals, cards and terminals by the million.

Owns the SQL of the bench. Must not know what is measured on it. The rows are valid rows of the schema (keys,
types, order of time as a switch would have written them); they are not books: balances and chains do not
follow from them.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Final

from bench.local_switch import say
from ledger.books.transaction_ids import SEQUENCES, first_id
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.audit import Actor
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.keys import issue_keys
from ledger.registry.programmes import list_programmes
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import NewTerminal, import_terminals
from simulators.city.population import FIRST_TERMINAL, Population

BENCH: Final = Actor("bench")
LEDGER_D5B569B: Final = Path(__file__).parents[1] / "peers" / "ledger_d5b569b.sql"
ACCOUNTS: Final = "insert into ledger.account (bucket, id) select 0, unnest($1::bigint[])"
CHUNK: Final = 1_000_000
CHUNK_S_MAX: Final = 600.0
AGE_MS: Final = 400 * 86_400_000
"""The oldest row is so old; a row is a 256th of a millisecond after the one before."""
IDLE_TERMINAL_FIRST: Final = 30_000_001
TERMINALS_PER_STEP: Final = 5_000
CARDS_PER_STEP: Final = 250_000
WAL_MIB: Final = 4_000
"""More than a run of five rounds writes."""

# Terminals in turn, STANs counting up: in each terminal's part of the key new rows come last, as in life.
JOURNAL: Final = """insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id,
account, counter_account, points, balance, amount_grosze, digest, accepted_at_ms, terminal_time,
rules_version, previous_terminal, previous_stan, kind, code, last4)
select 0, $3::int + (i % $4::int)::int, 1 + (i / $4::int)::int, 0, $5::bigint + i * $8::bigint,
(1 + i * 7919 % $6::bigint) << 3, 8009, 1 + i % 60, 1 + i / 1000, (1 + i % 60) * 1000, i * 2654435761,
$7::bigint + i / 256, ($7::bigint + i / 256) / 1000, 1, 0, 0, 1, 0, 0
from generate_series($1::bigint, $2::bigint - 1) i"""
POSTING: Final = """insert into ledger.posting (bucket, leg, transaction_id, debit, credit, points)
    select 0, 1, $3::bigint + i * $5::bigint, 8009, (1 + i * 7919 % $4::bigint) << 3, 1 + i % 60
    from generate_series($1::bigint, $2::bigint - 1) i"""


async def copy_database(admin_dsn: str, source: str, copy: str) -> None:
    """Make database `copy` of `source`, whose connections are cut off."""
    async with open_database(admin_dsn, application_name="cityswitch bench") as admin:

        async def job(connection: Connection) -> None:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", source
            )
            await connection.execute(f"create database {copy} template {source} strategy file_copy")

        await admin.run(job, timeout_s=CHUNK_S_MAX)


async def fill_journal(dsn: str, population: Population, first: int, last: int) -> None:
    """Add transactions number `first` to `last` - 1 to the journal and the postings, then vacuum."""
    start_ms = int(time.time() * 1_000) - AGE_MS
    step = SEQUENCES * 1_024 // 256
    async with open_database(dsn, application_name="cityswitch bench") as owner:
        for begin in range(first, last, CHUNK):
            end = min(begin + CHUNK, last)

            async def job(connection: Connection, begin: int = begin, end: int = end) -> None:
                await connection.execute(
                    JOURNAL, begin, end, FIRST_TERMINAL, population.terminals, first_id(start_ms),
                    population.cards, start_ms, step,
                )  # fmt: skip
                await connection.execute(POSTING, begin, end, first_id(start_ms), population.cards, step)

            await owner.run(job, timeout_s=CHUNK_S_MAX)
            say(f"journal: {end:,} of {last:,} transactions")
        await settle(dsn)


async def settle(dsn: str) -> None:
    """Vacuum and checkpoint, so that nothing of the making is left to do when the measuring begins."""
    async with open_database(dsn, application_name="cityswitch bench") as owner:
        await owner.run(lambda connection: connection.execute("vacuum analyze"), timeout_s=CHUNK_S_MAX)
        await owner.run(lambda connection: connection.execute("checkpoint"), timeout_s=CHUNK_S_MAX)


def card_row(number: int) -> CardRow:
    """Return the n-th of the added cards: a random token, as one of a plastic is."""
    digest = hashlib.sha256(f"cityswitch bench card {number}".encode()).digest()
    return CardRow(int.from_bytes(digest[:8], "big", signed=True), f"{number % 10_000:04}")


async def fill_cards(dsn: str, first: int, last: int) -> None:
    """Add cards, as an import does, until there are `last`, when there are `first`."""
    async with open_database(dsn, application_name="cityswitch bench") as owner:
        programme = (await owner.run(list_programmes))[0]["id"]
        for begin in range(first, last, CARDS_PER_STEP):
            end = min(begin + CARDS_PER_STEP, last)

            async def job(connection: Connection, begin: int = begin, end: int = end) -> None:
                await import_cards(connection, BENCH, programme, map(card_row, range(begin, end)))

            await owner.run(job, timeout_s=CHUNK_S_MAX)
            say(f"cards: {end:,} of {last:,}")
    await settle(dsn)


def idle_key(number: int) -> bytes:
    """Return the key of the n-th of the terminals that only connect; for this bench alone."""
    return hashlib.sha256(f"cityswitch bench idle terminal {number}".encode()).digest()


async def fill_terminals(dsn: str, master: MasterKey, population: Population, count: int) -> None:
    """Add `count` terminals with keys, spread over the partners."""
    async with open_database(dsn, application_name="cityswitch bench") as owner:
        for begin in range(0, count, TERMINALS_PER_STEP):
            numbers = range(begin, min(begin + TERMINALS_PER_STEP, count))

            async def job(connection: Connection, numbers: range = numbers) -> None:
                terminals = [
                    NewTerminal(
                        IDLE_TERMINAL_FIRST + number,
                        population.partner_id(number % population.partners),
                        f"kasa {number}",
                    )
                    for number in numbers
                ]
                await import_terminals(connection, BENCH, terminals)
                keys = {IDLE_TERMINAL_FIRST + number: idle_key(number) for number in numbers}
                await issue_keys(connection, BENCH, master, keys)

            await owner.run(job, timeout_s=CHUNK_S_MAX)


async def recycle_wal(owner: Database, mib: int = WAL_MIB) -> None:
    """Bring the server to where one is that has run for a while: it writes into WAL files it has used before.

    A new file is zeroed and synced while every commit waits, every second or two at full load.
    """

    async def fill(connection: Connection) -> None:
        for _ in range(mib):
            await connection.execute("select pg_logical_emit_message(false, 'fill', repeat('x', 1048576))")
        await connection.execute("checkpoint")

    await owner.run(fill, timeout_s=CHUNK_S_MAX)


async def make_yardstick(admin: Database, dsn: str, name: str, accounts: list[int]) -> None:
    """Make database `name`, reached by `dsn`, with the ledger of commit d5b569b and these accounts."""

    async def fill(connection: Connection) -> None:
        await connection.execute(LEDGER_D5B569B.read_text(encoding="utf-8"))
        await connection.execute(ACCOUNTS, accounts)
        await connection.execute("vacuum analyze ledger.account")

    await admin.run(lambda connection: connection.execute(f"create database {name}"))
    async with open_database(dsn, connections_max=1, application_name="cityswitch bench") as owner:
        await owner.run(fill, timeout_s=CHUNK_S_MAX)
