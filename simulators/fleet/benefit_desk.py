"""What a cashier does about benefits: verify, quote, use, give back, report; and whether the answer is right.

Owns how these operations are keyed, and what a benefit should have been answered: for whom an offer is, by
the holder's day of birth and flags (`simulators.city.holders`), not by what the switch says of them.

Must not know: sockets, files.

Invariant: where an offer holds for a card only its hours, its quotas and a price that is low already may
stand in the way.
"""

from datetime import UTC, date, datetime
from functools import lru_cache

from protocol import BenefitAdvice, BenefitUse, CardReport, EntryMode, ReportKind, ResultCode
from simulators.city.holders import FLAG_OF, has_birthday, holder_of, kinds_on
from simulators.city.offers import offers_of_partner
from simulators.city.population import Population
from simulators.fleet.choices import ALL_SEEN, Answer, Choices, Picked, judged
from simulators.till.terminal import NOTHING_SEEN
from switch.rules.offers import FixedPrice, Offer

_UNKNOWN_OFFER = 99_999_999


@lru_cache(maxsize=4_096)
def _offers(population: Population, partner: int) -> tuple[Offer, ...]:
    return tuple(offers_of_partner(population, partner))


def is_for(population: Population, index: int, offer: Offer, day: date) -> bool | None:
    """Return whether an offer is for the holder of card `index` on a day; None on a birthday's eve."""
    holder = holder_of(population, index)
    if has_birthday(holder, day):
        return None
    kinds = kinds_on(holder, day)
    return any(
        (not benefit.kinds or not kinds.isdisjoint(benefit.kinds))
        and (not benefit.flags or any(holder.flags & FLAG_OF[code] for code in benefit.flags))
        for benefit in offer.benefits
    )


