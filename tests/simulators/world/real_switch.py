"""The real flow, decisions and books with a clock of the test's, told the same facts as the auditor.

No wire and no registry in Postgres: a fact becomes the row of the registry that a worker would have read, and
requests go through `Flow.receive` one by one to a real committer. So a question is answered between the very
commits it was asked between.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import msgspec
import trio
from structlog.testing import capture_logs

from ledger.books.committer import Committer
from ledger.books.posting import Outcome, Posting
from ledger.books.quotas import QuotaReader
from ledger.books.shard_map import ShardMap
from ledger.postgres.database import Connection as AnyConnection
from ledger.postgres.database import Database
from ledger.registry.reads import (
    ContractRow,
    OfferRow,
    PartnerRow,
    ProgrammeRow,
    RegistrySnapshot,
    RulesRow,
    TerminalRow,
)
from ledger.registry.secrets import MasterKey
from protocol import Received, Reply, Request, encode_request
from simulators.world.facts import (
    CardSet,
    Fact,
    HolderSet,
    OfferPublished,
    OfferWithdrawn,
    PartnerSet,
    ProgrammeApplied,
    ProgrammeState,
    TerminalSet,
)
from simulators.world.year.worker import Line
from switch.config import Config
from switch.flow.allowance import Allowance
from switch.flow.connection import Connection, Connections
from switch.flow.flow import Flow, Ledger
from switch.flow.inquiry import Inquiries
from switch.metrics import Meters
from switch.rules.dates import changes_of_kinds, kinds_on
from switch.rules.directory import Directory
from switch.rules.offers import Offer, encode_offer, parse_offers
from switch.rules.programme import Rules, parse_rules
from tests.patience import HANG_S, UNHURRIED

MASTER = MasterKey(b"w" * 32, b"p" * 32)
EPOCH = date(1970, 1, 1).toordinal()
ALWAYS = 1_000_000


class Desk(Line):
    """Session and transport of one terminal: keeps the last reply."""

    def __init__(self) -> None:
        super().__init__([])
        self.reply: Reply | None = None
        self.answered = trio.Event()

    def seal(self, message: Reply, request_type: int) -> bytes:
        self.reply = message
        self.answered.set()
        return b""


class RealSwitch:
    """One worker without wire: `learn` facts, `ask` requests."""

    def __init__(self, database: Database, nursery: trio.Nursery) -> None:
        config = msgspec.convert(UNHURRIED, Config)
        self.now_ms = 0
        self.directory = Directory(MASTER)
        self._lines: dict[int, tuple[Connection, Desk]] = {}
        self._holders: dict[int, HolderSet] = {}
        self._cards: dict[tuple[int, str], CardSet] = {}
        self._pasts: dict[tuple[int, str], list[int]] = {}
        self._valid_pasts: dict[tuple[int, str], list[int | None]] = {}
        self._holder_pasts: dict[int, list[int | None]] = {}
        self._rules: dict[int, Rules] = {}
        self._offers: dict[tuple[int, int], Offer] = {}
        reader = QuotaReader(database, ShardMap([]), config.question_s)
        meters, inquiries = Meters(), Inquiries(database, MASTER, reader, trio.lowlevel.checkpoint)
        self.committer = Committer(
            database,
            on_outcomes=self._answered,
            lanes=1,
            give_up_ms=config.give_up_ms,
        )
        self._flow = Flow(
            config=config,
            directory=self.directory,
            connections=Connections(config, meters),
            meters=meters,
            ledger=Ledger(self.committer.submit_nowait, lambda: False, inquiries.answer, inquiries.uses_left),
            clock_ms=lambda: self.now_ms,
            feed_is_stale=lambda: False,
            nursery=nursery,
        )

    def _answered(self, outcomes: list[tuple[Posting, Outcome]]) -> None:
        self._flow.on_outcomes(outcomes)

    async def ask(self, terminal: int, request: Request) -> Reply:
        """Return the reply to one request; nothing else happens meanwhile, and no clock is doubted."""
        self.directory.note_clock(database_ms=self.now_ms, now_ms=self.now_ms)
        if terminal not in self._lines:
            desk, one = Desk(), self.directory.terminals[terminal]
            connection = Connection(
                desk,
                desk,
                terminal=one,
                terminal_of=lambda _: one,
                allowance=Allowance(),
                source="test",
                now=trio.current_time(),
            )
            self._lines[terminal] = connection, desk
        connection, desk = self._lines[terminal]
        desk.answered = trio.Event()
        kind, body = encode_request(request)
        self._flow.receive(connection, [Received(request, kind, body)], trio.current_time())
        with trio.fail_after(HANG_S):
            await desk.answered.wait()
        assert desk.reply is not None
        return desk.reply

    def learn(self, number: int, fact: Fact) -> None:
        """Apply one change of the registry."""
        changes = RegistrySnapshot(number, self.now_ms, [], [], [], [], [], [])
        if isinstance(fact, CardSet):
            self._note_card(fact)
            self._place(fact)
        elif isinstance(fact, HolderSet):
            self._note_holder(fact)
            for card in self._cards.values():
                if card.account == fact.account:
                    self._place(card)
        elif isinstance(fact, OfferPublished | OfferWithdrawn):
            changes.offers.append(self._offer_row(fact))
        elif isinstance(fact, ProgrammeApplied | ProgrammeState):
            self._programme_rows(changes, fact)
        else:
            self._place_rows(changes, fact)
        self.directory.apply(changes, now_ms=self.now_ms)
        assert not (faults := self.directory.take_faults()), faults

    def _programme_rows(self, changes: RegistrySnapshot, fact: ProgrammeApplied | ProgrammeState) -> None:
        number = fact.programme
        if isinstance(fact, ProgrammeState):
            one = self.directory.programmes[number]
            changes.programmes.append(
                ProgrammeRow(number, one.code, one.name, fact.suspended_ms, fact.ended_from_ms)
            )
            return
        rules = self._rules[number] = parse_rules(fact.text)
        changes.rules.append(RulesRow(number, fact.version, fact.from_ms, fact.text))
        if number not in self.directory.programmes:
            code, name = rules.programme.code, rules.programme.name
            changes.programmes.append(ProgrammeRow(number, code, name, (), None))

    def _place_rows(self, changes: RegistrySnapshot, fact: Fact) -> None:
        if isinstance(fact, PartnerSet):
            state, step = int(fact.is_suspended), fact.points_step_grosze
            row = PartnerRow(
                fact.partner, fact.programme, fact.name, state, main_partner=False, points_step_grosze=step
            )
            changes.partners.append(row)
            changes.contracts = [ContractRow(fact.partner, 1, 0, -ALWAYS, None)]
        else:
            assert isinstance(fact, TerminalSet)
            changes.terminals.append(TerminalRow(fact.terminal, fact.partner, 0, "", fact.outlet))

    def place_holders(self) -> None:
        """Count everybody's kinds anew, as the keeper does every day; the registry's number stays."""
        for card in self._cards.values():
            self._place(card)
        number = self.directory.number
        changes = RegistrySnapshot(number, self.now_ms, [], [], [], [], [], [])
        self.directory.apply(changes, now_ms=self.now_ms)

    def _offer_row(self, fact: OfferPublished | OfferWithdrawn) -> OfferRow:
        key = fact.programme, fact.number
        if isinstance(fact, OfferPublished):
            self._offers[key] = next(
                one for one in parse_offers(fact.text).offer if one.number == fact.number
            )
        offer = self._offers[key]
        return OfferRow(
            fact.programme,
            fact.number,
            fact.version,
            offer.partner,
            isinstance(fact, OfferWithdrawn),
            fact.from_ms,
            encode_offer(offer),
        )

    def _note_card(self, fact: CardSet) -> None:
        key = fact.programme, fact.card
        before = self._cards.get(key)
        if before is not None and before.state != fact.state:
            self._pasts.setdefault(key, []).append(fact.since_ms << 4 | before.state)
        if before is not None and before.valid_until != fact.valid_until:
            self._valid_pasts.setdefault(key, []).extend((fact.since_ms, _number(before.valid_until)))
        self._cards[key] = fact

    def _note_holder(self, fact: HolderSet) -> None:
        before, rules = self._holders.get(fact.account), self._rules[fact.programme]
        if before is not None:
            was, now = (
                (_flags(one, rules), _entitled_until(one, rules), _number(_ends_on(one, rules)))
                for one in (before, fact)
            )
            if was != now:
                self._holder_pasts.setdefault(fact.account, []).extend((fact.since_ms, *was))
        self._holders[fact.account] = fact

    def _place(self, card: CardSet) -> None:
        holder, rules = self._holders.get(card.account), self._rules[card.programme]
        days = [_number(card.valid_until), _number(_ends_on(holder, rules))]
        valid_past = self._valid_pasts.get((card.programme, card.card), [])
        has_past = valid_past or self._holder_pasts.get(card.account)
        token = MASTER.pepper(card.programme).token(card.card)
        self.directory.apply_cards(
            [
                (
                    token,
                    card.account,
                    card.programme,
                    card.state,
                    min((day for day in days if day is not None), default=None),
                    self._pasts.get((card.programme, card.card)),
                    self._held(holder, rules) if holder else None,
                    [*days, *valid_past] if has_past else None,
                )
            ]
        )

    def _held(self, holder: HolderSet, rules: Rules) -> list[int | None]:
        past = self._holder_pasts.get(holder.account, ())
        return [_flags(holder, rules), *self._kinds(holder, rules), _entitled_until(holder, rules), *past]

    def _kinds(self, holder: HolderSet, rules: Rules) -> list[int]:
        """Kinds now and before, from when; then and from when: as the database places them."""
        if rules.holders is None or holder.born_on is None:
            return [0, 0, -ALWAYS, 0, ALWAYS]
        bands, overlap = rules.holders.bands(), rules.holders.overlap or "both"
        today = date.fromordinal(EPOCH + self.now_ms // 86_400_000)
        turns: list[tuple[date, Any]] = list(changes_of_kinds(bands, overlap, holder.born_on))
        begun = [turn for turn in turns if turn[0] <= today]
        due = [turn for turn in turns if turn[0] > today]
        now = kinds_on(bands, overlap, holder.born_on, today)
        before = begun[-2][1] if len(begun) > 1 else 0
        return [
            now,
            before,
            begun[-1][0].toordinal() - EPOCH if begun else -ALWAYS,
            due[0][1] if due else 0,
            due[0][0].toordinal() - EPOCH if due else ALWAYS,
        ]


def _number(day: date | None) -> int | None:
    return None if day is None else day.toordinal() - EPOCH


def _flags(holder: HolderSet, rules: Rules) -> int:
    return rules.holders.flags_mask(holder.flags) if rules.holders else 0


def _entitled_until(holder: HolderSet, rules: Rules) -> int | None:
    until = holder.entitled_until
    if until is None and rules.entitlement is not None:
        if holder.tax_year is not None:
            until = rules.entitlement.until(holder.tax_year)
        elif holder.applied_on is not None:
            until = rules.entitlement.until_without_proof(holder.applied_on)
    return _number(until)


def _ends_on(holder: HolderSet | None, rules: Rules) -> date | None:
    if holder is None:
        return None
    days = [holder.ends_on]
    if holder.notice_given_on is not None:
        days.append(rules.card.notice_until(holder.notice_given_on))
    return min((day for day in days if day is not None), default=None)


async def open_accounts(owner: Database, accounts: Iterable[int]) -> None:
    """Open the accounts of cards, as their import does, in a ledger of one bucket."""

    async def job(connection: AnyConnection) -> None:
        await connection.execute(
            "insert into ledger.account (bucket, id) select 0, unnest($1::bigint[])", sorted(set(accounts))
        )

    await owner.run(job)


@asynccontextmanager
async def real_switch(database: Database) -> AsyncIterator[RealSwitch]:
    """Run one until the block ends."""
    async with trio.open_nursery() as nursery:
        switch = RealSwitch(database, nursery)
        await nursery.start(switch.committer.run)
        with capture_logs():  # a line a transaction is much to print where a test fails
            yield switch
        switch.committer.stop()
