"""What partners declare: taken down, decided by another one, and then the draft that is published."""

import pytest

from ledger.errors import LedgerError, NotInRegistry, RegistryRefused, StatementRefused
from ledger.postgres.database import Database
from ledger.registry import offer_declarations as declarations
from ledger.registry.audit import Actor
from ledger.registry.offer_declarations import Declaration, DeclarationState
from ledger.registry.offers import NewOffer, OfferState, import_offers, offer_versions
from ledger.registry.outlets import NewOutlet, import_outlets
from ledger.registry.partners import NewPartner, import_partners
from tests.ledger.books import PARTNER, TESTER, found_registry, write_registry

OTHER = 8
DESK = Actor("anna (3)")
BAKER = Actor("Piekarnia (5)")
SPRING = Declaration(1, 40, (1,), '{"spring": true}', "from March on")


@pytest.fixture
async def city(owner: Database) -> Database:
    """Two partners, of whom the first has outlet 1."""
    await owner.run(lambda c: found_registry(c, 1))
    await owner.run(lambda c: import_partners(c, TESTER, 1, [NewPartner(OTHER, "Kino")]))
    await owner.run(lambda c: import_outlets(c, TESTER, [NewOutlet(1, PARTNER, "Rynek")]))
    return owner


async def declare(city: Database, declaration: Declaration = SPRING, partner: int = PARTNER) -> int:
    return await city.run(lambda c: declarations.declare(c, BAKER, partner, declaration))


async def test_an_accepted_declaration_is_the_offer_s_draft(city: Database) -> None:
    """It waits, is decided by the desk, and its terms are the draft that publishing takes."""
    number = await declare(city)
    (row,) = await city.run(lambda c: declarations.open_declarations(c, 1))
    assert (row["number"], row["partner_name"], row["note"]) == (number, "Piekarnia", "from March on")
    assert await city.run(lambda c: offer_versions(c, 1, 40)) == []
    await city.run(lambda c: declarations.decide(c, DESK, number, True, ""))
    (draft,) = await city.run(lambda c: offer_versions(c, 1, 40))
    assert (draft["state"], draft["partner"], draft["terms"]) == (OfferState.DRAFT, PARTNER, SPRING.terms)
    assert await city.run(lambda c: declarations.open_declarations(c, 1)) == []
    (row,) = await city.run(lambda c: declarations.declarations_of(c, PARTNER))
    assert (row["state"], row["decided_by"]) == (DeclarationState.ACCEPTED, DESK.name)
    assert await city.run(lambda c: declarations.next_offer(c, 1)) == 41


async def test_a_refusal_wants_a_reason_and_leaves_no_draft(city: Database) -> None:
    """Without a reason it is not decided; with one the partner reads it, and may declare anew."""
    number = await declare(city)
    for reason in ("", "  "):
        with pytest.raises(RegistryRefused, match="reason"):
            await city.run(lambda c, r=reason: declarations.decide(c, DESK, number, False, r))
    await city.run(lambda c: declarations.decide(c, DESK, number, False, "too dear"))
    assert (await city.run(lambda c: declarations.the_declaration(c, number)))["reason"] == "too dear"
    assert await city.run(lambda c: offer_versions(c, 1, 40)) == []
    with pytest.raises(RegistryRefused, match="by now"):
        await city.run(lambda c: declarations.decide(c, DESK, number, True, ""))
    assert await declare(city) > number


async def test_whoever_declared_does_not_decide(city: Database) -> None:
    """Neither by the module nor by a statement of its own."""
    number = await declare(city)
    for same in (BAKER, Actor("  piekarnia  (5)")):  # capitals and spaces make no other person
        with pytest.raises(RegistryRefused, match="another one"):
            await city.run(lambda c, who=same: declarations.decide(c, who, number, True, ""))
    await city.run(lambda c: declarations.take_back(c, BAKER, PARTNER, number))
    sql = "insert into registry.offer_declaration (programme, partner, offer, terms) values (1, 7, 41, 'x')"
    await city.run(lambda c: write_registry(c, sql))
    for change in ("state = 1", "terms = 'y'", "state = 3, partner = 8"):
        with pytest.raises(LedgerError):
            await city.run(
                lambda c, s=change: write_registry(
                    c, f"update registry.offer_declaration set {s} where offer = 41"
                )
            )


async def test_a_partner_declares_offers_of_its_own_alone(city: Database) -> None:
    """Another's offer, declared or there already, another's outlet, and another's declaration are refused."""
    number = await declare(city)
    with pytest.raises(RegistryRefused, match="another partner's"):
        await declare(city, SPRING._replace(outlets=()), OTHER)
    with pytest.raises(RegistryRefused, match="outlet"):
        await declare(city, SPRING._replace(offer=50), OTHER)
    with pytest.raises(NotInRegistry):
        await city.run(lambda c: declarations.take_back(c, BAKER, OTHER, number))
    with pytest.raises(NotInRegistry):
        await declare(city, SPRING._replace(programme=2, offer=51))
    draft = NewOffer(60, OTHER, (), "{}")
    await city.run(lambda c: import_offers(c, TESTER, 1, [draft]))
    with pytest.raises(RegistryRefused, match="another partner's"):
        await declare(city, SPRING._replace(offer=60))
    sql = "insert into registry.offer_declaration (programme, partner, offer, terms) values (1, 7, 60, 'x')"
    with pytest.raises(StatementRefused, match="another partner's"):
        await city.run(lambda c: write_registry(c, sql))


async def test_an_offer_that_became_another_s_is_not_accepted(city: Database) -> None:
    """Whose it is, is asked when it is decided, too."""
    number = await declare(city)
    await city.run(lambda c: import_offers(c, TESTER, 1, [NewOffer(40, OTHER, (), "{}")]))
    with pytest.raises(RegistryRefused, match="by now"):
        await city.run(lambda c: declarations.decide(c, DESK, number, True, ""))


async def test_declarations_are_bounded(city: Database) -> None:
    """One of an offer at a time, fifty of a partner; terms, notes and numbers within their bounds."""
    await declare(city)
    with pytest.raises(RegistryRefused, match="declared already"):
        await declare(city)
    for wrong in (
        SPRING._replace(offer=0),
        SPRING._replace(offer=41, terms=""),
        SPRING._replace(offer=41, terms="x" * 16_385),
        SPRING._replace(offer=41, note="x" * 501),
        SPRING._replace(offer=41, outlets=(9,)),
    ):
        with pytest.raises(RegistryRefused):
            await declare(city, wrong)
    fill = (
        "insert into registry.offer_declaration (programme, partner, offer, terms) "
        "select 1, 7, n, 'x' from generate_series(100, {}) n"
    )
    await city.run(lambda c: write_registry(c, fill.format(148)))
    with pytest.raises(RegistryRefused, match="enough"):
        await declare(city, SPRING._replace(offer=41))
    with pytest.raises(StatementRefused, match="too many"):
        await city.run(lambda c: write_registry(c, fill.format(100).replace("100, 100", "200, 200")))