class BenefitDesk(Choices):
    """The operations on benefits."""

    @property
    def _partner(self) -> int:
        """The index of the partner this terminal stands at."""
        terminal = self.terminal.identity.terminal - self._population.place.first_terminal
        return terminal % self._population.partners

    def _some_offer(self, partner: int) -> Offer | None:
        """Return an offer of a partner; None where he has none."""
        offers = _offers(self._population, partner)
        return self._rng.choice(offers) if offers else None

    def _expected(self, picked: Picked, offer: Offer) -> tuple[int, ...]:
        """Return what may be answered to the use of an offer of this partner's, all confirmed."""
        if ResultCode.APPROVED not in picked.codes:
            return picked.codes
        applies = is_for(self._population, picked.card_index, offer, datetime.now(UTC).date())
        granted = {int(ResultCode.APPROVED), int(ResultCode.QUOTA_USED_UP) * bool(offer.limits)}
        if offer.days or offer.hours:
            granted.add(int(ResultCode.BENEFIT_NOT_NOW))
        if any(isinstance(benefit, FixedPrice) for benefit in offer.benefits):
            granted.add(int(ResultCode.BENEFIT_NOTHING_OFF))
        refused = {int(ResultCode.BENEFIT_NOT_FOR_CARD)}
        return tuple(granted | refused if applies is None else granted if applies else refused)

    async def _use(
        self, operation: str, picked: Picked, offer: Offer, *, tries_max: int, expected: tuple[int, ...]
    ) -> Answer:
        reply = await self.terminal.benefit(
            picked.text,
            offer.number,
            self._customers.price_grosze(),
            confirmed=ALL_SEEN,
            entry=self._read(),
            tries_max=tries_max,
        )
        self._remember(picked, reply)
        answer = judged(operation, picked.card_index, reply.code, *expected)
        if not 0 <= reply.discount_grosze <= max(reply.amount_grosze, 0):
            return answer._replace(unexpected=f"{reply.discount_grosze} off {reply.amount_grosze} grosze")
        return answer

    async def _benefit(self, tries_max: int) -> Answer:
        picked, offer = self._pick(), self._some_offer(self._partner)
        if offer is None:
            return await self._verify(tries_max)
        return await self._use(
            "benefit", picked, offer, tries_max=tries_max, expected=self._expected(picked, offer)
        )

    async def _verify(self, tries_max: int) -> Answer:
        """Ask what holds for a card; what holds must be for its holder."""
        picked = self._pick()
        reply = await self.terminal.verify(picked.text, entry=self._read())
        answer = judged("verify", picked.card_index, reply.code, *picked.codes)
        told = {number for number, *_ in reply.benefits}
        for offer in _offers(self._population, self._partner):
            applies = is_for(self._population, picked.card_index, offer, datetime.now(UTC).date())
            should = applies and reply.code == ResultCode.APPROVED
            is_open = not (offer.days or offer.hours or offer.limits)
            if (offer.number in told and applies is False) or (
                should and is_open and offer.number not in told and not reply.benefits_next
            ):
                return answer._replace(
                    unexpected=f"verify, card index {picked.card_index}: offers {sorted(told)}"
                )
        return answer

    async def _quote(self, tries_max: int) -> Answer:
        """Ask what a benefit would come to, use it, and compare."""
        picked, offer = self._pick(), self._some_offer(self._partner)
        if offer is None:
            return await self._verify(tries_max)
        price, entry = self._customers.price_grosze(), self._read()
        quoted = await self.terminal.quote(picked.text, BenefitUse, price, number=offer.number, entry=entry)
        answer = judged("quote", picked.card_index, quoted.code, *self._expected(picked, offer))
        if quoted.code != ResultCode.APPROVED or answer.unexpected:
            return answer
        reply = await self.terminal.benefit(
            picked.text, offer.number, price, confirmed=ALL_SEEN, entry=entry, tries_max=tries_max
        )
        self._remember(picked, reply)
        # Between the two another shop's sale may take the last use, or an hour may strike.
        if reply.code == quoted.code and reply.discount_grosze != quoted.discount_grosze:
            return answer._replace(
                unexpected=f"quoted {quoted.discount_grosze} grosze off, given {reply.discount_grosze}"
            )
        return answer

    async def _benefit_advice(self, tries_max: int) -> Answer:
        """A benefit granted while the line is down; the terminal forwards it afterwards."""
        picked, offer = self._pick_sound(), self._some_offer(self._partner)
        if offer is None:
            return await self._verify(tries_max)
        expected = self._expected(picked, offer)
        stan = self.terminal.store_offline_benefit(
            picked.text, offer.number, self._customers.price_grosze(), confirmed=ALL_SEEN
        )
        code = int(ResultCode.APPROVED)
        for settled in await self.terminal.settle():
            if isinstance(settled.request, BenefitAdvice) and settled.request.stan == stan:
                code = settled.reply.code
        return judged("benefit_advice", picked.card_index, code, *expected)

    async def _refund(self, tries_max: int) -> Answer:
        """Give back part or all of a sale of this shop."""
        place = next(
            (at for at, sale in enumerate(self._sales) if sale.is_refundable and sale.paid_grosze > 0), None
        )
        if place is None:
            return await self._verify(tries_max)
        sale = self._sales[place]
        del self._sales[place]
        is_whole = self._rng.random() < 0.5
        amount = sale.paid_grosze if is_whole else self._rng.randint(1, sale.paid_grosze)
        reply = await self.terminal.refund(
            sale.card,
            (self.terminal.identity.terminal, sale.stan),
            amount,
            entry=self._read(),
            tries_max=tries_max,
        )
        answer = judged("refund", sale.card_index, reply.code, ResultCode.APPROVED)
        if answer.unexpected:
            return answer
        left = sale.paid_grosze - amount
        points = left // sale.step_grosze if sale.step_grosze else 0
        if reply.points != points - sale.points:
            return answer._replace(
                unexpected=f"refund of {amount} grosze of {sale.points} points changed them by {reply.points}"
            )
        if left:
            self._sales.append(sale._replace(points=points, paid_grosze=left))
        return answer

    async def _card_report(self, tries_max: int) -> Answer:
        """Report a card: a wanted one as retained or attempted, another as doubtful, which blocks nothing."""
        picked = self._pick()
        wanted = ResultCode.CARD_RETAIN in picked.codes
        kind = self._rng.choice((ReportKind.RETAINED, ReportKind.ATTEMPT)) if wanted else ReportKind.DOUBT
        stan = self.terminal.store_report(picked.text, kind)
        code = int(ResultCode.APPROVED)
        for settled in await self.terminal.settle():
            if isinstance(settled.request, CardReport) and settled.request.stan == stan:
                code = settled.reply.code
        return judged("card_report", picked.card_index, code, ResultCode.APPROVED)

    # Deliberate mistakes

    async def _keyed(self, tries_max: int) -> Answer:
        """A number keyed in: refused where the card has to be in the hand (Zgierz § 17)."""
        picked, offer = self._pick_sound(), self._some_offer(self._partner)
        takes_keyed = self._population.place.takes_keyed
        expected: tuple[int, ...] = (ResultCode.ENTRY_NOT_ALLOWED,)
        if takes_keyed:
            expected = self._expected(picked, offer) if offer else (ResultCode.BENEFIT_UNKNOWN,)
        reply = await self.terminal.benefit(
            picked.text,
            offer.number if offer else _UNKNOWN_OFFER,
            self._customers.price_grosze(),
            confirmed=ALL_SEEN,
            entry=EntryMode.KEYED,
            tries_max=tries_max,
        )
        self._remember(picked, reply)
        return judged("keyed", picked.card_index, reply.code, *expected)

    async def _other_partners_offer(self, tries_max: int) -> Answer:
        picked, partners = self._pick_sound(), self._population.partners
        others = ((self._partner + step) % partners for step in range(1, partners))
        offer = next((offer for other in others if (offer := self._some_offer(other))), None)
        if offer is None:
            return await self._verify(tries_max)
        return await self._use(
            "other_partners_offer",
            picked,
            offer,
            tries_max=tries_max,
            expected=(ResultCode.BENEFIT_OTHER_PARTNER,),
        )

    async def _unknown_offer(self, tries_max: int) -> Answer:
        """An offer that was never published is not granted (Żywiec § 4)."""
        picked = self._pick_sound()
        reply = await self.terminal.benefit(
            picked.text,
            _UNKNOWN_OFFER,
            self._customers.price_grosze(),
            confirmed=ALL_SEEN,
            entry=self._read(),
            tries_max=tries_max,
        )
        return judged("unknown_offer", picked.card_index, reply.code, ResultCode.BENEFIT_UNKNOWN)

    async def _unconfirmed(self, tries_max: int) -> Answer:
        """The cashier confirms nothing: refused where anything was to be seen."""
        picked, offer = self._pick_sound(), self._some_offer(self._partner)
        if offer is None:
            return await self._verify(tries_max)
        expected = self._expected(picked, offer)
        if ResultCode.APPROVED in expected:
            others = set(expected) - {ResultCode.APPROVED, ResultCode.QUOTA_USED_UP}
            expected = (ResultCode.CONFIRMATION_MISSING, *others)
        reply = await self.terminal.benefit(
            picked.text,
            offer.number,
            self._customers.price_grosze(),
            confirmed=NOTHING_SEEN,
            entry=self._read(),
            tries_max=tries_max,
        )
        return judged("unconfirmed", picked.card_index, reply.code, *expected)
