"""Why a journalled request was answered as it was: the rule, its paragraph and the inputs that decided; of
what the office posted by hand, what posted it and by whose word.

Owns the use case. The reasons stand with the rules (`switch.rules.reasons`), what was known then is had from
the trail (`switch.flow.again`). Must not print. Invariant: of a card nothing but its last four digits, of a
holder nothing but what decided: no name, no date of birth, no number.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, NamedTuple

from ledger.books.campaigns import read_bonus
from ledger.books.hand import PROGRAMMES, Work, work_of
from ledger.books.posting import Kind
from ledger.books.recorded import Recorded, read_row
from ledger.errors import NotInRegistry
from ledger.postgres.database import Connection
from ledger.registry.adjustments import AdjustmentKind, read_proposal
from ledger.registry.bounds import INT64_MAX
from ledger.registry.card_states import CardStatus
from ledger.registry.history import read_history
from protocol import EntryMode, ResultCode
from switch.flow.again import Past, decide_again, difference
from switch.rules.as_of import stood_at
from switch.rules.cards import Card
from switch.rules.directory import Terminal
from switch.rules.filling import money
from switch.rules.offers import Offer
from switch.rules.programme import LANGUAGES
from switch.rules.reasons import Reason, paragraphs, reason_for
from switch.rules.versions import DAY_MS, Version

LONG_NUMBER: Final = re.compile(r"[0-9](?:[ -]?[0-9]){9,}")
CODES: Final = {int(code): code for code in ResultCode}
BENEFITS: Final = (Kind.BENEFIT_USE, Kind.BENEFIT_ADVICE)
LATE: Final = (Kind.EARN_ADVICE, Kind.BENEFIT_ADVICE)
STATUSES_PL: Final = {
    CardStatus.ACTIVE: "aktywna",
    CardStatus.BLOCKED: "zablokowana",
    CardStatus.WANTED: "poszukiwana",
    CardStatus.REPLACED: "wymieniona",
    CardStatus.ORDERED: "zamówiona",
    CardStatus.READY: "do odbioru",
    CardStatus.CLOSED: "zamknięta",
    CardStatus.RETAINED: "zatrzymana",
    CardStatus.RESIGNED: "po rezygnacji",
    CardStatus.VOID: "unieważniona",
}
ENTRIES_PL: Final = {
    EntryMode.SWIPED: "przeciągnięta",
    EntryMode.SCANNED: "zeskanowana",
    EntryMode.TAPPED: "zbliżona",
    EntryMode.KEYED: "wpisana",
}


SCOPES: Final = {
    "card_and_offer": ("na kartę i ulgę", "per card and benefit"),
    "offer": ("ulgi łącznie", "of the benefit in all"),
    "card": ("na kartę", "per card"),
    "programme": ("w programie łącznie", "in the whole programme"),
}
PERIODS: Final = {
    "day": ("dziennie", "a day"),
    "week": ("tygodniowo", "a week"),
    "month": ("miesięcznie", "a month"),
    "year": ("rocznie", "a year"),
    "ever": ("przez cały czas", "for ever"),
}


class Fact(NamedTuple):
    """One input that decided: what it is and what it was, in both languages."""

    key: str
    name_pl: str
    name_en: str
    pl: str
    en: str


class Explanation(NamedTuple):
    """All that is told of one request. `problem`: what is not as it is decided again; empty: nothing."""

    row: Recorded
    code: ResultCode
    kind: Kind
    reason_pl: str
    reason_en: str
    paragraphs: list[str]
    programme: str
    rules_version: int
    judged_at: str
    facts: list[Fact]
    problem: str

    @property
    def is_by_hand(self) -> bool:
        """Whether no till asked for it."""
        return self.kind is Kind.ADJUSTMENT


class Posted(NamedTuple):
    """Why a row was posted by hand, and by what."""

    reason: Reason
    paragraphs: list[str]
    facts: list[Fact]


CORRECTED: Final = Reason(
    "Korekta biura: jedna osoba ją wniosła, inna zatwierdziła.",
    "A correction of the office: one person proposed it, another approved it.",
    (),
)
OPENED: Final = Reason(
    "Stan początkowy karty, przeniesiony przez biuro i zatwierdzony przez drugą osobę.",
    "The card's opening balance, brought in by the office and approved by a second person.",
    (),
)
BONUS: Final = Reason(
    "Dodatkowe punkty kampanii organizatora za sprzedaż.",
    "Extra points of the organiser's campaign for a sale.",
    (),
)
BONUS_AGAIN: Final = Reason(
    "Punkty kampanii po anulowaniu lub zwrocie sprzedaży.",
    "Points of a campaign after the sale was reversed or refunded.",
    (),
)
EXPIRED: Final = Reason(
    "Minął termin ważności punktów; wróciły do organizatora.",
    "The points' term was over; they went back to the organiser.",
    ("earn.expire_months",),
)


async def explain(connection: Connection, terminal: int, stan: int) -> Explanation:
    """Explain one row of the journal. Raises NotInRegistry where there is none."""
    row = await read_row(connection, terminal, stan)
    if row is None:
        raise NotInRegistry(f"terminal {terminal} has no STAN {stan} in the journal")
    past = Past(await read_history(connection, [row.account]))
    if (work := work_of(terminal)) is not None:
        return await _by_hand(connection, past, row, work)
    decision = decide_again(past, row)
    problem = "" if decision is None else difference(decision, row)
    there = past.directory.terminals.get(terminal)
    if there is None:
        raise NotInRegistry(f"terminal {terminal} was not in the registry when it sent STAN {stan}")
    programme = there.partner.programme
    version = programme.versions[row.rules_version]
    code, kind = CODES[row.code], Kind(row.kind)
    reason = reason_for(code, kind)
    at_ms = judged_ms(row)
    card = next((stood_at(card, at_ms) for card in past.cards(row) if isinstance(card, Card)), None)
    return Explanation(
        row=row,
        code=code,
        kind=kind,
        reason_pl=reason.pl,
        reason_en=reason.en,
        paragraphs=paragraphs(reason, version.rules),
        programme=programme.name,
        rules_version=version.number,
        judged_at=version.calendar.text(at_ms),
        facts=[
            *_partner_facts(there, at_ms),
            *_card_facts(row, card, version),
            *_asked_facts(row),
            *_benefit_facts(row, there, card, version, at_ms),
            *_told_facts(row),
        ],
        problem=problem,
    )


async def _by_hand(connection: Connection, past: Past, row: Recorded, work: Work) -> Explanation:
    """Explain what no till asked for: what posted it, and by whose word."""
    number = row.terminal % PROGRAMMES
    past.advance(INT64_MAX, row.accepted_at_ms)
    programme = past.directory.programmes.get(number)
    if programme is None or row.rules_version not in programme.versions:
        raise NotInRegistry(f"programme {number} has no version {row.rules_version} of its rules")
    version = programme.versions[row.rules_version]
    code = CODES[row.code]
    told = await HANDS[work](connection, row, version)
    reason = told.reason if code is ResultCode.APPROVED else reason_for(code, Kind.ADJUSTMENT)
    card = [_plain("card", "Karta", "Card", f"****{row.last4:04}")] if row.last4 >= 0 else []
    return Explanation(
        row=row,
        code=code,
        kind=Kind.ADJUSTMENT,
        reason_pl=reason.pl,
        reason_en=reason.en,
        paragraphs=told.paragraphs,
        programme=programme.name,
        rules_version=version.number,
        judged_at=version.calendar.text(row.accepted_at_ms),
        facts=[*card, *told.facts, *_told_facts(row)],
        problem="",
    )


async def _adjusted(connection: Connection, row: Recorded, version: Version) -> Posted:
    made = await read_proposal(connection, row.stan)
    is_opening = made.kind is AdjustmentKind.OPENING
    return Posted(
        OPENED if is_opening else CORRECTED,
        list(version.rules.of_corrections().sections("points_max")),
        [
            _plain("adjustment", "Numer korekty", "Adjustment", str(made.number)),
            *_said(made.reason, made.proposed_by),
            _plain("approved_by", "Zatwierdzono przez", "Approved by", made.decided_by),
            _plain("decision", "Uzasadnienie decyzji", "Reason of the approval", _no_card(made.decision)),
        ],
    )


async def _of_campaign(connection: Connection, row: Recorded, _: Version) -> Posted:
    bonus = await read_bonus(connection, row.transaction_id)
    facts = [
        _plain("campaign", "Kampania", "Campaign", f"{bonus.campaign} {bonus.name}"),
        *_said(bonus.reason, bonus.made_by),
        _plain("approved_by", "Zatwierdzono przez", "Approved by", bonus.agreed_by),
        _plain("sale", "Za sprzedaż", "For the sale", f"{bonus.terminal}/{bonus.stan}"),
        _plain("granted", "Za całą sprzedaż", "Of the whole sale", str(bonus.granted)),
    ]
    if bonus.waived:
        facts.append(_plain("waived", "Nie do odebrania", "Could not be taken back", str(bonus.waived)))
    return Posted(BONUS if bonus.number == 1 else BONUS_AGAIN, [], facts)


async def _expired(_: Connection, __: Recorded, version: Version) -> Posted:
    keeper = Fact("by", "Zaksięgował", "Posted by", "system, według zasad", "the switch, by the rules")
    return Posted(EXPIRED, paragraphs(EXPIRED, version.rules), [keeper])


HANDS: Final[dict[Work, Callable[[Connection, Recorded, Version], Awaitable[Posted]]]] = {
    Work.ADJUSTMENT: _adjusted,
    Work.CAMPAIGN: _of_campaign,
    Work.EXPIRY: _expired,
}


def _said(reason: str, by: str) -> Iterator[Fact]:
    yield _plain("order", "Uzasadnienie", "Reason given", _no_card(reason))
    yield _plain("by", "Wniosek", "Entered by", by)


def _no_card(text: str) -> str:
    """Return a text somebody typed, without what may be a card's number or a PESEL."""
    return LONG_NUMBER.sub("****", text)


