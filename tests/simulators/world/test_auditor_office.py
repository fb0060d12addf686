"""The office's own hands put a city into the registry, and a worker answers its terminals as foretold.

What `test_auditor` leaves out lies in between: what the registry makes of a date of birth, a proof of tax, a
notice, a duplicate, a report of a card, and how a worker comes to know it. Every edge lies round today.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus
from ledger.registry.holder_imports import NewHolder
from ledger.registry.imports import Mode
from ledger.registry.keys import issue_key
from ledger.registry.outlets import NewOutlet, import_outlets
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.people import Person
from ledger.registry.terminals import NewTerminal, import_terminals
from ops.office.cards import CardDesk
from ops.office.holders import HolderDesk
from ops.office.publish import publish
from ops.office.publish_offers import When, keep_drafts, publish_offers
from protocol import (
    Balance,
    BenefitUse,
    CardReport,
    Earn,
    Quote,
    Redeem,
    Reply,
    Request,
    ResultCode,
    Reversal,
    SignOn,
    Status,
    Verify,
)
from simulators.world.auditor import Auditor, Committed
from simulators.world.facts import (
    REPLACED,
    CardReported,
    CardSet,
    Fact,
    HolderSet,
    OfferPublished,
    PartnerSet,
    ProgrammeApplied,
    TerminalSet,
)
from switch.rules.offers import parse_offers
from switch.rules.programme import parse_rules
from tests.days import today
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.simulators.world.chance import digits
from tests.simulators.world.town import at, rules_text
from tests.switch.memory import Line, terminal_key
from tests.switch.test_worker import Running, running_worker

CLERK = Actor("clerk", "it is so")
OFFERS = {
    2: """programme = "zywiec"
[[offer]]
number = 1
partner = 20
name = { pl = "o", en = "o" }
text = { pl = "o", en = "o" }
benefits = [{ kind = "percent", percent = "12.5" }]
limits = [{ per = "card_and_offer", uses = 2, every = "week" }]
""",
    3: """programme = "zgierz"
[[offer]]
number = 1
partner = 30
outlets = [301]
name = { pl = "o", en = "o" }
text = { pl = "o", en = "o" }
limits = [{ per = "card_and_offer", uses = 2, every = "day" }, { per = "offer", uses = 100, every = "year" }]
[[offer.benefits]]
for = ["child"]
kind = "free_entry"
[[offer.benefits]]
for = ["junior", "youth", "senior"]
kind = "percent"
percent = 50
[[offer.benefits]]
for = ["adult"]
kind = "percent"
percent = 20
[[offer.benefits]]
flags = ["family"]
kind = "percent"
percent = 30
""",
}
TILLS = {1: 1, 20: 2, 30: 3, 31: 3}
"""Terminal -> programme: the first one is there already, the others' partners are 20 and 30."""


@dataclass
class Office:
    """Registry and auditor, told the same by hand."""

    running: Running
    auditor: Auditor = field(default_factory=Auditor)
    count: int = 0
    cards: dict[str, CardSet] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.desk = CardDesk(self.running.owner, self.running.master)
        self.holders = HolderDesk(self.running.owner, self.running.master)

    def learn(self, fact: Fact) -> None:
        self.count += 1
        self.auditor.learn(self.count, fact)

    def card_is(self, digits_: str, programme: int, account: int, **more: Any) -> None:
        fact = CardSet(card=digits_, programme=programme, account=account, **more)
        self.cards[digits_] = fact
        self.learn(fact)

    async def card(self, programme: int, number: int, **more: Any) -> str:
        """Add an active card with an account of its own."""
        text = digits(f"9616{programme - 1}", 500 + number)
        await self.desk.add(CLERK, programme, text, expires_on=more.get("valid_until"))
        self.card_is(text, programme, 8 * (1_000 * programme + number), **more)
        return text

    async def holder(self, text: str, born: date, *, years: tuple[int, ...], **more: Any) -> None:
        """Give a card a holder, and take down his proofs of tax and his notice."""
        card = self.cards[text]
        rules = await self.holders.rules(card.programme)
        mask = rules.holders.flags_mask(more.get("flags", ())) if rules.holders else 0
        person = Person(name="Jan", born_on=born, phone="600100200")
        numbers = await self.holders.numbers(card.programme)
        new = NewHolder(numbers.token(text), flags=mask, person=person)
        await self.holders.add(CLERK, numbers, text, new)
        for year in years:
            await self.holders.prove_tax(CLERK, text, year)
        if (given := more.get("notice_given_on")) is not None:
            await self.holders.give_notice(CLERK, text, given)
        fact = HolderSet(
            account=card.account,
            programme=card.programme,
            born_on=born,
            tax_year=max(years, default=None),
            **more,
        )
        self.learn(fact)


