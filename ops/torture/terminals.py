"""The terminals of one city under torture: `python -m ops.torture.terminals PLAN REPORT`, until input ends.

Owns what a terminal does beside its cashier's work: totals, key changes, power cuts, asking again for what
was answered long ago; and how it goes on when the line or the switch fails. What a cashier keys is the
fleet's (`simulators.fleet.cashier`).

Must not know: the books, which fault is played.

Invariants: one request at a time; what has no answer is asked until it has one, also after a power cut; a
reply told again is compared with the first byte for byte.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
import trio

from ops.torture.plan import Trade, Traded, populations
from ops.torture.wire import POSTING, Board, Exchanged, Wire, is_done
from protocol import ResultCode
from simulators.audit.log import AuditLog
from simulators.city.population import Population
from simulators.city.trade import MIXES
from simulators.errors import TerminalError
from simulators.fleet.cashier import Cashier
from simulators.fleet.fleet import allow_open_files
from simulators.till.channel import Address, connector
from simulators.till.exchange import NoAnswer, Patience
from simulators.till.identity import TerminalIdentity
from simulators.till.store import TerminalMemory
from simulators.till.terminal import PosTerminal

PATIENCE: Final = Patience(reply_s=5.0, pause_min_s=0.05, pause_max_s=1.0)
CONNECTING_MAX: Final = 16
EXAMPLES_MAX: Final = 20
BESIDE: Final = {"totals": 0.004, "key_change": 0.002, "again": 0.08, "power_cut": 0.004}
"""How often a terminal does what no cashier keys."""


class Device(PosTerminal):
    """A terminal that can send the bytes of an earlier request again."""

    async def ask_again(self, earlier: Exchanged) -> None:
        """Send a request that was answered once more, with the repeat bit. Raises as requests do."""
        async with self._turn:
            await self._ready()
            tries_max = self._exchange.patience.tries_max
            try:
                await self._exchange.exchange(
                    earlier.type, earlier.request, earlier.stan, tries_max=tries_max, is_new=True, repeat=True
                )
            except NoAnswer as error:
                raise TerminalError(str(error)) from None


class Till:
    """One terminal with its files, its line and its cashier."""

    def __init__(self, shop: Shop, index: int) -> None:
        trade, population = shop.trade, shop.population
        self._shop = shop
        self.number = population.terminal_id(index)
        self._identity = TerminalIdentity(self.number, population.terminal_key(index))
        self._rng = random.Random(f"{trade.plan.seed}:{self.number}")
        folder = Path(trade.folder)
        self._path = folder / f"terminal-{self.number}.memory"
        address = Address.parse(trade.address, ca_file=Path(trade.ca_file) if trade.ca_file else None)
        self._wire = Wire(
            folder / f"terminal-{self.number}.wire", shop.board, trade.slot_first + index, connector(address)
        )
        self._memory = TerminalMemory.open(self._path, self.number)
        self._device = self._made(reverse=False)
        self._cashier = Cashier(self._device, population, MIXES[population.place.code], self._rng)

    def close(self) -> None:
        """Hang up and release the files."""
        self._device.drop_link()
        self._memory.close()
        self._wire.close()

    def _made(self, *, reverse: bool) -> Device:
        return Device(
            self._identity,
            self._memory,
            self._wire.connect,
            rng=self._rng,
            patience=PATIENCE,
            witness=self._shop.log,
            reverse_on_restart=reverse,
        )

    async def trade(self) -> None:
        """Serve customers until the shop closes."""
        while not self._shop.closing.is_set():
            await self._rest()
            try:
                if not self._device.is_connected:
                    async with self._shop.connecting:
                        await self._device.connect()
                await self._one()
            except TerminalError as error:
                self._shop.failed(error)
                await trio.sleep(self._rng.uniform(0.0, 0.2))
                await self._settle_once()

    async def _rest(self) -> None:
        rest_s = self._shop.trade.plan.rest_s
        if rest_s:
            with trio.move_on_after(rest_s * self._rng.uniform(0.5, 1.5)):
                await self._shop.closing.wait()

    async def _one(self) -> None:
        point = self._rng.random()
        for name, share in BESIDE.items():
            if (point := point - share) < 0:
                await getattr(self, f"_{name}")()
                return
        answer = await self._cashier.key_in(tries_max=self._rng.choice((0, 0, 1)))
        self._shop.answered(answer.operation, answer.unexpected)

    async def _settle_once(self) -> None:
        if not self._device.has_unsettled:
            return
        try:
            await self._device.settle()
        except TerminalError as error:
            self._shop.failed(error)
            await trio.sleep(self._rng.uniform(0.0, 0.2))

    async def _totals(self) -> None:
        reply = await self._device.totals()
        self._shop.answered("totals")
        if reply.code == ResultCode.APPROVED:
            self._shop.report.totals_agreed += 1
        elif reply.code == ResultCode.TOTALS_DIFFER:
            self._shop.report.totals_differed.append(f"terminal {self.number}: {reply}")

    async def _key_change(self) -> None:
        await self._device.change_key()
        self._shop.answered("key_change")
        self._shop.report.keys_changed += 1

    async def _power_cut(self) -> None:
        """The program is gone in the middle of a request; it begins again with what its memory file holds."""
        with trio.move_on_after(self._rng.uniform(0.0, 0.05)):
            await self._cashier.key_in()
        self._device.drop_link()
        self._memory.close()
        self._memory = TerminalMemory.open(self._path, self.number)
        self._device = self._cashier.terminal = self._made(reverse=self._rng.random() < 0.5)
        self._shop.report.power_cuts += 1

    async def _again(self) -> None:
        kept = self._answered()
        if kept:
            await self._ask_again(self._rng.choice(kept))

    def _answered(self) -> list[Exchanged]:
        return [one for one in self._wire.kept if one.type in POSTING and is_done(one.code)]

    async def _ask_again(self, earlier: Exchanged) -> None:
        await self._device.ask_again(earlier)
        self._shop.report.asked_again += 1
        last = self._wire.kept[-1]
        same = (last.type, last.stan, last.request) == (earlier.type, earlier.stan, earlier.request)
        if same and last.reply != earlier.reply:
            self._shop.report.replays_differ.append(
                f"terminal {self.number} STAN {earlier.stan}: "
                f"first {earlier.reply.hex()}, again {last.reply.hex()}"
            )

    async def settle(self) -> None:
        """Bring everything to its end, compare the totals, and ask again for what was answered."""
        while self._device.has_unsettled or not self._device.is_connected:
            try:
                await self._device.settle()
            except TerminalError as error:
                self._shop.failed(error)
                await trio.sleep(self._rng.uniform(0.1, 0.5))
        kept = self._answered()
        try:
            await self._totals()
            for earlier in self._rng.sample(kept, min(self._shop.trade.plan.again_at_end, len(kept))):
                await self._ask_again(earlier)
            await self._device.sign_off()
        except TerminalError as error:
            self._shop.failed(error)

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits for its end."""
        return not self._device.has_unsettled


