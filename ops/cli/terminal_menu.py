"""A shift at the keyboard: the cashier's menu of `cityswitch terminal`.

Owns what is asked and in which order. Must not know the wire. Invariants: whatever is typed, the shift goes
on; only leaving, the end of the input or Ctrl-C ends it; the terminal keeps its line alive meanwhile.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from ops.cli.amounts import AmountError, parse_amount
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import print_line, print_text, say
from ops.till.answers import code_text, describe, show_receipt, show_totals
from ops.till.cards import check_card, masked
from protocol import TransactionReply
from simulators.errors import CannotConnect, LinkLost, TerminalError
from simulators.till.terminal import PosTerminal

MENU: Final = "1 earn  2 redeem  3 balance  4 reverse last  5 status  6 totals  7 echo  0 leave"
READ_BYTES: Final = 4_096


class EndOfInput(Exception):
    """The cashier went home: end of the input."""


class Keyboard:
    """Lines from standard input, waited for without a thread, so that Ctrl-C and the line's upkeep go on."""

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._read = b""

    async def ask(self, prompt: str) -> str:
        """Print a prompt and return the next line, stripped. Raises `EndOfInput`."""
        print_text(prompt)
        while b"\n" not in self._read:
            chunk = await self._receive()
            if not chunk:
                print_line("")
                raise EndOfInput
            self._read += chunk
        line, _, self._read = self._read.partition(b"\n")
        if not sys.stdin.isatty():
            print_line("")
        return line.decode(errors="replace").strip()

    async def _receive(self) -> bytes:
        try:
            await trio.lowlevel.wait_readable(self._descriptor)
        except PermissionError:
            await trio.lowlevel.checkpoint()  # a plain file is always readable, and epoll does not take it
        return os.read(self._descriptor, READ_BYTES)


class Shift:
    """One shift of a cashier at one terminal."""

    def __init__(self, terminal: PosTerminal, keyboard: Keyboard) -> None:
        self._terminal = terminal
        self._keyboard = keyboard
        self._card = ""
        self._last: tuple[str, int] | None = None
        self._actions: dict[str, Callable[[], Awaitable[None]]] = {
            "1": self._earn,
            "2": self._redeem,
            "3": self._balance,
            "4": self._reverse_last,
            "5": self._status,
            "6": self._totals,
            "7": self._echo,
        }
        words = ("earn", "redeem", "balance", "reverse", "status", "totals", "echo")
        self._words = {word: str(number) for number, word in enumerate(words, start=1)}

    async def work(self) -> None:
        """Serve customers until the cashier leaves."""
        while True:
            choice = (await self._keyboard.ask(f"\n{MENU}\n> ")).lower()
            if choice in {"0", "q", "quit", "exit", "leave"}:
                return
            action = self._actions.get(self._words.get(choice, choice))
            if action is None:
                say("Type one of the numbers 0 to 7.") if choice else None
                continue
            try:
                await action()
            except (CommandError, AmountError, TerminalError) as error:
                say(str(error))

    async def _ask_card(self) -> str:
        again = f" [Enter: {masked(self._card)}]" if self._card else ""
        text = await self._keyboard.ask(f"Card, swiped or typed{again}: ")
        self._card = check_card(text or self._card)
        return self._card

    def _show(self, card: str, reply: TransactionReply) -> None:
        self._last = (card, reply.stan)
        show_receipt(self._terminal, reply)

    async def _earn(self) -> None:
        card = await self._ask_card()
        grosze = parse_amount(await self._keyboard.ask("Amount paid: "))
        try:
            self._show(card, await self._terminal.earn(card, grosze))
        except (CannotConnect, LinkLost) as error:
            say(str(error))
            if (await self._keyboard.ask("Store the sale offline and forward it later? [y/N] ")).lower() in {
                "y",
                "t",
            }:
                stan = self._terminal.store_offline_earn(card, grosze)
                print_line(f"Stored as STAN {stan:06d}; it is forwarded when the switch is back.")

    async def _redeem(self) -> None:
        card = await self._ask_card()
        points = await self._keyboard.ask("Points (tier): ")
        if not (points.isascii() and points.isdigit()) or len(points) > 9:
            raise CommandError(Exit.USAGE, "A tier is a whole number of points.")
        self._show(card, await self._terminal.redeem(card, int(points)))

    async def _balance(self) -> None:
        card = await self._ask_card()
        show_receipt(self._terminal, await self._terminal.balance(card))

    async def _reverse_last(self) -> None:
        if self._last is None:
            raise CommandError(Exit.USAGE, "There is no transaction in this shift to reverse.")
        card, stan = self._last
        self._last = None
        show_receipt(self._terminal, await self._terminal.reversal(card, stan))

    async def _status(self) -> None:
        card = await self._ask_card()
        stan = await self._keyboard.ask("STAN: ")
        if not (stan.isascii() and stan.isdigit()) or len(stan) > 9 or not int(stan):
            raise CommandError(Exit.USAGE, "A STAN is the number printed on the receipt.")
        reply = await self._terminal.status(card, int(stan))
        if reply.original:
            show_receipt(self._terminal, reply.original)
        else:
            print_line(code_text(reply.code))

    async def _totals(self) -> None:
        show_totals(await self._terminal.totals(), as_json=False)

    async def _echo(self) -> None:
        await self._terminal.echo()
        print_line("The switch is there.")


async def run(terminal: PosTerminal, keyboard: Keyboard | None = None) -> Exit:
    """Sign on, work a shift, sign off. Raises the terminal's errors if it cannot sign on."""
    await terminal.connect()
    print_line(describe(terminal))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(terminal.keep_alive)
        try:
            if terminal.has_unsettled:
                settled = await terminal.settle()
                print_line(f"{len(settled)} unfinished transactions of the last shift are settled.")
            await Shift(terminal, keyboard or Keyboard()).work()
        except EndOfInput:
            pass
        nursery.cancel_scope.cancel()
    with trio.move_on_after(1):
        try:
            await terminal.sign_off()
        except TerminalError as error:
            say(str(error))
    return Exit.OK
