"""What ought to become of cards, in the words of docs/cards.md: the model of the machine of cards.

Owns accounts, their cards and cases, and what the trail has to say of them. Pure; of the product it shares
the table of moves and the names of things. An act raises `Refused`, and nothing of it is done but this: a
card that was named is under its programme's newest pepper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from ledger.registry.audit import Actor
from ledger.registry.card_cases import CaseKind, CaseState
from ledger.registry.card_states import ENDED, HANDS, OFFICE, STOPPED, WAITING, CardStatus, Hand
from ledger.registry.duplicates import Carrier
from ledger.registry.peppers import REENTERED
from protocol import ResultCode
from tests.machines.cities import City

_S = CardStatus
SOON, LONG_AGO = 2, -100
"""Days from the first one of all, on which notice is given."""
KEEPER: Final = Actor("keeper", "the notice has run out", hand=Hand.CLOCK)
TOLD: Final = {
    _S.BLOCKED: ResultCode.CARD_BLOCKED,
    _S.WANTED: ResultCode.CARD_BLOCKED,
    _S.REPLACED: ResultCode.CARD_REPLACED,
    _S.ORDERED: ResultCode.CARD_NOT_ACTIVE,
    _S.READY: ResultCode.CARD_NOT_ACTIVE,
    _S.CLOSED: ResultCode.CARD_BLOCKED,
    _S.RETAINED: ResultCode.CARD_BLOCKED,
    _S.RESIGNED: ResultCode.CARD_BLOCKED,
    _S.VOID: ResultCode.CARD_BLOCKED,
}


class Refused(Exception):
    """The rules do not have it."""


def require(condition: object) -> None:
    if not condition:
        raise Refused


class Image(NamedTuple):
    """What of a card may change."""

    status: CardStatus
    expires_on: date | None
    pepper: int


@dataclass(eq=False)
class Account:
    number: int
    city: City
    cards: list[Card] = field(default_factory=list)
    points: int = 0
    has_holder: bool = False
    contract_ends_on: date | None = None


@dataclass(eq=False)
class Card:
    account: Account
    carrier: Carrier
    issue: int
    image: Image
    free: CardStatus = CardStatus.ACTIVE
    """What it was before it was stopped."""
    was_out: bool = False
    """Handed over, once."""
    stopped_by: set[Hand] = field(default_factory=set)
    reports: list[Case] = field(default_factory=list)
    """Of misuse, since it was free last."""

    @property
    def key(self) -> str:
        return f"{self.account.number}/{self.carrier}/{self.issue}"

    @property
    def status(self) -> CardStatus:
        return self.image.status

    def of_its_kind(self) -> list[Card]:
        return [card for card in self.account.cards if card.carrier is self.carrier]

    def may(self, becomes: CardStatus, hand: Hand) -> bool:
        return hand in HANDS.get((self.status, becomes), ())

    def standing(self) -> list[Card]:
        """It and those before it, back to the newest that was handed over: the others work no more."""
        kind = [card for card in self.of_its_kind() if card.issue <= self.issue]
        first = max((card.issue for card in kind if card.was_out), default=1)
        return [card for card in kind if card.issue >= first]

    def is_overtaken(self) -> bool:
        """Whether a newer one of its kind was handed over."""
        return any(card.was_out and card.issue > self.issue for card in self.of_its_kind())


@dataclass(eq=False)
class Case:
    kind: CaseKind
    card: Card | None
    was: CardStatus | None
    became: CardStatus | None
    state: CaseState


class Life:
    """All cards there are."""

    def __init__(self, cities: list[City], today: date) -> None:
        self.cities = {city.prefix: city for city in cities}
        self.today = self.began = today
        self.accounts: list[Account] = []
        self.numbers: dict[str, Card] = {}
        self.cases: list[Case] = []
        self.trail: list[tuple[str, str, str, str, Image | None, Image]] = []
        """Since it was last compared: who, why, by whose hand; which card, what it was and what it is."""

    def city_of(self, digits: str) -> City:
        return self.cities[digits[:5]]

    def told(self, digits: str) -> ResultCode | None:
        """What a terminal of its city is told of a number; None: that there is no such card."""
        card = self.numbers.get(digits)
        if card is None:
            return None
        city, ends = card.account.city, (card.image.expires_on, card.account.contract_ends_on)
        if card.status is _S.WANTED and city.retains:
            return ResultCode.CARD_RETAIN
        if card.status is not _S.ACTIVE:
            return TOLD[card.status]
        if any(day is not None and day < self.today for day in ends):
            return ResultCode.CARD_EXPIRED
        is_entitled = card.account.has_holder or not city.needs_proof
        return ResultCode.APPROVED if is_entitled else ResultCode.ENTITLEMENT_ENDED

    # What all acts are made of

    def named(self, actor: Actor, digits: str) -> Card:
        """The card of a number, under the newest pepper from now on."""
        require(card := self.numbers.get(digits))
        assert card is not None
        if card.image.pepper != card.account.city.pepper:
            self._change(actor, card, pepper=card.account.city.pepper)
        return card

    def found(self, digits: str) -> Card | None:
        """As a worker names it."""
        return self.named(REENTERED, digits) if digits in self.numbers else None

    def _change(self, actor: Actor, card: Card, **fields: object) -> None:
        before, card.image = card.image, card.image._replace(**fields)  # type: ignore[arg-type]
        self._note(actor, card, before, becomes="status" in fields)

    def _note(self, actor: Actor, card: Card, before: Image | None, *, becomes: bool) -> None:
        self.trail.append((actor.name, actor.reason, str(actor.hand), card.key, before, card.image))
        if becomes and card.status in STOPPED:
            card.stopped_by.add(actor.hand)
        elif becomes:
            card.free, card.stopped_by, card.reports = card.status, set(), []
            card.was_out |= card.status is _S.ACTIVE

    def _issue(self, actor: Actor, digits: str, account: Account, carrier: Carrier, image: Image) -> None:
        card = Card(account, carrier, 1, image)
        card.issue += max((other.issue for other in account.cards if other.carrier is carrier), default=0)
        account.cards.append(card)
        self.numbers[digits] = card
        self._note(actor, card, None, becomes=True)

    def _is_in_a_case(self, card: Card) -> bool:
        held = [each for each in card.standing() if each.status not in ENDED]
        return any(
            case.state is CaseState.OPEN and case.kind is not CaseKind.DOUBT and case.card in held
            for case in self.cases
        )

    def _check_not_held(self, card: Card, hand: Hand) -> None:
        require(not self._is_in_a_case(card))
        by = set[Hand]().union(*(each.stopped_by for each in card.standing() if each.status in STOPPED))
        require(Hand.ORGANISER not in by)
        require(hand in OFFICE or not by & {Hand.DESK, Hand.TERMINAL})

    def _replace(self, actor: Actor, card: Card, issue_last: int) -> None:
        """What is wanted stays so: shops are to keep it."""
        for each in card.of_its_kind():
            if each.issue <= issue_last and each.status not in ENDED | {_S.WANTED}:
                self._change(actor, each, status=_S.REPLACED)

    def _is_over(self, account: Account) -> bool:
        """Whether its notice has run out, be the keeper there or not; by the database's own clock, on which
        no day passes.
        """
        return account.contract_ends_on is not None and account.contract_ends_on < self.began

    def _put_last_day(self, actor: Actor, card: Card, last_day: date) -> None:
        """On it, on its duplicate that waits, and on what works until then."""
        for each in card.of_its_kind():
            if each.status not in ENDED and each.image.expires_on != last_day:
                self._change(actor, each, expires_on=last_day)

    def _end_all(self, actor: Actor, account: Account, status: CardStatus) -> None:
        for card in account.cards:
            if card.may(status, actor.hand):
                self._change(actor, card, status=status)

    # The acts

    def add(self, actor: Actor, city: City, digits: str, status: CardStatus, number: int) -> None:
        """A first card. `number`: of its account, which the registry draws."""
        require(digits.startswith(city.prefix))
        if digits in self.numbers:
            self.named(actor, digits)
            raise Refused
        self.accounts.append(account := Account(number, city))
        last_day = None if status in WAITING else city.last_day(self.today)
        self._issue(actor, digits, account, Carrier.PLASTIC, Image(status, last_day, city.pepper))

    def set(self, actor: Actor, digits: str, status: CardStatus) -> None:
        card = self.named(actor, digits)
        require(not self._is_over(card.account))
        if status is not card.status:
            require(status not in WAITING or card.status not in STOPPED)
            if status is _S.ACTIVE:
                require(card.status in STOPPED and not self._is_in_a_case(card))
                status = card.free
                require(status is not _S.ACTIVE or not card.is_overtaken())
            require(card.may(status, actor.hand))
        self._change(actor, card, status=status)

    def activate(self, actor: Actor, digits: str) -> None:
        card = self.named(actor, digits)
        require(not self._is_over(card.account))
        require(card.status is _S.READY and card.may(_S.ACTIVE, actor.hand) and not card.is_overtaken())
        self._check_not_held(card, actor.hand)
        self._replace(actor, card, card.issue - 1)
        last_day = card.account.city.last_day(self.today)
        if card.image.expires_on is None and last_day is not None:
            self._put_last_day(actor, card, last_day)
        self._change(actor, card, status=_S.ACTIVE)

    def duplicate(self, actor: Actor, digits: str, new: str, *, lost: bool, handed_over: bool) -> None:
        require(digits in self.numbers and new.startswith(self.city_of(digits).prefix))
        card = self.named(actor, digits)
        if is_taken := new in self.numbers:
            self.named(actor, new)
        require(card.may(_S.REPLACED, actor.hand) and not is_taken and not self._is_over(card.account))
        require(all(each.issue <= card.issue for each in card.of_its_kind()))
        self._check_not_held(card, actor.hand)
        city, last_day = card.account.city, card.image.expires_on
        require(last_day is None or last_day >= self.today)
        if lost or handed_over:
            self._replace(actor, card, card.issue)
        elif card.status in WAITING:
            self._change(actor, card, status=_S.REPLACED)
        image = Image(_S.ACTIVE if handed_over else _S.READY, last_day, city.pepper)
        self._issue(actor, new, card.account, card.carrier, image)
        if handed_over and last_day is None and (term := city.last_day(self.today)):
            self._put_last_day(actor, self.numbers[new], term)

    def add_carrier(self, actor: Actor, digits: str, new: str, carrier: Carrier) -> None:
        require(digits in self.numbers and new.startswith(self.city_of(digits).prefix))
        require(carrier is Carrier.PLASTIC or self.city_of(digits).further_carriers)
        card = self.named(actor, digits)
        if is_taken := new in self.numbers:
            self.named(actor, new)
        require(card.status is _S.ACTIVE and not is_taken and not self._is_over(card.account))
        require(all(c.carrier is not carrier or c.status in ENDED for c in card.account.cards))
        image = Image(_S.ACTIVE, card.image.expires_on, card.account.city.pepper)
        self._issue(actor, new, card.account, carrier, image)

    def renew(self, actor: Actor, digits: str) -> None:
        require(digits in self.numbers)
        require(last_day := self.city_of(digits).last_day(self.today))
        card = self.named(actor, digits)
        assert last_day is not None
        require(card.status not in ENDED and not self._is_over(card.account))
        require(card.image.expires_on and last_day > card.image.expires_on)
        self._put_last_day(actor, card, last_day)

    def end(self, actor: Actor, digits: str, status: CardStatus) -> None:
        card = self.named(actor, digits)
        is_void = self._is_over(card.account) and card.status not in ENDED
        require(actor.hand in HANDS.get((_S.VOID if is_void else card.status, status), ()))
        self._end_all(actor, card.account, status)

    def hold(self, actor: Actor, digits: str) -> None:
        """Give it its holder."""
        account = self.named(actor, digits).account
        require(self.numbers[digits].status not in ENDED and not account.has_holder)
        account.has_holder = True

    def anonymise(self, actor: Actor, digits: str) -> None:
        account = self.named(actor, digits).account
        require(actor.hand in HANDS[_S.ACTIVE, _S.CLOSED])
        self._end_all(actor, account, _S.CLOSED)

    def _contract(self, actor: Actor, digits: str) -> Account:
        """One that runs, and has a holder."""
        card = self.named(actor, digits)
        require(card.status not in ENDED and card.account.has_holder and not self._is_over(card.account))
        return card.account

    def give_notice(self, actor: Actor, digits: str, days: int = SOON) -> None:
        """Given so many days after the first one of all."""
        account = self._contract(actor, digits)
        ends_on = account.city.notice_until(self.began + timedelta(days=days))
        require(account.contract_ends_on is None or ends_on < account.contract_ends_on)
        account.contract_ends_on = ends_on

    def give_old_notice(self, actor: Actor, digits: str) -> None:
        self.give_notice(actor, digits, LONG_AGO)

    def withdraw_notice(self, actor: Actor, digits: str) -> None:
        account = self._contract(actor, digits)
        require(account.contract_ends_on)
        account.contract_ends_on = None

    def keep(self) -> None:
        """What the keeper does."""
        for account in filter(self._is_over, self.accounts):
            self._end_all(KEEPER, account, _S.VOID)

    def report(self, terminal: int, digits: str, kind: CaseKind) -> None:
        card = self.found(digits)
        if card is None:
            self.cases.append(Case(kind, None, None, None, CaseState.NOTED))
            return
        was = card.status
        if kind is CaseKind.RETAINED and was in {*WAITING, _S.ACTIVE, _S.BLOCKED, _S.WANTED}:
            becomes = _S.RETAINED
        else:
            stops = kind is CaseKind.ATTEMPT and was in {*WAITING, _S.ACTIVE}
            becomes = _S.BLOCKED if stops else was
        if becomes is not was:
            reporter = Actor(f"terminal {terminal}", f"report: {kind.name.lower()}", hand=Hand.TERMINAL)
            self._change(reporter, card, status=becomes)
        self.cases.append(case := Case(kind, card, was, becomes, CaseState.OPEN))
        if kind is not CaseKind.DOUBT:
            card.reports.append(case)

    def decide(self, actor: Actor, number: int, state: CaseState) -> None:
        """Confirmed leaves the card as it is; lifted gives it back, unless something else stops it, too."""
        require(0 < number <= len(self.cases))
        case = self.cases[number - 1]
        card = case.card
        require(case.state is CaseState.OPEN)
        assert card is not None
        case.state = state
        stops = card.reports if card.status in STOPPED and not self._is_over(card.account) else []
        is_held = any(each.state in {CaseState.OPEN, CaseState.CONFIRMED} for each in stops)
        if state is CaseState.LIFTED and stops and not is_held and card.stopped_by <= {Hand.TERMINAL}:
            require(card.may(card.free, actor.hand))
            self._change(actor, card, status=card.free)

    def begin_pepper(self, _: Actor, city: City) -> None:
        require(city.former is None)
        city.pepper, city.former = city.pepper + 1, city.pepper

    def retire_pepper(self, actor: Actor, city: City) -> None:
        """Whose number nobody named is found by it no more."""
        require(city.former is not None)
        cards = [card for account in self.accounts if account.city is city for card in account.cards]
        for card in [each for each in cards if each.image.pepper != city.pepper]:
            blocked = {"status": _S.BLOCKED} if card.may(_S.BLOCKED, actor.hand) else {}
            self._change(actor, card, pepper=city.pepper, **blocked)
            self.numbers = {digits: each for digits, each in self.numbers.items() if each is not card}
        city.former = None
