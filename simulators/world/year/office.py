"""The office of a city: what it writes into the registry it tells the auditor, in its own words.

Owns the acts. A row of the registry is made as the real office makes it, by the rules of the switch; a fact
is what anybody who was there could say, and is made of nothing the switch has reckoned. Invariant: a change
and its fact have one number.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from ledger.registry.reads import OfferRow, PartnerRow, ProgrammeRow, RulesRow, TerminalRow
from protocol import CardReport
from simulators.world import facts
from simulators.world.auditor import Auditor
from simulators.world.facts import ACTIVE
from simulators.world.memory import registry
from simulators.world.year.cities import City
from simulators.world.year.days import day_of
from simulators.world.year.people import Card, Resident
from simulators.world.year.worker import MASTER, Worker
from switch.rules.dates import Band, Overlap, day_number, kinds_around, kinds_on
from switch.rules.offers import encode_offer, parse_offers
from switch.rules.programme import Rules, parse_rules


class Office:
    """The desk of one city. `worker` and `auditor` hear of everything it does."""

    def __init__(self, city: City, worker: Worker, auditor: Auditor) -> None:
        self.city = city
        self._worker = worker
        self._registry = worker.registry
        self._auditor = auditor
        self._rules: list[tuple[int, Rules]] = []
        self._holders: dict[int, Resident] = {}

    @property
    def now_ms(self) -> int:
        """The clock on the office's wall."""
        return self._worker.now_ms

    def _tell(self, number: int, fact: facts.Fact) -> None:
        self._auditor.learn(number, fact)

    # The programme.

    def found(self, other: City, from_ms: int) -> None:
        """Begin a programme, its own or a neighbour's, by the rules as they were delivered."""
        self._programme(other)
        self._apply(other, 1, from_ms, other.rules(0))

    def apply_edition(self, edition: int, from_ms: int) -> None:
        """Publish an edition of the rules, in force from a moment."""
        self._apply(self.city, edition + 1, from_ms, self.city.rules(edition))

    def _apply(self, city: City, version: int, from_ms: int, text: str) -> None:
        number = self._registry.apply_rules(RulesRow(city.programme, version, from_ms, text))
        if city is self.city:
            self._rules.append((from_ms, parse_rules(text)))
        self._tell(
            number,
            facts.ProgrammeApplied(programme=city.programme, version=version, from_ms=from_ms, text=text),
        )

    def suspend(self, from_ms: int, until_ms: int) -> None:
        """Let the programme rest for a while."""
        row = self._registry.programmes.rows[self.city.programme]
        self._state((*row.suspended_ms, (from_ms, until_ms)), row.ended_from_ms)

    def call_off(self, from_ms: int) -> None:
        """End the programme for good."""
        row = self._registry.programmes.rows[self.city.programme]
        self._state(tuple(row.suspended_ms), from_ms)

    def _state(self, periods: tuple[tuple[int, int | None], ...], ended_ms: int | None) -> None:
        number = self._programme(self.city, periods, ended_ms)
        self._tell(
            number,
            facts.ProgrammeState(
                programme=self.city.programme,
                suspended_ms=periods,
                ended_from_ms=ended_ms,
            ),
        )

    def _programme(
        self, city: City, periods: tuple[tuple[int, int | None], ...] = (), ended_ms: int | None = None
    ) -> int:
        row = ProgrammeRow(city.programme, city.code, city.code, periods, ended_ms)
        return self._registry.set_programme(row)

    # Partners, their tills and their offers.

    def set_partner(self, partner: int, name: str, step_grosze: int | None, *, is_suspended: bool) -> None:
        """Take a partner in, suspend it, or take it up again."""
        number = self._registry.set_partner(
            PartnerRow(partner, self.city.programme, name, int(is_suspended), False, step_grosze)
        )
        self._tell(
            number,
            facts.PartnerSet(
                partner=partner,
                programme=self.city.programme,
                name=name,
                is_suspended=is_suspended,
                points_step_grosze=step_grosze,
            ),
        )

    def set_terminal(self, terminal: int, partner: int, outlet: int) -> None:
        """Put a till into an outlet."""
        number = self._registry.set_terminal(TerminalRow(terminal, partner, 0, "till", outlet))
        self._tell(number, facts.TerminalSet(terminal=terminal, partner=partner, outlet=outlet))

    def publish(self, text: str, version: int, from_ms: int) -> None:
        """Publish an offers file of one offer, in force from a moment."""
        (offer,) = parse_offers(text).offer
        row = self._offer_row(offer.number, version, offer.partner, from_ms, encode_offer(offer))
        self._tell(
            self._registry.publish_offer(row),
            facts.OfferPublished(
                programme=self.city.programme,
                number=offer.number,
                version=version,
                from_ms=from_ms,
                text=text,
            ),
        )

    def withdraw(self, number: int, version: int, from_ms: int) -> None:
        """Withdraw an offer from a moment on; a version of it stands before this one."""
        before = self._registry.offers.rows[self.city.programme, number, version - 1]
        row = self._offer_row(number, version, before.partner, from_ms, before.terms, is_withdrawn=True)
        self._tell(
            self._registry.publish_offer(row),
            facts.OfferWithdrawn(
                programme=self.city.programme, number=number, version=version, from_ms=from_ms
            ),
        )

    def _offer_row(
        self, number: int, version: int, partner: int, from_ms: int, terms: str, *, is_withdrawn: bool = False
    ) -> OfferRow:
        return OfferRow(self.city.programme, number, version, partner, is_withdrawn, from_ms, terms)

    # Holders and cards.

    def issue(self, resident: Resident, card: Card) -> None:
        """Enter a carrier of an account, in the state it is in."""
        row = registry.Card(
            self._token(card),
            resident.account_id,
            self.city.programme,
            card.state,
            day_number(card.valid_until) if card.valid_until else None,
        )
        self._tell(self._registry.add_card(row), self._card_fact(resident, card))

    def set_card(self, resident: Resident, card: Card, state: int | None = None) -> None:
        """Give a carrier another state; without one, the last valid day that stands on it now."""
        if state is not None:
            card.state = state
        day = day_number(card.valid_until) if card.valid_until else None
        number = self._registry.set_card(self._token(card), status=card.state, expires_day=day)
        self._tell(number, self._card_fact(resident, card))

    def hand_over(self, resident: Resident, card: Card) -> None:
        """Give a new card out at the desk; the plastic it takes the place of is dead from then on."""
        for older in resident.cards:
            if older is not card and older.carrier == card.carrier and older.state != facts.REPLACED:
                self.set_card(resident, older, facts.REPLACED)
        self.set_card(resident, card, ACTIVE)

    def note_report(self, resident: Resident, card: Card, report: CardReport) -> None:
        """Tell the auditor what a till has reported; the registry has it from the switch already."""
        self._tell(
            self._registry.number,
            facts.CardReported(
                card=card.digits,
                programme=self.city.programme,
                report=report.report,
                since_ms=self.now_ms,
            ),
        )

    def set_holder(self, resident: Resident) -> None:
        """Write down who holds the cards of an account, as it is now."""
        self._holders[resident.account] = resident
        self._tell(
            self._registry.set_holder(self._holder_row(resident)),
            facts.HolderSet(
                account=resident.account_id,
                programme=self.city.programme,
                since_ms=self.now_ms,
                born_on=resident.born_on,
                flags=resident.flags,
                has_guardian=resident.has_guardian,
                tax_year=resident.tax_year,
                applied_on=resident.applied_on,
                notice_given_on=resident.notice_given_on,
                ends_on=resident.ends_on,
            ),
        )

    def place_birthdays(self) -> None:
        """Do what the registry's clock does at night: count anew whose kinds have changed since."""
        today = day_number(day_of(self.now_ms))
        for row in list(self._registry.holders.rows.values()):
            if row.next_from is not None and row.next_from <= today:
                self._registry.set_holder(self._holder_row(self._holders[row.account >> 3]))

    # What the real office reckons by the rules of the switch.

    def rules_now(self) -> Rules:
        """Return the rules in force."""
        return max((one for one in self._rules if one[0] <= self.now_ms), key=lambda one: one[0])[1]

    def _token(self, card: Card) -> int:
        return MASTER.pepper(self.city.programme).token(card.digits)

    def _card_fact(self, resident: Resident, card: Card) -> facts.CardSet:
        return facts.CardSet(
            card=card.digits,
            programme=self.city.programme,
            account=resident.account_id,
            state=card.state,
            since_ms=self.now_ms,
            valid_until=card.valid_until,
        )

    def _holder_row(self, resident: Resident) -> registry.Holder:
        rules = self.rules_now()
        known = {flag.code: 1 << flag.bit for flag in rules.holders.flags} if rules.holders else {}
        until = _entitled_until(rules, resident)
        ends = [resident.ends_on]
        if resident.notice_given_on is not None:
            ends.append(rules.card.notice_until(resident.notice_given_on))
        last = min((day for day in ends if day is not None), default=None)
        return registry.Holder(
            resident.account_id,
            self.city.programme,
            sum(known[flag] for flag in resident.flags),
            resident.has_guardian,
            **_kinds_of(rules, resident.born_on, day_of(self.now_ms)),
            entitled_until=day_number(until) if until else None,
            contract_ends_day=day_number(last) if last else None,
        )


def _entitled_until(rules: Rules, resident: Resident) -> date | None:
    if rules.entitlement is None:
        return None
    if resident.tax_year is not None:
        return rules.entitlement.until(resident.tax_year)
    return rules.entitlement.until_without_proof(resident.applied_on) if resident.applied_on else None


def _kinds_of(rules: Rules, born: date | None, today: date) -> dict[str, Any]:
    if born is None or rules.holders is None or not rules.holders.kinds:
        return {}
    bands: list[Band] = list(rules.holders.bands())
    overlap: Overlap = rules.holders.overlap or "both"
    newest, following = kinds_around(bands, overlap, born, today)
    found: dict[str, Any] = {}
    if newest is not None:
        before = date.fromordinal(newest[0].toordinal() - 1)
        found |= {"kinds": newest[1], "kinds_from": day_number(newest[0])}
        found["kinds_before"] = kinds_on(bands, overlap, born, before)
    if following is not None:
        found |= {"kinds_next": following[1], "next_from": day_number(following[0])}
    return found
