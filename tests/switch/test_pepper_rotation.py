"""A programme's pepper is rotated under a serving worker, and no customer notices."""

from functools import partial
from pathlib import Path

import pytest
import trio

from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Wanted, list_audit
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards, set_card_status
from ledger.registry.numbers import Numbers
from ledger.registry.secrets import MasterKey
from ops.office.pepper import begin, make_pepper, read_states, reenter, retire
from protocol import Balance, Earn, Reply, ReportKind, ResultCode
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S, until
from tests.postgres import FreshDatabase
from tests.switch.city import http_get
from tests.switch.killed import run_and_kill
from tests.switch.memory import CARD, UNKNOWN_CARD, Line, card_digits
from tests.switch.test_card_report import keep_cards, report
from tests.switch.test_worker import Running, running_worker

UNUSED = [card_digits(number) for number in range(1_000, 3_000)]
UNDER_NEW = "select count(*) from registry.card where pepper = 1"


async def add(running: Running, digits: list[str]) -> None:
    """Cards as an office adds them."""

    async def job(connection: Connection) -> None:
        numbers = await Numbers.of(connection, running.master, 1)
        rows = [CardRow(numbers.token(each), each[-4:]) for each in digits]
        await numbers.reenter(connection, TESTER)
        await import_cards(connection, TESTER, 1, rows, pepper=numbers.pepper)

    await running.owner.run(job)


async def ask_until(line: Line, card: str, code: int, stan: int) -> Reply:
    """Ask for a card's balance until it is answered so."""
    with trio.fail_after(HANG_S):
        while (
            reply := await line.ask(Balance(stan=stan, terminal_time=0, card=card, entry=SWIPED))
        ).code != code:
            await trio.sleep(0.01)
            stan += 1
    return reply


async def test_a_pepper_is_rotated_under_a_serving_worker(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """A sale by a card under the former pepper is answered as before, and repeated byte for byte through all
    of it; the card is re-entered in the background, its block acts, what nobody uses comes by a list through
    a kill -9, and at the end neither tables nor memory know a former token.
    """
    path = tmp_path / "master.key"
    async with running_worker(fresh, owner, tmp_path) as running:
        directory, former = running.worker._directory, running.master.pepper(1).token
        await add(running, UNUSED)
        line = await running.line()
        await ask_until(line, UNUSED[-1], 0, 1)
        sale = Earn(stan=100_000, terminal_time=0, card=CARD, entry=SWIPED, amount=150_000)
        sold = await line.ask(sale)
        assert (sold.code, sold.points) == (0, 150)  # type: ignore[attr-defined]

        await make_pepper(owner, path, MasterKey.load(path), 1)
        await begin(owner, TESTER, MasterKey.load(path), 1)
        await until(lambda: directory.programmes[1].pepper == 1)
        assert await line.ask(sale) == sold
        again = await line.ask(Earn(stan=100_001, terminal_time=0, card=CARD, entry=SWIPED, amount=150_000))
        assert (again.code, again.points, again.balance) == (0, 150, 300)  # type: ignore[attr-defined]
        await until(lambda: directory.cards.get(former(CARD)) is None)
        trail = await owner.run(lambda c: list_audit(c, Wanted("card", actor="switch")))
        assert [row["reason"] for row in trail] == ["found under the former pepper"]
        assert await line.ask(sale) == sold

        # Blocks act, of a card that was re-entered and of one that was not.
        master = MasterKey.load(path)
        numbers = await owner.run(lambda c: Numbers.of(c, master, 1))
        for stan, (token, card) in enumerate(
            [(numbers.token(CARD), CARD), (former(UNUSED[0]), UNUSED[0])], 1
        ):
            await owner.run(lambda c, t=token: set_card_status(c, TESTER, t, CardStatus.BLOCKED))
            await ask_until(line, card, ResultCode.CARD_BLOCKED, 200_000 + 1_000 * stan)

        # A report of a card under the former pepper stops it as any other.
        await keep_cards(running, line)
        assert await report(line, 300_000, ReportKind.ATTEMPT, UNUSED[1]) == 0
        await ask_until(line, UNUSED[1], ResultCode.CARD_BLOCKED, 300_001)

        await add(running, [UNKNOWN_CARD])
        await ask_until(line, UNKNOWN_CARD, 0, 400_000)

        listed = tmp_path / "made.csv"
        listed.write_text("number\n" + "\n".join(UNUSED[:-1]) + "\n")
        before = await owner.run(lambda c: c.fetchval(UNDER_NEW))
        assert 0 < before < 10
        more = f"{UNDER_NEW} having count(*) > {before}"
        command = ["pepper", "reenter", str(listed)]
        last = f"select from registry.card where token = {former(UNUSED[-2])}"
        await run_and_kill(running, fresh.owner_dsn, path, command, more, last=last)
        await reenter(owner, TESTER, MasterKey.load(path), 1, UNUSED[:-1])
        states = [(one.state, one.cards) for one in await read_states(owner, MasterKey.load(path))]
        assert states == [("former", 1), ("newest", len(UNUSED) + 1)]

        tokens = {former(each) for each in [CARD, UNKNOWN_CARD, *UNUSED]}
        forgotten = partial(until, lambda: tokens.isdisjoint(directory.cards))
        (left,) = await retire(owner, TESTER, path, MasterKey.load(path), 1, pause=forgotten)
        assert (left.last4, left.was, left.now) == (UNUSED[-1][-4:], CardStatus.ACTIVE, CardStatus.BLOCKED)
        await ask_until(line, UNUSED[-1], ResultCode.CARD_UNKNOWN, 500_000)
        await until(lambda: directory.programmes[1].former_token_of is None)
        assert len(directory.cards) == len(UNUSED) + 2
        assert await line.ask(sale) == sold
    async with running_worker(fresh, owner, tmp_path) as next_one:
        line = await next_one.line()
        assert await line.ask(sale) == sold
        assert len(next_one.worker._directory.cards) == len(UNUSED) + 2


async def test_a_worker_without_the_new_pepper_keeps_to_what_it_knows(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key file was forgotten: sales by known cards go on, it says what it lacks, and once it has the file
    it goes on from there.
    """
    path = tmp_path / "master.key"
    async with running_worker(fresh, owner, tmp_path) as running:
        line, old = await running.line(), path.read_bytes()
        await make_pepper(owner, path, MasterKey.load(path), 1)
        new, master = path.read_bytes(), MasterKey.load(path)
        path.write_bytes(old)
        await begin(owner, TESTER, _kept(master), 1)
        with trio.fail_after(HANG_S):
            while b"pepper 1 of programme 1" not in (await http_get(running.ready.http, "/readyz"))[1]:  # noqa: ASYNC110
                await trio.sleep(0.05)
        assert (await line.ask(Balance(stan=1, terminal_time=0, card=CARD, entry=SWIPED))).code == 0
        assert running.worker._directory.programmes[1].pepper == 0
        path.write_bytes(new)
        await until(lambda: running.worker._directory.programmes[1].pepper == 1)
        await ask_until(line, CARD, 0, 2)


def _kept(master: MasterKey) -> MasterKey:
    """A process that read the file in time, and reads it no more."""
    master._file = None
    return master
