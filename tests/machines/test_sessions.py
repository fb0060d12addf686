"""Terminals' sessions as a state machine: whatever they do in whatever order, each reply is the one foretold.

Two tills in each of three cities, at the switch's own workers with the books in memory. The oracle is the
auditor of the simulated worlds, who shares no rule with the switch; `simulators.world.checks` says what else
must hold when all has settled.
"""

import random
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import trio
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from protocol import BenefitUse, Check, EntryMode, Redeem, ReportKind, ResultCode, TransactionReply
from simulators.errors import TerminalError
from simulators.world.cities import City
from simulators.world.clerk import Sale
from simulators.world.facts import ACTIVE, BLOCKED, REPLACED, WANTED
from simulators.world.till import Till
from tests.machines import bounded
from tests.machines.town import Town

TILLS: Final = 2
OF_REPLY_BYTES: Final = 40
"""A reply that is cut after fewer of its bytes has not arrived."""
STRANGER, FOREIGNER = 13, 14
tills = st.integers(0, 3 * TILLS - 1)
tills_of_points = st.one_of(st.integers(0, TILLS - 1), st.integers(0, TILLS - 1), tills)
"""Mostly of the first city, where there are points; benefits are in the others."""
tills_of_benefits = st.one_of(st.integers(TILLS, 3 * TILLS - 1), st.integers(TILLS, 3 * TILLS - 1), tills)
cards = st.one_of(st.integers(0, 1), st.integers(0, 1), st.integers(0, FOREIGNER))
amounts = st.sampled_from([105_000, 2_500, 12_345, 105_000, 1_000, 999, 1, 0])
entries = st.sampled_from([EntryMode.SWIPED] * 3 + list(EntryMode))
offers = st.integers(1, 8)
confirmed = st.sampled_from([Check(7), Check(7), Check(7), Check(0), Check(2)])
tiers = st.sampled_from([100, 100, 250, 77])
OFFLINE = ("earn", "earn", "benefit", "benefit", "report")
QUESTIONS = ("verify", "balance", "quoted benefit", "quoted redemption")
SESSION = ("reconnect", "sign_off", "power_cut", "change_key", "totals", "settle", "settle")
STATES = (ACTIVE, ACTIVE, ACTIVE, BLOCKED, WANTED, REPLACED)
STEPS = (None, None, 500, 2_000)
OWN_OFFERS = 6
"""Of more numbers than these the offer is another partner's, or none's."""