def judged_ms(row: Recorded) -> int:
    """Return the moment a request was judged by: of a sale made offline its own."""
    return min(row.terminal_time * 1_000, row.accepted_at_ms) if row.kind in LATE else row.accepted_at_ms


def _partner_facts(terminal: Terminal, at_ms: int) -> Iterator[Fact]:
    partner = terminal.partner
    yield Fact("partner", "Partner", "Partner", str(partner.number), str(partner.number))
    if partner.suspended:
        yield Fact("partner_state", "Stan partnera", "Partner's state", "zawieszony", "suspended")
    day = partner.programme.version_at(at_ms).calendar.day(at_ms)
    if not partner.contracts.cover(terminal.outlet, day):
        yield Fact("contract", "Umowa partnera", "Partner's contract", "żadna nie obowiązywała", "none ran")
    if refusal := partner.programme.states.refusal(at_ms):
        ended = refusal == ResultCode.PROGRAMME_ENDED
        words = ("zakończony", "called off") if ended else ("zawieszony", "suspended")
        yield Fact("programme_state", "Stan programu", "Programme's state", *words)


def _card_facts(row: Recorded, card: Card | None, version: Version) -> Iterator[Fact]:
    if row.last4 >= 0:
        yield _plain("card", "Karta", "Card", f"****{row.last4:04}")
    if row.entry in ENTRIES_PL:
        entry = EntryMode(row.entry)
        yield Fact("entry", "Odczyt karty", "Card was", ENTRIES_PL[entry], entry.name.lower())
    if card is None:
        return
    status = CardStatus(card.status)
    yield Fact("card_state", "Stan karty", "Card's state", STATUSES_PL[status], status.name.lower())
    if card.expires_day is not None:
        yield _plain("valid_until", "Ważna do", "Valid until", _day(version, card.expires_day))
    if version.needs_proof:
        until = card.held.entitled_until if card.held else None
        none = ("nie wykazano", "nothing was proved")
        told = (_day(version, until),) * 2 if until is not None else none
        yield Fact("entitled_until", "Uprawnienie do", "Entitled until", *told)