async def found(office: Office) -> None:
    """Publish the rules of three cities, and put partners, outlets, terminals and offers there."""
    running = office.running
    now = datetime.now(UTC)
    for code, programme in (("czestochowa", 1), ("zywiec", 2), ("zgierz", 3)):
        text = rules_text(code)
        if programme > 1:
            await running.owner.run(partial(_publish, text=text, now=now))
        since = at("2016-12-19") if programme == 1 else int(now.timestamp() * 1_000)
        office.learn(ProgrammeApplied(programme=programme, version=1, from_ms=since, text=text))

    async def job(connection: Connection) -> None:
        for programme, partner in ((2, 20), (3, 30)):
            await import_partners(connection, CLERK, programme, [NewPartner(partner, "Basen")])
        await import_outlets(connection, CLERK, [NewOutlet(301, 30, "a"), NewOutlet(302, 30, "b")])
        tills = [NewTerminal(20, 20), NewTerminal(30, 30, outlet=301), NewTerminal(31, 30, outlet=302)]
        await import_terminals(connection, CLERK, tills)
        for till in tills:
            await issue_key(connection, CLERK, running.master, till.id, terminal_key(till.id))
        for programme, text in OFFERS.items():
            offers = parse_offers(text).offer
            done = await keep_drafts(connection, CLERK, programme, offers, Mode.WHOLE, now=datetime.now(UTC))
            assert not done.refused
            await publish_offers(
                connection, CLERK._replace(second="maria"), programme, [1], When(datetime.now(UTC), now)
            )

    await running.owner.run(job)
    for partner, programme, name in ((1, 1, "Piekarnia Kłos"), (20, 2, "Basen"), (30, 3, "Basen")):
        office.learn(PartnerSet(partner=partner, programme=programme, name=name))
    for terminal, partner, outlet in ((1, 1, 0), (20, 20, 0), (30, 30, 301), (31, 30, 302)):
        office.learn(TerminalSet(terminal=terminal, partner=partner, outlet=outlet))
    for programme, text in OFFERS.items():
        office.learn(OfferPublished(programme=programme, number=1, version=1, from_ms=0, text=text))


async def _publish(connection: Connection, *, text: str, now: datetime) -> None:
    await publish(connection, CLERK, parse_rules(text), text, None, now=now)


def birthdays(day: date) -> list[date]:
    """Return dates of birth that make somebody of an age the day before, today and the day after."""
    found_ = [date(1964, 2, 29), date(2008, 2, 29), day]
    for years in (7, 13, 18, 19, 61):
        found_ += [_years_before(day + timedelta(days), years) for days in (-1, 0, 1)]
    return found_


def _years_before(day: date, years: int) -> date:
    return day.replace(year=day.year - years, day=min(day.day, 28) if day.month == 2 else day.day)


