"""What one worker knows of programmes, partners, terminals and cards: the registry, held in memory.

Owns the look-ups the hot path needs and the applying of registry changes. Must not read the database (feed.py
does) and holds no personal data (ARCHITECTURE.md, "Cards in memory").
Invariant: every look-up answers by registry change `number`, which moves when all of a reading has been
applied; so what was decided can be decided again (ARCHITECTURE.md, "What decided is recorded").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ledger.books.posting import AccountKind, account_id
from ledger.errors import SecretsError
from ledger.registry.key_ring import KeyRing
from ledger.registry.pepper import Pepper
from ledger.registry.reads import CardTuple, KeyRow, ProgrammeRow, RegistrySnapshot, Status
from ledger.registry.secrets import MasterKey
from switch.rules.cards import Card, Cards
from switch.rules.contract import Contract, Contracts
from switch.rules.offer_book import OfferBook
from switch.rules.offer_faults import OfferError
from switch.rules.programme import RulesError
from switch.rules.states import RUNNING, States
from switch.rules.versions import NO_RULES, Version, in_force, read_version

REENTRIES_MAX: Final = 200
"""So many cards are noted at a time to be re-entered: a write of so many holds the registry for some ms."""
CLOCK_TOLERANCE_MS = 300_000
"""How far the clocks of the switch and of its database may be apart before nothing is decided by the time."""


NEVER_MS = 1 << 62


def _no_pepper(digits: str) -> int:
    raise LookupError("a programme without a pepper has no cards")


class Programme:
    """One programme: its states and every version of its rules ever published, for old replies are printed
    and late sales judged by the version of their time. `current` is the one in force now, `refusal` the
    code of a programme that does not run now, else 0.
    """

    __slots__ = (
        "code",
        "current",
        "former_token_of",
        "name",
        "number",
        "offers",
        "pepper",
        "refusal",
        "states",
        "token_of",
        "versions",
    )

    def __init__(self, number: int, token_of: Callable[[str], int] = _no_pepper) -> None:
        self.number = number
        self.token_of = token_of
        self.former_token_of: Callable[[str], int] | None = None
        """What a card was known by that has not been re-entered yet; None: no pepper is in overlap."""
        self.pepper = 0
        """The number of the pepper of `token_of`."""
        self.code = self.name = ""
        self.states, self.refusal = RUNNING, 0
        self.current = NO_RULES
        self.offers = OfferBook()
        self.versions: dict[int, Version] = {0: NO_RULES}

    def add_version(self, version: Version) -> None:
        """Take in a version; it holds from its moment on once `choose_version` is called."""
        self.versions[version.number] = version

    def version_at(self, at_ms: int) -> Version:
        """Return the rules of a moment; `NO_RULES` before the first."""
        return in_force(self.versions.values(), at_ms)

    def turns(self) -> Iterator[int]:
        """Yield the moments (ms since 1970) at which other rules begin to hold, or it stops or runs again."""
        yield from (version.from_ms for version in self.versions.values())
        yield from self.states.turns()

    def choose_version(self, now_ms: int) -> None:
        """Put the rules of the moment in force, and see whether the programme runs."""
        self.current = self.version_at(now_ms)
        self.refusal = self.states.refusal(now_ms)


class Partner:
    """One partner; `points_step_grosze` overrides the programme's step when set."""

    __slots__ = (
        "contracts",
        "issued_account",
        "name",
        "number",
        "points_step_grosze",
        "programme",
        "redeemed_account",
        "suspended",
        "terminals",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.issued_account = account_id(number, AccountKind.PARTNER_ISSUED)
        self.redeemed_account = account_id(number, AccountKind.PARTNER_REDEEMED)
        self.name = ""
        self.programme: Programme
        self.suspended = False
        self.contracts = Contracts()
        self.points_step_grosze: int | None = None
        self.terminals: set[int] = set()
        """The numbers of all that ever stood there: a sale may be taken back at any of them."""


class Terminal:
    """One terminal and its live keys: generation -> (key, expiry in ms since the epoch or None). The key is
    None while it does not open (`Directory.open_keys`).

    `outlet`: the one of its partner it stands in; 0: none.
    `used_generation`: the newest that the registry knows it has signed on with; 0 before the first.
    """

    __slots__ = ("blocked", "keys", "number", "outlet", "partner", "used_generation")

    def __init__(self, number: int) -> None:
        self.number = number
        self.partner: Partner
        self.outlet = 0
        self.blocked = False
        self.keys: dict[int, tuple[bytes | None, int | None]] = {}
        self.used_generation = 0


_NOBODY: Final = Terminal(0)
"""Stands in for a terminal there is none of."""
_NO_KEY: Final[tuple[None, None]] = (None, None)


class Directory:
    """The registry in memory of one worker."""

    def __init__(self, master_key: MasterKey) -> None:
        self._master_key = master_key
        self.number = 0
        self._database_ms = 0
        self._is_clock_ahead = False
        self.programmes: dict[int, Programme] = {}
        self.partners: dict[int, Partner] = {}
        self.terminals: dict[int, Terminal] = {}
        self.cards = Cards()
        self._turns_at_ms = (0, 0)
        self._faults: list[str] = []
        self._unopened: dict[tuple[int, int], tuple[KeyRow, KeyRing]] = {}
        """Keys that did not open, by terminal and generation, each with the ring that was tried."""
        self._to_reenter: dict[int, dict[int, int]] = {}

    def find_card(self, programme: Programme, digits: str) -> Card | None:
        """Return the card of a programme with these digits, or None: another programme's are not met by
        it.
        """
        return self.cards.get(programme.token_of(digits)) or self._find_former(programme, digits)

    def _find_former(self, programme: Programme, digits: str) -> Card | None:
        """Return a card that stands under the pepper in overlap, and note it to be re-entered."""
        if programme.former_token_of is None:
            return None
        former = programme.former_token_of(digits)
        card = self.cards.get(former)
        if card is not None:
            noted = self._to_reenter.setdefault(programme.number, {})
            if len(noted) < REENTRIES_MAX:
                noted[former] = programme.token_of(digits)
        return card

    def take_to_reenter(self) -> dict[int, dict[int, int]]:
        """Return what was found under peppers in overlap since the last call: by programme, the token that
        each card had and the one its number has. What is not taken for long is noted when it is found again.
        """
        noted, self._to_reenter = self._to_reenter, {}
        return noted

    def is_elsewhere(self, programme: Programme, digits: str) -> bool:
        """Whether a number that is no card here begins as another programme's cards do, and not as this
        one's.

        More cannot be told of it: whether such a card exists, only that programme's pepper tells.
        """
        if digits.startswith(programme.current.rules.card.prefix):
            return False
        others = (other.current for other in self.programmes.values() if other is not programme)
        return any(other.number and digits.startswith(other.rules.card.prefix) for other in others)

    def find_key(self, terminal_number: int, generation: int, now_ms: int) -> bytes | None:
        """Return the 32-byte key a terminal may authenticate with now, or None (`why_no_key`).

        The same steps whoever is asked about: how long it takes tells nobody which numbers there are.
        """
        terminal = self.terminals.get(terminal_number, _NOBODY)
        key, expires_ms = terminal.keys.get(generation, _NO_KEY)
        is_valid = now_ms < (NEVER_MS if expires_ms is None else expires_ms)
        may = (not terminal.blocked) & (generation >= terminal.used_generation) & is_valid
        return (None, key)[may]

    def why_no_key(self, terminal_number: int, generation: int, now_ms: int) -> str | None:
        """Return why `find_key` has none, for the operator alone; None if it has one."""
        terminal = self.terminals.get(terminal_number)
        if terminal is None:
            return "unknown_terminal"
        if terminal.blocked:
            return "terminal_blocked"
        if generation < terminal.used_generation:
            return "generation_retired"
        if generation not in terminal.keys:
            return "generation_unknown"  # never issued, or ended by the registry
        if terminal.keys[generation][0] is None:
            return "key_unreadable"
        return None if self.find_key(terminal_number, generation, now_ms) else "key_expired"

    def apply(
        self,
        changes: RegistrySnapshot,
        *,
        now_ms: int,
        on_terminal: Callable[[Terminal], None] = lambda _: None,
    ) -> None:
        """Take over registry changes; `on_terminal` is told of every terminal whose row or keys changed.

        The reading's cards have been handed over before (`apply_cards`). What cannot be used (unreadable
        rules, a key wrapped under another master key) is left out and named by `take_faults`; the rest is
        applied. Such a key is tried again by `open_keys`. Raises SecretsError, before anything is, where the
        key file lacks a pepper: by what is known then cards are found as before.
        """
        peppers = {row.id: self._peppers_of(row) for row in changes.programmes}
        self.note_clock(database_ms=changes.database_ms, now_ms=now_ms)
        self._apply_programmes(changes, peppers)
        self.choose_versions(now_ms)
        for partner_row in changes.partners:
            partner = self.partners.setdefault(partner_row.id, Partner(partner_row.id))
            partner.name = partner_row.name
            partner.programme = self.programmes[partner_row.programme]
            partner.suspended = partner_row.status == Status.STOPPED
            partner.points_step_grosze = partner_row.points_step_grosze
        for row in changes.contracts:
            if row.first_day is not None:
                contract = Contract(row.outlet, row.first_day, row.last_day)
                self.partners[row.partner].contracts.put(row.number, contract)
        self._apply_offers(changes)
        self.cards.admit()
        self.cards.forget(changes.former_tokens)
        touched = self._apply_terminals(changes)
        self.number = changes.number
        for number in touched:
            on_terminal(self.terminals[number])

    def apply_cards(self, rows: Sequence[CardTuple]) -> None:
        """Take some of the cards of a reading; they count once `apply` ends it. A card may come again.

        Before the first reading has ended nothing is decided, so its cards, all there are, go to their place
        at once.
        """
        if self.number:
            self.cards.bring(rows)
        else:
            self.cards.put(rows)

    def open_keys(self) -> None:
        """Try the keys again that did not open, once the master key's file holds another ring than it did: in
        a rotation it may come after what is wrapped under it. To be called now and then.
        """
        if not self._unopened:
            return
        self._master_key.refresh()
        for row, tried in list(self._unopened.values()):
            if tried is not self._master_key.ring:
                self._take_key(row)

    def take_faults(self) -> list[str]:
        """Return what could not be applied since the last call, one line each."""
        faults, self._faults = self._faults, []
        return faults

    def note_clock(self, *, database_ms: int, now_ms: int) -> None:
        """Compare the two clocks, both just read, in ms since 1970."""
        self._database_ms = database_ms
        self._is_clock_ahead = now_ms - database_ms > CLOCK_TOLERANCE_MS

    def is_clock_right(self, now_ms: int) -> bool:
        """Whether a clock may be trusted that shows this: the database's was not much earlier or later.

        One that was set back is found at once, one that was set ahead at the next reading.
        """
        return not self._is_clock_ahead and now_ms > self._database_ms - CLOCK_TOLERANCE_MS

    def choose_versions(self, now_ms: int) -> None:
        """Put the rules of a moment in force, and see which programmes run then."""
        before, after = 0, NEVER_MS
        for programme in self.programmes.values():
            programme.choose_version(now_ms)
            for turn_ms in programme.turns():
                if turn_ms <= now_ms:
                    before = max(before, turn_ms)
                else:
                    after = min(after, turn_ms)
        self._turns_at_ms = before, after

    def keep_time(self, now_ms: int) -> None:
        """See to it that what is decided at a moment is decided by what holds at that very moment."""
        before, after = self._turns_at_ms
        if not before <= now_ms < after:
            self.choose_versions(now_ms)

    def _peppers_of(self, row: ProgrammeRow) -> tuple[Pepper, Pepper | None]:
        newest, former = self._master_key.pepper(row.id, row.pepper), None
        if row.pepper_former is not None:
            former = self._master_key.pepper(row.id, row.pepper_former)
        return newest, former

    def _apply_programmes(
        self, changes: RegistrySnapshot, peppers: dict[int, tuple[Pepper, Pepper | None]]
    ) -> None:
        for row in changes.programmes:
            programme = self.programmes.setdefault(row.id, Programme(row.id))
            newest, former = peppers[row.id]
            programme.token_of, programme.pepper = newest.token, row.pepper
            programme.former_token_of = None if former is None else former.token
            programme.code, programme.name = row.code, row.name
            programme.states = States(
                tuple((from_ms, until_ms) for from_ms, until_ms in row.suspended_ms), row.ended_from_ms
            )
        for rules in changes.rules:
            try:
                version = read_version(
                    rules.programme, rules.version, rules.effective_from_ms, rules.rules_toml
                )
            except RulesError as error:
                self._faults.append(str(error))
                continue
            self.programmes[rules.programme].add_version(version)

    def _apply_offers(self, changes: RegistrySnapshot) -> None:
        for row in changes.offers:
            try:
                self.programmes[row.programme].offers.put(row)
            except OfferError as error:
                self._faults.append(f"offer {row.programme}/{row.number}/{row.version}: {error}")

    def _apply_terminals(self, changes: RegistrySnapshot) -> set[int]:
        for row in changes.terminals:
            terminal = self.terminals.setdefault(row.id, Terminal(row.id))
            terminal.partner, terminal.outlet = self.partners[row.partner], row.outlet
            terminal.partner.terminals.add(row.id)
            terminal.blocked = row.status == Status.STOPPED
        touched = {row.id for row in changes.terminals}
        for key_row in changes.keys:
            terminal = self.terminals[key_row.terminal]
            touched.add(key_row.terminal)
            if key_row.is_used:
                terminal.used_generation = max(terminal.used_generation, key_row.generation)
            if key_row.retired_at_ms is None:
                self._take_key(key_row)
            else:
                terminal.keys.pop(key_row.generation, None)
                self._unopened.pop((key_row.terminal, key_row.generation), None)
        return touched

    def _take_key(self, row: KeyRow) -> None:
        """Put a live key in its place; one that does not open now stays what it was known as."""
        keys, place = self.terminals[row.terminal].keys, (row.terminal, row.generation)
        try:
            key: bytes | None = self._master_key.unwrap(*place, row.wrapped)
        except SecretsError as error:
            self._faults.append(str(error))
            self._unopened[place] = row, self._master_key.ring
            key, _ = keys.get(row.generation, _NO_KEY)
        else:
            self._unopened.pop(place, None)
        keys[row.generation] = key, row.not_after_ms
