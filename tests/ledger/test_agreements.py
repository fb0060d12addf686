"""Consents: every time one was given and withdrawn is kept, and what a card needs stays while it goes on."""

import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.agreements import give_consent, list_agreements, withdraw_consent
from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.contracts import end_contract
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.people import Person
from tests.ledger.books import TESTER, found_registry
from tests.switch.memory import MASTER_KEY

HOLDER = Actor("holder", hand=Hand.HOLDER_DESK)
NEWS = "newsletter"


@pytest.fixture
async def registry(owner: Database) -> Database:
    """A card whose holder is known."""
    await owner.run(lambda c: found_registry(c, 1))
    await owner.run(
        lambda c: add_holders(c, TESTER, MASTER_KEY.vault, 1, [NewHolder(1000, person=Person("x"))])
    )
    return owner


async def test_what_was_given_and_withdrawn_on_one_day_stays(registry: Database) -> None:
    """Given, withdrawn, and so again, and given: three times, each with its moments, the newest first."""
    for _ in range(2):
        await registry.run(lambda c: give_consent(c, TESTER, 1000, NEWS))
        await registry.run(lambda c: withdraw_consent(c, TESTER, 1000, NEWS))
    await registry.run(lambda c: give_consent(c, TESTER, 1000, NEWS))
    with pytest.raises(RegistryRefused, match="given already"):
        await registry.run(lambda c: give_consent(c, TESTER, 1000, NEWS))
    kept, _ = await registry.run(lambda c: list_agreements(c, MASTER_KEY.vault, 1000))
    assert [row["withdrawn_at"] is None for row in kept] == [True, False, False]
    moments = [
        at for row in reversed(kept) for at in (row["given_at"], row["withdrawn_at"]) if at is not None
    ]
    assert moments == sorted(set(moments))


async def test_the_consent_to_data_stays_while_the_contract_goes_on(registry: Database) -> None:
    """Zgierz § 13, Żywiec § 3: no card without it; whose contract has ended withdraws it."""
    await registry.run(lambda c: give_consent(c, TESTER, 1000, "data"))
    with pytest.raises(RegistryRefused, match="ends by a resignation"):
        await registry.run(lambda c: withdraw_consent(c, TESTER, 1000, "data"))
    await registry.run(lambda c: end_contract(c, HOLDER, 1000, CardStatus.RESIGNED))
    await registry.run(lambda c: withdraw_consent(c, TESTER, 1000, "data"))
    (row,), _ = await registry.run(lambda c: list_agreements(c, MASTER_KEY.vault, 1000))
    assert row["withdrawn_at"] is not None