def _asked_facts(row: Recorded) -> Iterator[Fact]:
    if row.kind == Kind.REDEEM:
        yield _plain("tier", "Próg punktów", "Tier of points", str(row.tier))
        if row.basis:
            yield _sum("to_pay", "Do zapłaty", "To pay", row.basis)
    elif row.kind != Kind.REVERSAL:
        yield _sum("amount", "Kwota", "Amount", row.amount_grosze)
    if row.original_stan:
        original = f"{row.original_terminal or row.terminal}/{row.original_stan}"
        yield _plain("original", "Dotyczy transakcji", "Names", original)


def _benefit_facts(
    row: Recorded, terminal: Terminal, card: Card | None, version: Version, at_ms: int
) -> Iterator[Fact]:
    if row.kind not in BENEFITS:
        return
    offer = terminal.partner.programme.offers.at(row.offer, at_ms)
    number = str(offer.number) if offer else "-"
    yield _plain("offer", "Ulga", "Benefit", str(row.offer))
    yield _plain("offer_version", "Wersja ulgi", "Benefit's version", number)
    if row.code == ResultCode.QUOTA_USED_UP:
        yield from _limits(offer.offer if offer else None, version)
    holders = version.rules.holders
    if card is None or holders is None:
        return
    held = card.held.flags if card.held else 0
    names = [kind.name for kind in holders.kinds if row.basis >> kind.bit & 1]
    names += [flag.name for flag in holders.flags if held >> flag.bit & 1]
    spoken = version.rules.programme.languages
    pl, en = (
        ", ".join(name[language if language in spoken else spoken[0]] for name in names) or "-"
        for language in LANGUAGES
    )
    yield Fact("kinds", "Kategorie", "Kinds of holder", pl, en)
    yield _plain("confirmed", "Potwierdzono (bity)", "Confirmed (bits)", str(row.confirmed))


