"""A terminal at the keyboard: who it is, where its switch is, and its memory in the state directory.

Owns the options of `cityswitch terminal`. Must not know the wire (`simulators.till.terminal` does all of it)
nor how an answer is shown (`ops.till.answers`). Invariant: neither key nor full card number is ever shown.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Group, Parameter

from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.place.options import HERE, Place
from ops.place.running import read_note
from ops.program import project_version
from protocol import EntryMode, ResultCode
from simulators.city.example import HAND_TERMINAL, development_key
from simulators.till.channel import Address, connector
from simulators.till.identity import TerminalIdentity
from simulators.till.store import TerminalMemory
from simulators.till.terminal import PosTerminal

KEY_BYTES: Final = 32
KEY_VARIABLE: Final = "CITYSWITCH_TERMINAL_KEY"
"""Holds the terminal's key itself."""
CERTIFICATE_VARIABLE: Final = "CITYSWITCH_TERMINAL_CERTIFICATE"
"""Names a file with the terminal's own certificate and its private key."""
CODES: Final = {int(code): code for code in ResultCode}


@Parameter(name="*", group=Group("Terminal", sort_key=8))
@dataclass(frozen=True, kw_only=True)
class TillOptions:
    """Which terminal speaks to which switch."""

    terminal: Annotated[int, Parameter(help="Number of the terminal.")] = HAND_TERMINAL
    key_file: Annotated[
        Path | None,
        Parameter(
            help="File with the terminal's key, 64 hex digits; without it that of CITYSWITCH_TERMINAL_KEY. "
            "The demo's terminals need none."
        ),
    ] = None
    generation: Annotated[int, Parameter(help="Generation of the key.")] = 1
    switch: Annotated[
        str | None,
        Parameter(help="Where the switch is, host:port or tls://host:port; the one that runs here."),
    ] = None
    entry: Annotated[EntryMode, Parameter(help="How the card is read: swiped, scanned, tapped or keyed.")] = (
        EntryMode.SWIPED
    )
    language: Annotated[Literal["pl", "en"], Parameter(help="What receipts are printed in.")] = "pl"
    ca_file: Annotated[Path | None, Parameter(help="Certificates to trust for TLS.")] = None

    def identity(self) -> TerminalIdentity:
        """Return who the terminal is. Raises `CommandError` if there is no usable key."""
        text = os.environ.get(KEY_VARIABLE)
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
        return TerminalIdentity(self.terminal, key, self.generation)

    def address(self, place: Place) -> Address:
        """Return where the switch is: the one named, else the one that runs here, else the settings'."""
        shown = os.environ.get(CERTIFICATE_VARIABLE, "")
        certificate = Path(shown) if shown else None
        try:
            if self.switch:
                return Address.parse(self.switch, ca_file=self.ca_file, certificate=certificate)
        except ValueError as error:
            raise CommandError(Exit.USAGE, f"--switch: {error}.") from None
        config = place.settings()
        if noted := read_note(config.state_path):
            return Address(noted.host, noted.port, noted.tls, self.ca_file, certificate)
        return Address(config.listen_host, config.listen_port, config.tls_wanted, self.ca_file, certificate)


HAND: Final = TillOptions()
"""The default of these options: the terminal kept free for people, at the switch that runs here."""


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


@asynccontextmanager
async def open_terminal(till: TillOptions, place: Place = HERE) -> AsyncIterator[PosTerminal]:
    """Yield the terminal, its memory in the state directory; it connects when something is asked."""
    identity, address = till.identity(), till.address(place)
    folder = place.settings().state_path / "terminals"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{identity.terminal}.memory"
    software = f"cityswitch {project_version()}"
    try:
        connect = connector(address)
    except OSError as error:
        raise CommandError(
            Exit.CONFIGURATION, f"a certificate cannot be used: {error}.",
            f"Check --ca-file, and {CERTIFICATE_VARIABLE} (a file with certificate and private key).",
        ) from None  # fmt: skip
    with TerminalMemory.open(path, identity.terminal, durable=True) as memory:
        made = PosTerminal(identity, memory, connect, software=software, language=till.language)
        async with made as terminal:
            yield terminal
