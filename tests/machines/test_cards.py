"""Cards as a state machine: an office, holders, terminals and the keeper do what they like, in any order.

Postgres, the office's own use cases and a worker's directory that follows the registry, in three programmes
by their own rules; the model is `card_life`'s. After each step the registry, its trail, its cases, the points
and what a terminal would be told of every number are what the model says.
"""

import tempfile
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from ledger.errors import LedgerError, RegistryRefused, StatementRefused
from ledger.registry.audit import Actor
from ledger.registry.card_cases import CaseKind, CaseState
from ledger.registry.card_fees import OldCard
from ledger.registry.card_states import ENDED, MOVES, OFFICE, CardStatus, Hand, Move
from ledger.registry.duplicates import Carrier
from ledger.registry.holders import end_notices
from protocol import ResultCode
from switch.clock import set_clock
from tests.cli.office import card as card_number
from tests.machines import bounded
from tests.machines.card_life import Account, Life, Refused
from tests.machines.cities import City
from tests.machines.registry import PREFIXES, TERMINALS, Registry, programme_of
from tests.postgres import Server

ZONE: Final = ZoneInfo("Europe/Warsaw")
APPROVED: Final = ResultCode.APPROVED
_S = CardStatus
ACTS: Final = {move.act: move for move in MOVES}
MOVED: Final = (
    *["block", "unblock", "activate"] * 5,
    *["want", "ready", "retained"] * 2,
    *["resign", "void", "close"],
)
CONTRACT: Final = (
    *["renew", "hold", "give_old_notice", "withdraw_notice"] * 2,
    *["give_notice", "anonymise"],
)
RUNNING: Final = frozenset(_S) - ENDED
NEAR, MOSTLY = 14, 15
cities = st.integers(0, 2)
places = st.integers(0, MOSTLY)
whose = st.integers(0, MOSTLY + 1)
times = st.sampled_from([1, 1, 1, 1, 1, 1, 1, 1, 18])
rarely = st.sampled_from([None] * 12 + [0, 1, MOSTLY])
ways = st.sampled_from([(), (), (), ("lost",), ("handed_over",), ("lost", "handed_over")])
decisions = st.sampled_from([CaseState.CONFIRMED, CaseState.LIFTED])
reports = st.sampled_from([CaseKind.ATTEMPT, CaseKind.ATTEMPT, CaseKind.RETAINED, CaseKind.DOUBT])
picks = st.integers(0, 999)
peppers = st.sampled_from(["begin_pepper", "begin_pepper", "retire_pepper"])
STEPS: Final[dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]]] = {
    "move": (
        9,
        {"act": st.sampled_from(MOVED), "place": places, "pick": picks, "whose": whose, "times": times},
    ),
    "duplicate": (3, {"place": places, "how": ways, "taken": rarely, "whose": whose}),
    "contract": (2, {"act": st.sampled_from(CONTRACT), "place": places, "whose": whose}),
    "decide": (3, {"back": st.integers(0, 2), "state": decisions, "whose": whose}),
    "turn_the_pepper": (2, {"city": cities, "act": peppers}),
    "days_pass": (1, {"days": st.sampled_from([0, 1, 30, 400])}),
    "at_a_till": (2, {"place": places, "points": st.integers(1, 9)}),
    "report": (3, {"place": places, "kind": reports}),
    "add": (1, {"city": cities, "status": st.sampled_from([_S.ACTIVE, _S.ORDERED]), "taken": rarely}),
    "carrier": (1, {"place": places, "kind": st.sampled_from(Carrier), "taken": rarely}),
    "write_by_hand": (
        1, {"place": places, "becomes": st.sampled_from(_S), "hand": st.sampled_from(Hand)},
    ),
}  # fmt: skip
"""What happens how often, and of what it is drawn: one rule's, for of many each run would have a few only."""
steps = st.sampled_from([name for name, (often, _) in STEPS.items() for _ in range(often)]).flatmap(
    lambda name: st.tuples(st.just(name), st.fixed_dictionaries(STEPS[name][1]))
)


def _hand(move: Move, whose: int) -> Hand:
    """Mostly one of those that may, or any."""
    return move.hands[whose % len(move.hands)] if whose < MOSTLY else list(Hand)[whose % len(Hand)]


