"""What the terminal commands share: who the terminal is, where the switch is, how an answer is shown.

Owns the options of `cityswitch terminal` and the showing of replies. Must not know the wire:
`simulators.till.terminal` does all of it. Invariants: a card number is masked in all output; the key is never
shown.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter

from ops.cli.errors import CommandError
from ops.cli.exit_codes import Exit
from ops.cli.output import Row, print_fields, print_json, print_line
from ops.cli.place import HERE, Place
from ops.cli.receipt_paper import paper
from ops.cli.version import project_version
from ops.demo.city import HAND_TERMINAL, development_key
from ops.running import read_note
from protocol import (
    CardNumberError,
    ResultClass,
    ResultCode,
    TotalsReply,
    TransactionReply,
    mask_card,
    parse_card,
    result_class,
)
from simulators.till.channel import Address, connector
from simulators.till.link import Identity
from simulators.till.store import TerminalMemory
from simulators.till.terminal import Terminal
from switch.rules.receipts import money

KEY_BYTES: Final = 32
CODES: Final = {int(code): code for code in ResultCode}


@Parameter(name="*", group=Group("Terminal", sort_key=8))
@dataclass(frozen=True, kw_only=True)
class Till:
    """Which terminal speaks to which switch."""

    terminal: Annotated[int, Parameter(help="Number of the terminal.")] = HAND_TERMINAL
    key_file: Annotated[
        Path | None,
        Parameter(help="File with the terminal's key, 64 hex digits. The demo's terminals need none."),
    ] = None
    key: Annotated[
        str | None,
        Parameter(
            env_var="CITYSWITCH_TERMINAL_KEY", help="The key itself; others on this machine may see it."
        ),
    ] = None
    generation: Annotated[int, Parameter(help="Generation of the key.")] = 1
    switch: Annotated[
        str | None,
        Parameter(help="Where the switch is, host:port or tls://host:port; the one that runs here."),
    ] = None
    ca_file: Annotated[Path | None, Parameter(help="Certificates to trust for TLS.")] = None

    def identity(self) -> Identity:
        """Return who the terminal is. Raises `CommandError` if there is no usable key."""
        text = self.key
        if self.key_file is not None:
            try:
                text = self.key_file.read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError):
                raise CommandError(
                    Exit.CONFIGURATION, f"{self.key_file}: the key cannot be read.", "Check the path."
                ) from None
        if text is None:
            key = development_key(self.terminal)
            if key is None:
                raise CommandError(
                    Exit.CONFIGURATION,
                    f"terminal {self.terminal} needs its key.",
                    "Give it with --key-file; `cityswitch terminals key issue` makes one.",
                )
        else:
            key = key_from_hex(text)
        return Identity(self.terminal, key, self.generation)

    def address(self, place: Place) -> Address:
        """Return where the switch is: the one named, else the one that runs here, else the settings'."""
        try:
            if self.switch:
                return Address.parse(self.switch, ca_file=self.ca_file)
        except ValueError as error:
            raise CommandError(Exit.USAGE, f"--switch: {error}.") from None
        config = place.settings()
        if noted := read_note(config.state_path):
            return Address(noted.host, noted.port, noted.tls, self.ca_file)
        return Address(config.listen_host, config.listen_port, config.tls_wanted, self.ca_file)


DEFAULT_TILL: Final = Till()


def key_from_hex(text: str) -> bytes:
    """Return the 32 bytes of a key written as 64 hex digits. Raises `CommandError` without repeating them."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise CommandError(
            Exit.CONFIGURATION, "a terminal's key is 64 hex digits.", "Copy it again, or issue a new one."
        )
    return key


def check_card(text: str) -> str:
    """Return a keyed number or a swiped track 2 as it goes on the wire. Raises `CommandError`."""
    card = text.strip()
    try:
        parse_card(card)
    except CardNumberError as error:
        raise CommandError(
            Exit.USAGE,
            f"this is no card: {error}.",
            "Swipe it again, or type its 16 to 19 digits without spaces.",
        ) from None
    return card


def masked(card: str) -> str:
    """Return a card, keyed or swiped, as it may be shown."""
    return mask_card(parse_card(card))


@asynccontextmanager
async def open_terminal(till: Till, place: Place = HERE) -> AsyncIterator[Terminal]:
    """Yield the terminal, its memory in the state directory; it connects when something is asked."""
    identity, address = till.identity(), till.address(place)
    folder = place.settings().state_path / "terminals"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{identity.terminal}.memory"
    software = f"cityswitch {project_version()}"
    with TerminalMemory.open(path, identity.terminal, durable=True) as memory:
        async with Terminal(identity, memory, connector(address), software=software) as terminal:
            yield terminal


def status_of(code: int) -> Exit:
    """Return the exit status for a result code."""
    if code == ResultCode.TOTALS_DIFFER:
        return Exit.DIFFERENCES
    return Exit.OK if result_class(code) is ResultClass.APPROVE else Exit.DECLINED


def code_name(code: int) -> str:
    """Return a code's name, or its number if it is younger than this program."""
    return CODES[code].name if code in CODES else str(code)


def code_text(code: int) -> str:
    """Return what a code means, in English."""
    return CODES[code].text_en if code in CODES else f"code {code}"


def reply_fields(reply: TransactionReply) -> Row:
    """Return a reply as a record for scripts; amounts in grosze, times in ms since 1970."""
    return {
        "result": code_name(reply.code),
        "code": int(reply.code),
        "class": str(result_class(reply.code)),
        "text": code_text(reply.code),
        "stan": reply.stan,
        "transaction_id": reply.transaction_id,
        "amount_grosze": reply.amount_grosze,
        "points": reply.points,
        "balance": reply.balance,
        "server_time_ms": reply.server_time_ms,
        "receipt": reply.receipt,
    }


def show_receipt(terminal: Terminal, reply: TransactionReply) -> None:
    """Print a reply as the terminal's printer would."""
    partner = terminal.programme.partner_name if terminal.programme else ""
    print_line(
        paper(
            reply.receipt or code_text(reply.code),
            partner=partner,
            terminal=terminal.identity.terminal,
            stan=reply.stan,
            time_ms=reply.server_time_ms,
        )
    )


def show_reply(terminal: Terminal, reply: TransactionReply, *, as_json: bool) -> Exit:
    """Print a reply, as paper or for scripts; returns the exit status."""
    if as_json:
        print_json(dict(reply_fields(reply)))
    else:
        show_receipt(terminal, reply)
    return status_of(reply.code)


def show_totals(reply: TotalsReply, *, as_json: bool) -> Exit:
    """Print the switch's totals; returns the exit status."""
    print_fields(
        {
            "result": code_name(reply.code),
            "text": code_text(reply.code),
            "earn_count": reply.earn_count,
            "earn_points": reply.earn_points,
            "redeem_count": reply.redeem_count,
            "redeem_points": reply.redeem_points,
            "reversal_count": reply.reversal_count,
            "reversal_points": reply.reversal_points,
        },
        as_json=as_json,
    )
    return status_of(reply.code)


def describe(terminal: Terminal) -> str:
    """Return one line about a signed-on terminal: its programme, partner and redemption tiers."""
    programme = terminal.programme
    assert programme is not None
    tiers = ", ".join(f"{points} = {money(value)}" for points, value in programme.tiers)
    return f"Terminal {terminal.identity.terminal} · {programme.partner_name} · {programme.programme}" + (
        f" · points for {tiers}" if tiers else ""
    )