def _limits(offer: Offer | None, version: Version) -> Iterator[Fact]:
    """Yield the limits of which one was used up: those of the offer, and those of the whole programme."""
    found = [(limit.uses, limit.per, limit.every) for limit in offer.limits] if offer else []
    found += [(q.uses, q.per, q.period) for q in version.rules.limits.quotas] if version.rules.limits else []
    for number, (uses, per, period) in enumerate(found, 1):
        pl, en = (f"{uses} {SCOPES[per][at]} {PERIODS[period][at]}" for at in (0, 1))
        yield Fact(f"limit_{number}", "Limit", "Limit", pl, en)


def _told_facts(row: Recorded) -> Iterator[Fact]:
    if row.step_grosze:
        yield _sum("step", "Punkt za każde", "A point for every", row.step_grosze)
    if row.points:
        yield _plain("points", "Zmiana punktów", "Change of points", f"{row.points:+}")
    if row.account:
        yield _plain("balance", "Stan punktów po", "Balance after it", str(row.balance))
    if row.discount_grosze:
        yield _sum("discount", "Zniżka", "Discount", row.discount_grosze)
    if row.remaining is not None:
        yield _plain("remaining", "Pozostało użyć", "Uses left", str(row.remaining))


def _plain(key: str, name_pl: str, name_en: str, value: str) -> Fact:
    return Fact(key, name_pl, name_en, value, value)


def _sum(key: str, name_pl: str, name_en: str, grosze: int) -> Fact:
    told = money(grosze)
    return Fact(key, name_pl, name_en, told, told.replace(",", "."))


def _day(version: Version, day: int) -> str:
    """Return a day as a date: its noon in UTC is that day in every zone that a city is in."""
    return version.calendar.text(day * DAY_MS + DAY_MS // 2).split()[0]
