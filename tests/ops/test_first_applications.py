"""A first application: what it accepts and proves, and that whose contract ended may make one again."""

from datetime import UTC, date, datetime

import pytest

from ledger.errors import HolderErased, RegistryRefused, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.acceptances import list_acceptances
from ledger.registry.agreements import list_agreements
from ledger.registry.audit import writing
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.cards import find_card
from ledger.registry.contracts import end_contract
from ledger.registry.erasures import anonymise
from ledger.registry.people import find_person
from ledger.registry.pesel_tokens import accounts_of_pesel, renew_basket
from ledger.registry.programmes import add_rules
from ops.office.forms import lacks_of
from ops.office.holder_file import HolderFile
from switch.rules.dates import kind_steps
from switch.rules.programme import parse_rules
from tests.days import today
from tests.ledger.books import TESTER, write_registry
from tests.ops.test_applications import (
    ADULT,
    ANNA,
    DAY,
    JAN,
    ZGIERZ,
    ZYWIEC,
    attach,
    found,
    granted,
    number_of,
    with_,
)
from tests.switch.memory import MASTER_KEY


def test_a_flag_is_given_on_proof() -> None:
    """Zgierz § 8, § 10, § 16, Częstochowa: by a file of its own for each, or seen by an officer; also with a
    renewal or a duplicate that asks for one.
    """
    zgierz = parse_rules(ZGIERZ)
    both = with_(ADULT, tax_year=2025, flags=("family", "senior"))
    for seen, files, lacks in (
        ((), [], ["proof"]),
        ((), ["tax", "other", "photo"], ["proof"]),
        ((), ["entitlement"], ["proof"]),
        (("family",), [], ["proof"]),
        (("family",), ["entitlement"], []),
        ((), ["entitlement", "entitlement"], []),
        (("family", "senior"), [], []),
    ):
        form = with_(both, proofs_seen=seen)
        for kind in ("first", "renewal", "duplicate"):
            assert lacks_of(form, kind, zgierz, DAY, ["tax", *files]) == lacks, (seen, files, kind)
    assert lacks_of(with_(ADULT, tax_year=2025), "first", zgierz, DAY, ["tax"]) == []


async def test_which_rules_were_accepted_is_kept(owner: Database) -> None:
    """Zgierz § 2.1, § 5.12: document, version, day, way and clerk; the application's until its card lies
    ready, the holder's then, and nothing changes or withdraws it. Without it nothing is verified.
    """
    desk = await found(owner, 3, ZGIERZ)
    form = with_(ADULT, tax_year=today().year - 1)
    number = await desk.take(ANNA, "first", "post", with_(form, rules_accepted=False))
    await attach(desk, number, "tax")
    assert ((await desk.show(number)).accepted, (await desk.show(number)).lacks) == (None, ["rules"])
    with pytest.raises(RegistryRefused, match="not whole: rules"):
        await desk.verify(ANNA, number)
    await desk.change(ANNA, number, form)
    first = (await desk.show(number)).accepted
    await desk.change(JAN, number, form, "web")
    assert (await desk.show(number)).accepted == first
    assert first is not None
    document = parse_rules(ZGIERZ).applications.regulations  # type: ignore[union-attr]
    assert tuple(first)[1:] == (document, 1, "desk", today(), "Anna (1)")
    await desk.change(ANNA, number, with_(form, rules_accepted=False))
    assert (await desk.show(number)).accepted is None
    await desk.change(JAN, number, form, "web")
    await desk.verify(ANNA, number)
    await desk.grant(JAN, number)
    await desk.ready(ANNA, number, number_of("96162", 0))
    await desk.hand_over(ANNA, number)
    account = (await desk.show(number)).row["account"]
    await desk.remove(ANNA, number)
    (kept,) = await owner.run(lambda c: list_acceptances(c, account))
    assert tuple(kept) == (document, 1, "web", today())
    for sql in (
        "update people.acceptance set via = 'desk'",
        "update people.acceptance set account = null",
        "delete from people.acceptance",
    ):
        with pytest.raises(StatementRefused, match="stays as it was"):
            await owner.run(lambda c, sql=sql: write_registry(c, sql))
    refused = await desk.take(ANNA, "first", "desk", with_(form, pesel="", born_on=date(1980, 1, 1)))
    await desk.withdraw(ANNA, refused, "person")
    await desk.remove(JAN, refused, "person")
    assert await owner.run(lambda c: c.fetchval("select count(*) from people.acceptance")) == 1
    zywiec = await found(owner, 2, ZYWIEC)
    other = await zywiec.take(ANNA, "first", "desk", ADULT)
    assert (await zywiec.show(other)).accepted is None, "nothing is to be accepted there"