class Shop:
    """All terminals of this process."""

    def __init__(self, trade: Trade, population: Population, board: Board, log: AuditLog) -> None:
        self.trade, self.population, self.board, self.log = trade, population, board, log
        self.closing = trio.Event()
        self.connecting = trio.CapacityLimiter(CONNECTING_MAX)
        self.report = Traded()
        self._operations: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()

    def answered(self, operation: str, unexpected: str = "") -> None:
        """Count an answer."""
        self.report.transactions += 1
        self._operations[operation] += 1
        if unexpected:
            self.report.unexpected += 1
            if len(self.report.unexpected_examples) < EXAMPLES_MAX:
                self.report.unexpected_examples.append(unexpected)

    def failed(self, error: TerminalError) -> None:
        """Count a failure of line or switch."""
        self._errors[type(error).__name__] += 1

    async def run(self) -> Traded:
        """Trade until standard input ends, then settle."""
        with ExitStack() as stack:
            tills = []
            for index in range(self.trade.terminals):
                tills.append(till := Till(self, index))
                stack.callback(till.close)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._wait_for_end)
                for till in tills:
                    nursery.start_soon(till.trade)
            with trio.move_on_after(self.trade.settle_s):
                async with trio.open_nursery() as nursery:
                    for till in tills:
                        nursery.start_soon(till.settle)
            self.report.unanswered = [till.number for till in tills if not till.is_settled]
        self.report.by_operation = dict(sorted(self._operations.items()))
        self.report.errors = dict(sorted(self._errors.items()))
        return self.report

    async def _wait_for_end(self) -> None:
        async with trio.lowlevel.FdStream(sys.stdin.fileno()) as stream:
            async for _ in stream:
                pass
        self.closing.set()


def main(plan_file: Path, report_file: Path) -> None:
    """Trade as the plan says; write what came of it."""
    trade = msgspec.json.decode(plan_file.read_bytes(), type=Trade)
    population = populations(trade.plan)[trade.city]
    allow_open_files(4 * trade.terminals + 100)
    board = Board(Path(trade.board), trade.slots)
    with AuditLog.open(Path(trade.folder) / f"audit-{trade.city}.log", population) as log:
        report = trio.run(Shop(trade, population, board, log).run)
    report_file.write_bytes(msgspec.json.encode(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
