"""The books as a state machine: Postgres and the model in memory are told the same, and answer the same.

Requests gather in a batch and are posted together; sums are asked for, shares of limits moved and ids closed
in between, in any order. What is compared and how is `simulators.world.differential`'s; here Hypothesis looks
for the order of things, and for the shortest one.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from ledger.books.posting import AccountKind, Kind, Posting, QuotaLeg, account_id
from ledger.books.quotas import uses_left
from ledger.books.rollup import roll_up
from ledger.books.shares import move_shares
from ledger.books.statements import history, last_stan, terminal_totals
from ledger.books.verify import verify
from ledger.postgres.database import open_database
from simulators.world.differential.sides import MemorySide, PostgresSide
from tests.ledger.books import PROGRAMME, TERMINAL, Books
from tests.machines import bounded
from tests.postgres import FreshDatabase, Server
from tests.trio_thread import TrioThread

CARDS: Final = 3
BELOW: Final = -5
"""So far one of the cards may go below zero."""
STEP_GROSZE: Final = 1_000
CLOSE_DELAY_MS: Final = 5
cards = st.integers(0, CARDS - 1)
tills = st.sampled_from([TERMINAL, TERMINAL, TERMINAL + 1])
SALES = (Kind.EARN, Kind.EARN, Kind.EARN_ADVICE, Kind.REDEEM, Kind.BENEFIT_USE, Kind.BENEFIT_USE)
FIRST = ((Kind.EARN, 0, 0), (Kind.EARN, 1, 0), (Kind.BENEFIT_USE, 2, 10_000), (Kind.BENEFIT_USE, 1, 2_500))
CODES = (0, 0, 0, 0, 0, 0, 45, 13)
LIMITS: Final[tuple[tuple[str, ...], ...]] = ((), ("one",), ("two",), ("wide",), ("two", "wide"))


class Both(TrioThread):
    """Both sides, empty, for one run of the machine."""

    def __init__(self, fresh: FreshDatabase, buckets: int) -> None:
        super().__init__()
        self._fresh, self.buckets = fresh, buckets
        self.memory = MemorySide(buckets)
        self.postgres: PostgresSide
        self.accounts = [account_id(1 + card, AccountKind.CARD) for card in range(CARDS)]

    async def serve(self) -> AsyncGenerator[None, None]:
        async with AsyncExitStack() as stack:
            opened = partial(open_database, connections_max=1)
            self._owner = await stack.enter_async_context(opened(self._fresh.owner_dsn))
            service = await stack.enter_async_context(opened(self._fresh.service_dsn))
            self.postgres = PostgresSide(self._owner, service, self.buckets)
            floors = {account: BELOW if card == 0 else 0 for card, account in enumerate(self.accounts)}
            await self.postgres.begin(floors)
            self.memory.begin(floors)
            yield

    async def post(self, batch: list[Posting]) -> None:
        """Every answer is the same, in every field."""
        there, here = await self.postgres.post(0, batch), await self.memory.post(0, batch)
        assert there == here, [*batch, there, here]

    async def ask(self, read: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
        """Every question is answered the same."""

        async def job(connection: Any) -> Any:
            return await read(connection, *arguments)

        there, here = await self.postgres.ask(job), await self.memory.ask(job)
        assert there == here, (read, arguments)
        return there

    async def compare(self) -> None:
        """Every table holds the same, and both books are proved."""
        for account in self.accounts:
            await self.ask(history, account)
        assert await self.postgres.state() == await self.memory.state()
        assert [found for found in await self._owner.run(verify) if found.count] == []
        assert self.memory.ledger.check() == []


class Ledgers(RuleBasedStateMachine):
    """What can be asked of the books."""

    sales: Bundle[Posting] = Bundle("sales")
    made: Bundle[Posting] = Bundle("made")
    """These, and what undoes them."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self._fresh: FreshDatabase | None = None
        self._batch: list[Posting] = []
        self._stans = {TERMINAL: 0, TERMINAL + 1: 0}

    @initialize(targets=(made, sales), buckets=st.sampled_from([1, 4]))
    def open(self, buckets: int) -> Any:
        """Books with a sale of each kind: points, a use of limits, one that cost nothing."""
        self._fresh = self._server.create()
        self._both = Both(self._fresh, buckets)
        self._running = self._both.running()
        self._running.__enter__()
        self._books = Books(None, self._both.accounts)  # type: ignore[arg-type]  # it makes requests only
        plain = {"terminal": TERMINAL, "points": 6, "code": 0, "is_late": False}
        return multiple(
            *(
                Ledgers.sell(self, kind=kind, card=card, limits=("two", "wide"), discount=discount, **plain)
                for kind, card, discount in FIRST
            )
        )

    def teardown(self) -> None:
        """What is left is posted, and the books are compared whole."""
        if self._fresh is None:
            return
        try:
            self.post()
            self._both.call(self._both.compare)
        finally:
            self._running.__exit__(None, None, None)
            self._server.drop(self._fresh)

    def _stan(self, terminal: int) -> int:
        self._stans[terminal] += 1
        return self._stans[terminal]

    def _add(self, posting: Posting) -> Posting:
        """Put it into the batch, in which an id stands once, its own or an original's."""
        taken = {each for one in self._batch for each in _ids(one)}
        if taken & set(_ids(posting)):
            self.post()
        self._batch.append(posting)
        return posting

    # Sales

    @rule(
        targets=(made, sales),
        kind=st.sampled_from(SALES),
        card=cards,
        terminal=tills,
        points=st.integers(1, 6),
        code=st.sampled_from(CODES),
        limits=st.sampled_from(LIMITS),
        discount=st.sampled_from([0, 2_500, 10_000]),
        is_late=st.sampled_from([False, False, False, True]),
    )
    def sell(
        self,
        kind: Kind,
        card: int,
        terminal: int,
        points: int,
        code: int,
        limits: tuple[str, ...],
        discount: int,
        is_late: bool,
    ) -> Posting:
        """Points given or taken, or a use of limits at a price that a discount may make nothing. One that is
        late comes when it is sent again, if it does: its reversal has overtaken it.
        """
        books, stan = self._books, self._stan(terminal)
        if kind == Kind.BENEFIT_USE:
            quotas = [self._leg(limit, card) for limit in limits]
            sale = books.use(stan, *quotas, card=card, terminal=terminal, discount=discount)
        elif kind == Kind.REDEEM:
            sale = books.redeem(stan, points, card=card, terminal=terminal)
        else:
            sale = books.earn(stan, points, card=card, code=code, terminal=terminal)
            sale.step_grosze, sale.kind = STEP_GROSZE, int(kind)
        if is_late:
            self._add(books.reversal(self._stan(terminal), stan, card=card, terminal=terminal))
            return sale
        return self._add(sale)

    def _leg(self, limit: str, card: int) -> QuotaLeg:
        if limit == "wide":
            return QuotaLeg(account_id(PROGRAMME, AccountKind.ORGANISER), 77 << 3, 20_000, 3)
        return self._books.per_card(40 if limit == "one" else 41, 1 if limit == "one" else 2, card=card)

    # What names a sale

    @rule(target=made, sale=sales, part=st.sampled_from([0, 0, 1, 2, 3]), terminal=st.none() | tills)
    def refund(self, sale: Posting, part: int, terminal: int | None) -> Posting:
        """All, a half, nothing, or a grosz too much; at its terminal or the other."""
        here = sale.terminal if terminal is None else terminal
        paid = sale.amount_grosze - sale.discount_grosze
        posting = self._books.refund(
            self._stan(here),
            sale.stan,
            (paid, paid // 2, 0, paid + 1)[part],
            card=self._card(sale),
            terminal=here,
            sold_at=sale.terminal,
        )
        posting.may_go_below = part != 1
        return self._add(posting)

    @rule(sale=made, what=st.sampled_from(["reverse", "reverse", "status", "again", "conflict"]))
    def name(self, sale: Posting, what: str) -> None:
        """Reverse it, by its card or another, ask what became of it, or send it again, as it was or not."""
        terminal, card = sale.terminal, self._card(sale)
        if what == "reverse":
            by = (card + (sale.stan % 4 == 0)) % CARDS
            self._add(self._books.reversal(self._stan(terminal), sale.stan, card=by, terminal=terminal))
        elif what == "status":
            self._add(self._books.status(self._stan(terminal), sale.stan, card=card, terminal=terminal))
        else:
            now_ms = next(self._books.clock)
            posting = replace(sale, transaction_id=self._books.ids.next(now_ms), accepted_at_ms=now_ms)
            posting.digest ^= what == "conflict"
            self._add(posting)

    def _card(self, sale: Posting) -> int:
        return self._both.accounts.index(sale.account)

    # In between

    @rule()
    def post(self) -> None:
        """Post what has gathered."""
        batch, self._batch = self._batch, []
        if batch:
            self._both.call(self._both.post, batch)

    @rule(terminal=tills, card=cards, closes=st.booleans())
    def ask(self, terminal: int, card: int, closes: bool) -> None:
        """Sums, last numbers, what is left of limits; shares are moved, and old ids are closed."""
        ask, both = self._both.call, self._both.ask
        last = ask(both, last_stan, terminal)
        ask(both, terminal_totals, terminal, 1, max(last, 1))
        ask(both, uses_left, self._both.buckets, [self._leg(limit, card) for limit in ("one", "two", "wide")])
        ask(both, move_shares)
        if closes:
            ask(both, partial(roll_up, now_ms=next(self._books.clock) + 10, delay_ms=CLOSE_DELAY_MS))


def _ids(posting: Posting) -> list[tuple[int, int]]:
    own = (posting.terminal, posting.stan)
    original = (posting.original_terminal or posting.terminal, posting.original_stan)
    return [own, original] if posting.original_stan else [own]


def test_the_books_answer_as_the_model_in_any_order(postgres_server: Server) -> None:
    """Sales, refunds, reversals, repeats, late sales, limits, closings: equal answers, equal tables."""
    settings = bounded(examples=12, steps=60)
    run_state_machine_as_test(lambda: Ledgers(postgres_server), settings=settings)  # type: ignore[arg-type]