async def test_an_application_accepts_the_rules_that_are_in_force(owner: Database) -> None:
    """One document is taken down and judged by: once the rules have another, nothing is whole until that is
    accepted, too, by a tick of its own; what was verified keeps what it accepted.
    """
    desk = await found(owner, 3, ZGIERZ)
    form = with_(ADULT, tax_year=today().year - 1)
    verified, number = [await desk.take(ANNA, "first", "desk", form) for _ in range(2)]
    for each in (verified, number):
        await attach(desk, each, "tax")
    await desk.verify(ANNA, verified)
    old = parse_rules(ZGIERZ).applications.regulations  # type: ignore[union-attr]
    await in_force(owner, ZGIERZ.replace(old, "Regulamin (1.1.2021)"), 2021)
    view = await desk.show(number)
    assert (view.lacks, view.form) == (["rules"], with_(form, rules_accepted=False))
    assert [each.lacks for each in await desk.due(("received",))] == [["rules"]]
    with pytest.raises(RegistryRefused, match="not whole: rules"):
        await desk.verify(ANNA, number)
    await desk.change(ANNA, number, form)
    view = await desk.show(number)
    assert (view.lacks, view.accepted["document"]) == ([], "Regulamin (1.1.2021)")  # type: ignore[index]
    await desk.grant(JAN, verified)
    await desk.ready(ANNA, verified, number_of("96162", 0))
    view = await desk.show(verified)
    assert (view.accepted["document"], view.form.rules_accepted) == (old, True)  # type: ignore[index, union-attr]


async def test_no_card_lies_ready_for_whom_nothing_accepted(owner: Database) -> None:
    """A tick from before there were rules to be accepted is none; a card is not given by it."""
    new = parse_rules(ZGIERZ).applications.regulations  # type: ignore[union-attr]
    desk = await found(owner, 3, "\n".join(line for line in ZGIERZ.splitlines() if new not in line))
    form = with_(ADULT, tax_year=today().year - 1)
    number, early = await desk.take(ANNA, "first", "desk", form), await granted(desk, "first", form)
    await in_force(owner, ZGIERZ, 2021)
    assert "rules" in (await desk.show(number)).lacks
    with pytest.raises(RegistryRefused, match="rules of the programme were not accepted"):
        await desk.ready(ANNA, early, number_of("96162", 0))
    assert (await desk.show(early)).row["state"] == "granted"


async def in_force(owner: Database, text: str, year: int) -> None:
    """A city's rules have another version since a year."""
    since, rules = datetime(year, 1, 1, tzinfo=UTC), parse_rules(text)
    steps = rules.holders and kind_steps(rules.holders.bands(), rules.holders.overlap or "both")
    await owner.run(
        lambda c: add_rules(
            c, TESTER, programme=3, effective_from=since, rules_toml=text, kind_steps=steps or ()
        )
    )


@pytest.mark.parametrize("status", [CardStatus.RESIGNED, CardStatus.CLOSED, CardStatus.VOID])
async def test_whose_contract_ended_may_apply_again(owner: Database, status: CardStatus) -> None:
    """Zgierz § 7, § 28, § 31: once, by a new account; the old one stays as it is, and its erasure leaves
    nothing by which older copies of it could be told by the number.
    """
    desk, vault = await found(owner, 3, ZGIERZ), MASTER_KEY.vault
    form = with_(ADULT, tax_year=today().year - 1)
    tokens = [MASTER_KEY.pepper(3).token(number_of("96162", n)) for n in range(2)]
    first = await granted(desk, "first", form)
    await desk.ready(ANNA, first, number_of("96162", 0))
    await desk.hand_over(ANNA, first)
    old = (await desk.show(first)).row["account"]
    hand = Hand.ORGANISER if status is CardStatus.VOID else Hand.HOLDER_DESK
    await owner.run(lambda c: end_contract(c, TESTER._replace(hand=hand), tokens[0], status))
    again = await granted(desk, "first", form)
    await desk.ready(ANNA, again, number_of("96162", 1))
    await desk.hand_over(ANNA, again)
    new = (await desk.show(again)).row["account"]
    third = await desk.take(ANNA, "first", "web", form)
    await attach(desk, third, "tax")
    with pytest.raises(RegistryRefused, match="account already"):
        await desk.verify(ANNA, third)
    states = [(await owner.run(lambda c, t=token: find_card(c, t)))["status"] for token in tokens]
    assert (new != old, states) == (True, [status, CardStatus.ACTIVE])
    for account in (old, new):
        person = await owner.run(lambda c, a=account: find_person(c, vault, a))
        assert person is not None
        assert (person.name, person.pesel) == (form.name, form.pesel)
    searched = HolderFile(owner, MASTER_KEY, 3)
    assert [one.account for one in await searched.find(form.pesel)] == [new, old]
    basket = "select key from people.token_key where basket = $1"
    was = await owner.run(lambda c: c.fetchval(basket, vault.basket(form.pesel)))
    await owner.run(lambda c: anonymise(c, TESTER._replace(reason="asked for it"), vault, tokens[0]))
    assert await owner.run(lambda c: accounts_of_pesel(c, vault, 3, form.pesel)) == [new]
    with pytest.raises(HolderErased):
        vault.mac(was, form.pesel)