class Sessions(RuleBasedStateMachine):
    """What can be done at the tills, and by the office meanwhile."""

    sales: Bundle[Sale] = Bundle("sales")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="town-")
        self._town: Town | None = None

    @initialize(seed=st.integers(0, 5))
    def open(self, seed: int) -> None:
        """A town of workers, buckets and days that follow from the seed."""
        self.town = self._town = Town(seed, Path(self._folder.name), TILLS)

    def teardown(self) -> None:
        """All settles, and nothing was wrong."""
        with self._folder:
            if self._town is not None:
                report = self._town.end()
                assert report.violations == []

    def _place(self, number: int) -> tuple[Till, City]:
        city = self.town.cities[number // TILLS]
        return self.town.tills[number], city

    @staticmethod
    def _digits(city: City, card: int) -> str:
        if card == STRANGER:
            return city.stranger(random.Random(card))
        if card == FOREIGNER:
            return city.foreigner(random.Random(card))
        return city.cards[card].digits

    @staticmethod
    def _offer(city: City, place: Till, offer: int) -> int:
        """One of this partner's, as the number has it; or the number itself."""
        partner = city.partner_of(place.number)
        own = [each.number for each in city.offers if each.partner == partner]
        return own[offer % len(own)] if offer <= OWN_OFFERS else offer

    def _ask(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Have it done; what a till refuses or a line loses comes to nothing here and is settled later."""
        try:
            return self.town.do(ask)
        except TerminalError:
            return None

    def _sold(self, till: int, card: str, reply: TransactionReply | None) -> Any:
        if reply is None or reply.code != ResultCode.APPROVED:
            return multiple()
        terminal = self.town.tills[till].number
        return Sale(terminal, reply.stan, card, reply.amount_grosze - reply.discount_grosze)

    def _till_of(self, sale: Sale) -> Till:
        return next(till for till in self.town.tills if till.number == sale.terminal)

    # Business

    @rule(target=sales, till=tills_of_points, card=cards, amount=amounts, entry=entries)
    def earn(self, till: int, card: int, amount: int, entry: EntryMode) -> Any:
        place, city = self._place(till)
        digits = self._digits(city, card)
        return self._sold(till, digits, self._ask(lambda: place.terminal.earn(digits, amount, entry=entry)))

    @rule(target=sales, till=tills_of_points, card=cards, tier=tiers, amount=amounts)
    def redeem(self, till: int, card: int, tier: int, amount: int) -> Any:
        place, city = self._place(till)
        digits = self._digits(city, card)
        asked = self._ask(lambda: place.terminal.redeem(digits, tier, amount_grosze=amount))
        return self._sold(till, digits, asked)

    @rule(target=sales, till=tills_of_benefits, card=cards, offer=offers, amount=amounts, seen=confirmed)
    def benefit(self, till: int, card: int, offer: int, amount: int, seen: Check) -> Any:
        place, city = self._place(till)
        digits = self._digits(city, card)
        number = self._offer(city, place, offer)
        asked = self._ask(lambda: place.terminal.benefit(digits, number, amount, confirmed=seen))
        return self._sold(till, digits, asked)

    @rule(
        target=sales, sale=sales, till=st.none() | tills, percent=st.sampled_from([100, 100, 50, 33, 101, 0])
    )
    def refund(self, sale: Sale, till: int | None, percent: int) -> Any:
        """At the till of the sale, or at another."""
        place = self._till_of(sale) if till is None else self.town.tills[till]
        amount = sale.paid_grosze * percent // 100
        original = (sale.terminal, sale.stan)
        reply = self._ask(lambda: place.terminal.refund(sale.card, original, amount))
        if reply is None or reply.code != ResultCode.APPROVED:
            return multiple()
        return Sale(place.number, reply.stan, sale.card, amount)

    @rule(sale=sales, back=st.sampled_from([0, 0, 0, 1]))
    def reverse(self, sale: Sale, back: int) -> None:
        """The sale, or by mistake what was before it."""
        stan = max(sale.stan - back, 1)
        self._ask(lambda: self._till_of(sale).terminal.reversal(sale.card, stan))

    @rule(sale=sales, back=st.sampled_from([0, 0, 1]))
    def status(self, sale: Sale, back: int) -> None:
        stan = max(sale.stan - back, 1)
        self._ask(lambda: self._till_of(sale).terminal.status(sale.card, stan))

    @rule(till=tills, card=cards, what=st.sampled_from(QUESTIONS), offer=offers, tier=tiers)
    def question(self, till: int, card: int, what: str, offer: int, tier: int) -> None:
        """What nothing comes of."""
        place, city = self._place(till)
        digits = self._digits(city, card)

        async def ask() -> None:
            if what == "verify":
                await place.terminal.verify(digits)
            elif what == "balance":
                await place.terminal.balance(digits)
            elif what == "quoted benefit":
                number = self._offer(city, place, offer)
                await place.terminal.quote(digits, BenefitUse, 2_500, number=number)
            else:
                await place.terminal.quote(digits, Redeem, 2_500, number=tier)

        self._ask(ask)

    @rule(till=tills, card=cards, what=st.sampled_from(OFFLINE), offer=offers, amount=amounts, seen=confirmed)
    def without_a_line(self, till: int, card: int, what: str, offer: int, amount: int, seen: Check) -> None:
        """Sold or seen off line, and kept until the till settles."""
        place, city = self._place(till)
        digits = self._digits(city, card)

        async def store() -> None:
            if what == "earn":
                place.terminal.store_offline_earn(digits, amount)
            elif what == "benefit":
                number = self._offer(city, place, offer)
                place.terminal.store_offline_benefit(digits, number, amount, confirmed=seen)
            else:
                place.terminal.store_report(digits, ReportKind.ATTEMPT)

        self._ask(store)

    # The session

    @rule(till=tills, what=st.sampled_from(SESSION))
    def session(self, till: int, what: str) -> None:
        """What a till does beside business; the sums of both sides are the same at any moment."""
        place = self.town.tills[till]

        async def do() -> Any:
            if what == "reconnect":
                place.terminal.drop_link()
                await place.terminal.echo()
            elif what == "power_cut":
                place.restart()
            else:
                return await getattr(place.terminal, what)()
            return None

        reply = self._ask(do)
        assert what != "totals" or reply is None or reply.code == ResultCode.APPROVED

    @rule(till=tills, after=st.integers(0, OF_REPLY_BYTES))
    def lose_the_next_reply(self, till: int, after: int) -> None:
        """The switch does it, and nobody hears of it: asked again, it is told as at first."""

        async def cut() -> None:
            self.town.network.cut_reply(self.town.tills[till].number, after)

        self._ask(cut)

    @rule(till=tills)
    def power_cut(self, till: int) -> None:
        async def restart() -> None:
            self.town.tills[till].restart()

        self._ask(restart)

    # Meanwhile

    @rule(seconds=st.sampled_from([0.2, 1.0, 10.0]))
    def wait(self, seconds: float) -> None:
        """The worker hears of what the office has done."""

        async def pass_by() -> None:
            await trio.sleep(seconds)

        self._ask(pass_by)

    @rule(till=tills, card=st.integers(0, 3), state=st.sampled_from(STATES), step=st.sampled_from(STEPS))
    def office(self, till: int, card: int, state: int, step: int | None) -> None:
        """A card is blocked, wanted, replaced, or free again; a partner gives points by another step."""
        place, city = self._place(till)

        async def act() -> None:
            self.town.desk.set_card(city, city.cards[card].digits, state)
            self.town.desk.set_step(city.partner_of(place.number), step)

        self._ask(act)


TestSessions = Sessions.TestCase
TestSessions.settings = bounded(examples=12, steps=60)