async def people(office: Office) -> None:
    """Holders round every edge of age, entitlement and notice, and cards round their last valid day."""
    day = today()
    proofs = [(day.year - 1,), (day.year - 2,), (day.year - 3, day.year - 2), (day.year - 3,), ()]
    for number, born in enumerate(birthdays(day)):
        flags = ("family",) if number % 3 == 0 else ()
        years = proofs[0] if number % 2 else proofs[number // 2 % len(proofs)]
        await office.holder(await office.card(3, number), born, years=years, flags=flags)
    for number, days in enumerate((-40, -32, -31, -30, -29, -28, -1, 0)):
        text = await office.card(3, 100 + number)
        given = day + timedelta(days)
        await office.holder(text, date(1980, 1, 1), years=proofs[0], notice_given_on=given)
    for number, days in enumerate((-1, 0, 1)):
        await office.card(2, number, valid_until=day + timedelta(days))
        await office.card(1, number, valid_until=day + timedelta(days))
    for number, status in enumerate(CardStatus):
        if status in (CardStatus.ACTIVE, CardStatus.BLOCKED, CardStatus.WANTED, CardStatus.RETAINED):
            for programme in (1, 2):
                text = await office.card(programme, 50 + number)
                if status is not CardStatus.ACTIVE:
                    await office.desk.set(CLERK, text, status)
                    was = office.cards[text]
                    office.card_is(text, programme, was.account, state=int(status))


async def duplicates(office: Office) -> None:
    """A lost card of each city: its duplicate is handed over, the old plastic is dead."""
    for programme in (1, 2, 3):
        old = await office.card(programme, 70, valid_until=today() + timedelta(3) if programme == 2 else None)
        if programme == 3:
            await office.holder(old, date(1950, 1, 1), years=(today().year - 1,))
        new = digits(f"9616{programme - 1}", 900)
        await office.desk.duplicate(
            CLERK, old, new, lost=True, handed_over=True, why="no-fault", old_card="declared"
        )
        was = office.cards[old]
        office.card_is(old, programme, was.account, state=REPLACED, valid_until=was.valid_until)
        office.card_is(new, programme, was.account, valid_until=was.valid_until)


class Asking:
    """Puts requests to the worker, one after another, and has each reply foretold."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.order = self.stan = 0
        self.lines: dict[int, Line] = {}
        self.differences: list[str] = []
        self.codes: set[int] = set()

    async def line(self, terminal: int) -> Line:
        """Return the one connection of a terminal."""
        if terminal not in self.lines:
            self.lines[terminal] = await self.office.running.line(terminal)
        return self.lines[terminal]

    async def ask(self, terminal: int, kind: Any, *fields: Any) -> Reply:
        """Return a reply; it is noted where it was not foretold."""
        line = await self.line(terminal)
        self.stan += 1
        self.order += 1
        request: Request = kind(self.stan, int(datetime.now(UTC).timestamp()), *fields)
        reply = await line.ask(request)
        asked = Committed(self.order, terminal, request, self.office.count, reply.server_time_ms)
        lines = self.office.auditor.judge(asked).differences(reply)
        self.differences += [f"{request!r}: {line}" for line in lines]
        self.codes.add(reply.code)
        return reply

    async def everything(self, terminal: int, card: str) -> None:
        """Ask all that may be asked for a card."""
        head = card, 3
        for kind, fields in (
            (Verify, (0,)),
            (Quote, (0x23, 999, 1)),
            (BenefitUse, (1, 999, 7)),
            (BenefitUse, (1, 1_001, 7)),
            (BenefitUse, (1, 1_001, 4)),
            (Verify, (0,)),
            (Earn, (12_345,)),
            (Redeem, (100, 0)),
            (Balance, ()),
        ):
            await self.ask(terminal, kind, *head, *fields)
        await self.ask(terminal, Reversal, *head, self.stan - 6)
        await self.ask(terminal, Status, *head, self.stan - 7)


async def known(asking: Asking, terminal: int, card: str, code: int) -> None:
    """Wait until the worker knows what became of a card."""
    line = await asking.line(terminal)
    with trio.fail_after(HANG_S):
        while (await line.ask(Verify(1, 0, card, 3, 0))).code != code:
            pass


@pytest.mark.usefixtures("within_a_day")
async def test_what_the_office_does_is_what_terminals_are_told(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Ages, proofs, notices, last days, states, duplicates, reports: every reply is foretold."""
    async with running_worker(fresh, owner, tmp_path) as running:
        office = Office(running)
        await found(office)
        await people(office)
        await duplicates(office)
        newest = digits("96162", 900)
        asking = Asking(office)
        await known(asking, 30, newest, 0)
        for terminal, programme in TILLS.items():
            await asking.ask(terminal, SignOn, "till", "pl", 0)
            for card in office.cards:
                if office.cards[card].programme == programme:
                    await asking.everything(terminal, card)
        assert not asking.differences
        reported = digits("96161", 550)
        for report, code in ((3, 0), (2, ResultCode.CARD_BLOCKED), (1, ResultCode.CARD_BLOCKED)):
            await asking.ask(20, CardReport, reported, 3, report)
            fact = CardReported(card=reported, programme=2, report=report, since_ms=0)
            office.learn(fact)
            await known(asking, 20, reported, code)
            await asking.ask(20, BenefitUse, reported, 3, 1, 1_000, 7)
        assert not asking.differences
        assert {0, 20, 43, 44, 45, 47, 48, 58, 59, 60, 61} <= asking.codes