class Cards(RuleBasedStateMachine):
    """What can be done to a card, by its number."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server, self._step = server, 0
        self._registry: Registry | None = None

    @initialize()
    def open(self) -> None:
        """A card with a holder in each city, one with a duplicate that waits; and a number of none."""
        self._now_ns = time.time_ns()
        self._cities = [
            City(1, PREFIXES[0], further_carriers=True),
            City(2, PREFIXES[1], validity_months=24, retains=True),
            City(3, PREFIXES[2], notice_months=1, needs_proof=True),
        ]
        self._life = Life(self._cities, self._today())
        self._made: list[str] = []
        self._named: Account | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="cards-")
        self._fresh = self._server.create()
        self._running = Registry(self._fresh, Path(self._folder.name), self._life.began).running()
        self.office = self._registry = self._running.__enter__()
        self._clock = set_clock(lambda: self._now_ns)
        self.call = self.office.call
        for city in range(len(self._cities)):
            self.add(city, _S.ACTIVE, None)
            self.contract("hold", 0, 0)
        self.duplicate(0, (), None, 0)
        self._new_number(self._cities[0], None)

    def teardown(self) -> None:
        """In the end the books are proved."""
        if self._registry is None:
            return
        try:
            self.call(self.office.prove, self._life, self._made)
        finally:
            set_clock(self._clock)
            self._running.__exit__(None, None, None)
            self._server.drop(self._fresh)
            self._folder.cleanup()

    def _today(self) -> date:
        return datetime.fromtimestamp(self._now_ns / 1e9, ZONE).date()

    def _new_number(self, city: City, taken: int | None) -> str:
        """One of no card, or of one that is there."""
        if taken is not None:
            return self._number(taken)
        digits = card_number(len(self._made) + 1, city.prefix)
        self._made.append(digits)
        return digits

    def _number(self, place: int, mostly: Collection[CardStatus] = RUNNING) -> str:
        """Mostly of a card in one of these states, and of the account that was named last, the newest first;
        or any that was ever made up.
        """
        found = [digits for digits, card in self._life.numbers.items() if card.status in mostly]
        if place < NEAR:
            found = [one for one in found if self._life.numbers[one].account is self._named] or found
        among = found if found and place < MOSTLY else self._made
        digits = among[-1 - place % len(among)]
        self._name(digits)
        return digits

    def _name(self, digits: str) -> None:
        if digits in self._life.numbers:
            self._named = self._life.numbers[digits].account

    def _compare(self) -> None:
        self.call(self.office.compare, self._life, self._made)

    def _act(
        self,
        do: Callable[..., Awaitable[object]],
        ought: Callable[..., None],
        *arguments: object,
        hand: Hand = Hand.DESK,
        **named: object,
    ) -> None:
        """Both do it, or both refuse it."""
        self._step += 1
        actor, why = Actor("anna", f"step {self._step}", hand=hand), None
        try:
            self.call(partial(do, actor, *arguments, **named))
        except RegistryRefused as error:
            why = error
        try:
            ought(actor, *arguments, **named)
        except Refused:
            assert why is not None, "done, and ought to be refused"
        else:
            assert why is None, f"ought to be done, and is refused: {why}"
        self._compare()

    @rule(step=steps)
    def step(self, step: tuple[str, dict[str, Any]]) -> None:
        """One of those below."""
        name, arguments = step
        getattr(self, name)(**arguments)

    # What the office does

    def add(self, city: int, status: CardStatus, taken: int | None) -> None:
        """A first card of an account, with a number that is new, or of a card that is there."""
        of, desk = self._cities[city], self.office.cards
        digits, account = self._new_number(of, taken), 0

        async def do(actor: Actor) -> None:
            nonlocal account
            await desk.add(actor, of.number, digits, status=status)
            account = (await desk.find(digits))["account"]

        self._act(do, lambda actor: self._life.add(actor, of, digits, status, account))
        self._name(digits)

    def carrier(self, place: int, kind: Carrier, taken: int | None) -> None:
        """One of another kind."""
        digits = self._number(place, {_S.ACTIVE})
        new = self._new_number(self._life.city_of(digits), taken)
        self._act(self.office.cards.add_carrier, self._life.add_carrier, digits, new, kind)

    def duplicate(self, place: int, how: tuple[str, ...], taken: int | None, whose: int) -> None:
        """For a loss, handed over at once, or to wait for that."""
        move = ACTS["replace"]
        digits = self._number(place if place >= NEAR else 0, move.was)
        new = self._new_number(self._life.city_of(digits), taken)
        ways = {name: name in how for name in ("lost", "handed_over")}
        old_card: OldCard | None = "returned" if ways["handed_over"] else None
        do = partial(self.office.cards.duplicate, why="no-fault", old_card=old_card)
        self._act(do, self._life.duplicate, digits, new, hand=_hand(move, whose), **ways)

    def move(self, act: str, place: int, pick: int, whose: int, times: int) -> None:
        """Mostly one that is possible, of what was named last. One that was blocked may be so many times."""
        digits = self._number(place)
        near = [one for one, card in self._life.numbers.items() if card.account is self._named]
        able = [(act, one) for act in MOVED for one in near if self._is_able(act, one)]
        if able and place < MOSTLY:
            act, digits = able[pick % len(able)]
        move, hand = ACTS[act], _hand(ACTS[act], whose)
        if act == "activate":
            of = self._life.numbers.get(digits)
            old_card: OldCard | None = "declared" if of is not None and of.issue > 1 else None
            do = partial(self.office.cards.activate, old_card=old_card)
            self._act(do, self._life.activate, digits, hand=hand)
        elif act in {"resign", "void", "close"}:
            self._act(self.office.cards.end, self._life.end, digits, *move.becomes, hand=hand)
        else:
            status = _S.ACTIVE if act == "unblock" else move.becomes[0]
            for turn in range(times if act == "block" and hand in OFFICE else 1):
                becomes = (status, _S.WANTED)[turn % 2]
                self._act(self.office.cards.set, self._life.set, digits, becomes, hand=hand)

    def _is_able(self, act: str, digits: str) -> bool:
        """What is blocked may be so once more, by another hand."""
        return act == "block" or self._life.numbers[digits].status in ACTS[act].was

    def contract(self, act: str, place: int, whose: int) -> None:
        """A card gets its holder, is renewed; notice is given, and taken back; a holder is erased."""
        digits, hand = self._number(place), _hand(ACTS["close"], whose)
        self._act(getattr(self.office, act), getattr(self._life, act), digits, hand=hand)

    def decide(self, back: int, state: CaseState, whose: int) -> None:
        """One of the newest cases that are open, or the newest."""
        if cases := self._life.cases:
            is_open = [n for n, case in enumerate(cases, 1) if case.state is CaseState.OPEN] or [len(cases)]
            number, hand = is_open[-1 - back % len(is_open)], _hand(ACTS["unblock"], whose)
            self._act(self.office.decide, self._life.decide, number, state, hand=hand)

    def turn_the_pepper(self, city: int, act: str) -> None:
        """The next one holds; or the former one ends, and what was under it yet is blocked."""
        self._act(getattr(self.office, act), getattr(self._life, act), self._cities[city])

    # What else happens

    def days_pass(self, days: int) -> None:
        """At the office and at the tills; and the keeper does its work."""
        self._now_ns += days * 86_400 * 1_000_000_000
        self._life.today = self._today()
        self.call(self.office.service.run, end_notices)
        self._life.keep()
        self._compare()

    def at_a_till(self, place: int, points: int) -> None:
        """Points go to the account, whatever card it is; what a former pepper found is re-entered."""
        digits = self._number(place)
        is_sold = self._life.city_of(digits) is self._cities[0] and self._life.told(digits) is APPROVED
        self.call(self.office.at_a_till, digits, points if is_sold else 0)
        if (card := self._life.found(digits)) is not None and is_sold:
            card.account.points += points
        self._compare()

    def report(self, place: int, kind: CaseKind) -> None:
        """A terminal tells of a card that is misused, or perhaps."""
        digits = self._number(place)
        self.call(self.office.report, digits, kind)
        self._life.report(TERMINALS[programme_of(digits) - 1], digits, kind)
        self._compare()

    def write_by_hand(self, place: int, becomes: CardStatus, hand: Hand) -> None:
        """What the table has not the database refuses, whoever writes; and the service has no right."""
        card = self._life.numbers.get(self._number(place))
        if card is not None and card.status is not becomes and not card.may(becomes, hand):
            with pytest.raises(StatementRefused):
                self.call(self.office.write, card.key, becomes, hand)
            with pytest.raises(LedgerError):
                self.call(self.office.write_as_service, card.key, becomes)
            self._compare()


def test_cards_live_as_the_rules_say_in_any_order(postgres_server: Server) -> None:
    """Made, handed over, stopped, replaced, reported, renewed, ended: registry, trail and terminals agree."""
    settings = bounded(examples=12, steps=60)
    run_state_machine_as_test(lambda: Cards(postgres_server), settings=settings)  # type: ignore[arg-type]