async def test_whose_card_nobody_wanted_is_nobody_s_holder(owner: Database) -> None:
    """Withdrawn when the card lies ready, its account ends: the same person may apply again. What the desk
    removes then is who was added, too; another account of the same person's stays.
    """
    desk = await found(owner, 3, ZGIERZ)
    form = with_(ADULT, tax_year=today().year - 1)
    first = await granted(desk, "first", form)
    await desk.ready(ANNA, first, number_of("96162", 0))
    account = (await desk.show(first)).row["account"]
    await desk.withdraw(JAN, first, "telephone")
    states = await owner.run(
        lambda c: c.fetch("select status from registry.card where account = $1", account)
    )
    assert [row["status"] for row in states] == [CardStatus.CLOSED]
    again = await granted(desk, "first", form)
    await desk.ready(ANNA, again, number_of("96162", 1))
    kept = (await desk.show(again)).row["account"]
    await desk.remove(ANNA, first, "telephone")
    vault = MASTER_KEY.vault
    assert await owner.run(lambda c: find_person(c, vault, account)) is None
    still = await owner.run(lambda c: find_person(c, vault, kept))
    assert still is not None
    assert still.name == ADULT.name


async def test_an_erasure_takes_the_accounts_that_ended(owner: Database) -> None:
    """Zgierz § 19.9, § 38: nobody is known any more, neither by the account that goes on nor by an older one,
    whose keys are gone, too; also where another of the basket was erased in between.
    """
    desk, vault = await found(owner, 3, ZGIERZ), MASTER_KEY.vault
    form = with_(ADULT, tax_year=today().year - 1)
    tokens = [MASTER_KEY.pepper(3).token(number_of("96162", n)) for n in range(3)]
    accounts = []
    for n, token in enumerate(tokens):
        number = await granted(desk, "first", form)
        await desk.ready(ANNA, number, number_of("96162", n))
        await desk.hand_over(ANNA, number)
        accounts.append((await desk.show(number)).row["account"])
        if token != tokens[-1]:
            by = TESTER._replace(hand=Hand.HOLDER_DESK)
            await owner.run(lambda c, t=token, by=by: end_contract(c, by, t, CardStatus.RESIGNED))

    async def renew(c: Connection) -> None:
        async with writing(c, TESTER):
            await renew_basket(c, vault, 3, vault.basket(form.pesel))

    await owner.run(renew)
    assert sorted(await owner.run(lambda c: accounts_of_pesel(c, vault, 3, form.pesel))) == accounts
    await owner.run(lambda c: anonymise(c, TESTER._replace(reason="asked for it"), vault, tokens[-1]))
    assert await owner.run(lambda c: accounts_of_pesel(c, vault, 3, form.pesel)) == []
    for account in accounts:
        assert await owner.run(lambda c, a=account: find_person(c, vault, a)) is None
    assert set(accounts) <= {one.account for one in vault.destroyed()}


async def test_whoever_comes_of_age_before_the_card_has_no_guardian(
    owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Żywiec § 3: who applied for a child acts for nobody who is eighteen as the card lies ready."""
    desk = await found(owner, 2, ZYWIEC)
    young = with_(ADULT, pesel="", born_on=date(2008, 11, 27), guardian="Maria", co_signed=True)
    for number, (day, names) in enumerate(((date(2026, 11, 26), ["Maria"]), (date(2026, 11, 27), []))):
        monkeypatch.setattr("ops.office.applications.today", lambda _version: date(2026, 11, 26))
        application = await granted(desk, "first", young)
        monkeypatch.setattr("ops.office.applications.today", lambda _version, day=day: day)
        digits = number_of("96161", number)
        await desk.ready(ANNA, application, digits)
        token = MASTER_KEY.pepper(2).token(digits)
        _, who = await owner.run(lambda c, token=token: list_agreements(c, MASTER_KEY.vault, token))
        assert [row["name"] for row in who] == names
