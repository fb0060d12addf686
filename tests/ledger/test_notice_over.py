"""A notice that has run out: what needs a contract is too late from that day on, the keeper round or not."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.cards import set_card_status
from ledger.registry.carriers import NewCarrier, import_carriers
from ledger.registry.contracts import end_contract
from ledger.registry.duplicates import Carrier, New, add_carrier, hand_over_card, renew_card, replace_card
from ledger.registry.endings import give_notice, take_objection, withdraw
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.holders import find_holder, prove_tax, set_flags
from ledger.registry.imports import Refusal
from tests.days import today
from tests.ledger.books import TESTER, found_registry, write_registry
from tests.switch.memory import MASTER_KEY

FAR = date(2200, 5, 31)
HOLDER = Actor("holder", hand=Hand.HOLDER_DESK)
TOO_LATE: list[Callable[[Connection], Awaitable[object]]] = [
    lambda c: withdraw(c, TESTER, 1000, "notice"),
    lambda c: take_objection(c, HOLDER, 1000, given_on=today(), ends_on=today() - timedelta(9)),
    lambda c: give_notice(c, TESTER, 1000, given_on=today(), ends_on=today()),
    lambda c: set_flags(c, TESTER, 1000, flags=1),
    lambda c: prove_tax(c, TESTER, 1000, tax_year=2025, entitled_until=FAR),
    lambda c: set_card_status(c, TESTER, 1000, CardStatus.BLOCKED),
    lambda c: replace_card(c, TESTER, 5001, 5000, "0099"),
    lambda c: hand_over_card(c, TESTER, 5001),
    lambda c: renew_card(c, TESTER, 1000, FAR),
    lambda c: add_carrier(c, TESTER, 1000, New(5000, "0099", Carrier.QR)),
    lambda c: end_contract(c, HOLDER, 1000, CardStatus.RESIGNED),
]


@pytest.fixture
async def registry(owner: Database) -> Database:
    """A card with a holder, valid until a day, whose duplicate waits; the notice ended yesterday."""
    yesterday = today() - timedelta(1)
    sql = "update registry.card set expires_on = '2031-05-31' where token = 1000"
    new = NewHolder(1000, tax_year=2020, entitled_until=date(2022, 5, 31))
    await owner.run(lambda c: found_registry(c, 1))
    await owner.run(lambda c: write_registry(c, sql))
    await owner.run(lambda c: add_holders(c, TESTER, MASTER_KEY.vault, 1, [new]))
    await owner.run(lambda c: replace_card(c, TESTER, 1000, 5001, "0098"))
    await owner.run(lambda c: give_notice(c, TESTER, 1000, given_on=yesterday, ends_on=yesterday))
    return owner


@pytest.mark.parametrize("act", TOO_LATE)
async def test_a_notice_that_has_run_out_is_judged_by_its_day(
    registry: Database, act: Callable[[Connection], Awaitable[object]]
) -> None:
    """Zgierz § 33: the contract ended with the month, and its cards are void to whoever does anything."""
    with pytest.raises(RegistryRefused, match=r"void|only an active card"):
        await registry.run(act)
    account = await registry.run(lambda c: c.fetchval("select account from registry.card where token = 1000"))
    holder = await registry.run(lambda c: find_holder(c, account))
    assert holder["contract_ends_on"] == today() - timedelta(1)


async def test_a_file_of_carriers_is_judged_by_that_day_too(registry: Database) -> None:
    """None is added to an account whose contract has ended."""
    row = NewCarrier(6000, "0096", Carrier.QR, 1000)
    done = await registry.run(lambda c: import_carriers(c, TESTER, 1, [row]))
    assert done.refused == [Refusal(6000, "of", "is a card that is void")]


async def test_the_account_of_a_notice_that_has_run_out_can_be_deleted(registry: Database) -> None:
    """§ 26: as that of any card that is void."""
    assert await registry.run(lambda c: end_contract(c, HOLDER, 1000, CardStatus.CLOSED)) == 2
