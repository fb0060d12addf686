"""A registry with one partner, two terminals and one card, for tests of a worker against real Postgres."""

from datetime import UTC, datetime
from importlib.resources import files

import trio

from ledger.postgres.database import Connection, Database
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.dated_back import Begun, date_back
from ledger.registry.installation import adopt_master_key
from ledger.registry.keys import issue_key
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.programmes import add_programme, add_rules
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import NewTerminal, import_terminals
from tests.ledger.books import TESTER
from tests.switch.memory import CARD, terminal_key

RULES = files("switch").joinpath("rules/programmes/czestochowa.toml").read_text()


async def seed(owner: Database, master: MasterKey) -> None:
    """One programme, one partner with terminals 1 and 2, one card: all there since the programme began, for a
    sale of an hour ago may be one of yesterday.
    """

    async def job(connection: Connection) -> None:
        await adopt_master_key(connection, TESTER, master)
        await add_programme(connection, TESTER, programme=1, code="czestochowa", name="Częstochowa")
        start = datetime(2016, 12, 19, tzinfo=UTC)
        await add_rules(connection, TESTER, programme=1, effective_from=start, rules_toml=RULES)
        await import_partners(connection, TESTER, 1, [NewPartner(1, "Piekarnia Kłos")])
        await import_terminals(connection, TESTER, [NewTerminal(1, 1), NewTerminal(2, 1)])
        for terminal in (1, 2):
            await issue_key(connection, TESTER, master, terminal, terminal_key(terminal))
        await import_cards(connection, TESTER, 1, [CardRow(master.pepper(1).token(CARD), CARD[-4:])])
        await date_back(connection, TESTER, [Begun(1, 1, None, start.date(), None, False)], start, [])

    await owner.run(job)


async def http_get(address: str, path: str) -> tuple[int, bytes]:
    host, port = address.removeprefix("http://").rsplit(":", 1)
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        data = b"".join([bytes(chunk) async for chunk in stream])
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body
