"""What is changed on file after an application was written stays, field by field; the rest is written."""

from collections.abc import Mapping
from typing import Any

import pytest

from ledger.postgres.database import Connection, Database
from ledger.registry.agreements import (
    end_representative,
    give_consent,
    list_agreements,
    withdraw_consent,
)
from ledger.registry.holders import find_holder, set_flags
from ledger.registry.people import Person, change_person, find_person
from ops.office.applications import ApplicationDesk
from ops.office.file_since import Differing, differing, words_of
from ops.office.forms import Form
from tests.days import today
from tests.ops.test_applications import (
    ADULT,
    ANNA,
    JAN,
    ZGIERZ,
    a_year_ago,
    attach,
    found,
    granted,
    number_of,
    with_,
)
from tests.switch.memory import MASTER_KEY

TOKEN, SECOND = (MASTER_KEY.pepper(3).token(number_of("96162", n)) for n in (0, 9))
VAULT = MASTER_KEY.vault
OLD: Mapping[str, Any] = {"email": "old@poczta.example", "phone": "600100100", "address": "Stara 1"}


async def a_holder(owner: Database, **form: Any) -> tuple[ApplicationDesk, int]:
    """A desk, and the account of a holder whose card was collected."""
    desk = await found(owner, 3, ZGIERZ)
    number = await granted(desk, "first", with_(ADULT, tax_year=today().year - 1, **form))
    await desk.ready(ANNA, number, number_of("96162", 0))
    await desk.hand_over(ANNA, number)
    return desk, (await desk.show(number)).row["account"]


async def put(owner: Database, **changes: Any) -> None:
    """Change what is on file of the holder."""
    await owner.run(lambda c: change_person(c, JAN, VAULT, TOKEN, changes))


async def person_of(owner: Database, account: int) -> Person:
    """Who the holder is by now."""
    person = await owner.run(lambda c: find_person(c, VAULT, account))
    assert person is not None
    return person


async def test_a_duplicate_puts_nothing_back_that_was_changed_since(owner: Database) -> None:
    """E-mail and telephone changed after the application stay; its address, and nothing else, is written."""
    desk, account = await a_holder(owner)
    number = await desk.take(ANNA, "duplicate", "desk", Form(why="changed-data", **OLD), account=account)
    await put(owner, email="new@poczta.example", phone="600200200")
    view = await desk.show(number)
    assert [(each.field, each.stands, each.is_written) for each in view.differing] == [
        ("address", ADULT.address, True),
        ("phone", "600200200", False),
        ("email", "new@poczta.example", False),
    ]
    await desk.verify(ANNA, number)
    await desk.grant(JAN, number)
    await desk.ready(ANNA, number, number_of("96162", 9))
    person = await person_of(owner, account)
    assert (person.email, person.phone, person.address) == ("new@poczta.example", "600200200", "Stara 1")
    assert not (await desk.show(number)).differing


async def test_a_word_put_anew_counts_from_then(owner: Database) -> None:
    """Changed on file, then put anew in the application: it is written; words that stayed are as old as they
    were.
    """
    desk, account = await a_holder(owner)
    form = Form(why="changed-data", **OLD)
    number = await desk.take(ANNA, "duplicate", "desk", form, account=account)
    await put(owner, email="new@poczta.example", phone="600200200")
    await desk.change(ANNA, number, with_(form, email="newest@poczta.example"))
    await desk.verify(ANNA, number)
    await desk.grant(JAN, number)
    await desk.ready(ANNA, number, number_of("96162", 9))
    person = await person_of(owner, account)
    assert (person.email, person.phone, person.address) == ("newest@poczta.example", "600200200", "Stara 1")


async def test_what_was_taken_away_since_is_not_given_again(owner: Database) -> None:
    """A flag, the need of a guardian, the guardian and the newsletter, taken away after a renewal was asked
    for, stay away when it is granted.
    """
    desk, account = await a_holder(
        owner, flags=("family",), proofs_seen=("family",), needs_guardian=True, guardian="Opiekun"
    )
    await a_year_ago(owner)
    said = Form(
        tax_year=today().year - 1, flags=("family",), proofs_seen=("family",), needs_guardian=True,
        guardian="Opiekun", consent_newsletter=True, phone="600100100",
    )  # fmt: skip
    number = await desk.take(ANNA, "renewal", "desk", said, account=account)

    async def take_away(c: Connection) -> None:
        await set_flags(c, JAN, TOKEN, flags=0, guardian=False)
        _, (who,) = await list_agreements(c, VAULT, TOKEN)
        await end_representative(c, JAN, TOKEN, who["number"])
        await withdraw_consent(c, JAN, TOKEN, "newsletter")

    await owner.run(take_away)
    for kind in ("photo", "tax"):
        await attach(desk, number, kind)
    await desk.verify(ANNA, number)
    await desk.grant(JAN, number)
    holder = await owner.run(lambda c: find_holder(c, account))
    assert holder is not None
    assert (holder["flags"], holder["guardian"]) == (0, False)
    consents, who = await owner.run(lambda c: list_agreements(c, VAULT, TOKEN))
    assert [row["kind"] for row in consents if row["withdrawn_at"] is None] == ["data"]
    assert who == []
    assert (await person_of(owner, account)).phone == "600100100"


async def test_a_consent_given_and_withdrawn_since_is_not_given_again(owner: Database) -> None:
    """Not given when the application said it, given and withdrawn after: the withdrawal is what came last."""
    desk, account = await a_holder(owner, consent_newsletter=False)
    number = await desk.take(ANNA, "duplicate", "desk", Form(consent_newsletter=True), account=account)
    await owner.run(lambda c: give_consent(c, JAN, TOKEN, "newsletter"))
    await owner.run(lambda c: withdraw_consent(c, JAN, TOKEN, "newsletter"))
    await desk.verify(ANNA, number)
    await desk.grant(JAN, number)
    await desk.ready(ANNA, number, number_of("96162", 9))
    consents, _ = await owner.run(lambda c: list_agreements(c, VAULT, SECOND))
    assert [row["kind"] for row in consents if row["withdrawn_at"] is None] == ["data"]


STOOD = {
    "email": "a@poczta.example",
    "phone": "600100100",
    "channel": "",
    "pesel": "",
    "born_on": "1980-01-01",
}


@pytest.mark.parametrize(
    ("form", "file", "written"),
    [
        ({"email": "b@poczta.example"}, {}, ["email"]),
        ({"email": "b@poczta.example"}, {"phone": ""}, ["email"]),
        ({"email": "b@poczta.example"}, {"email": "c@poczta.example"}, []),
        ({"email": "b@poczta.example"}, {"email": "b@poczta.example"}, []),
        ({"channel": "phone"}, {}, ["channel"]),
        ({"channel": "phone"}, {"phone": ""}, []),
        ({"channel": "phone", "phone": "600300300"}, {"phone": ""}, []),
        ({"channel": "phone", "phone": "600300300"}, {}, ["channel", "phone"]),
        ({"channel": "email", "phone": "600300300"}, {"phone": "600400400"}, ["channel"]),
        ({"pesel": "80010112345"}, {}, ["pesel"]),
        ({"pesel": "80010112345"}, {"born_on": "1981-01-01"}, []),
        ({"pesel": "80010112345"}, {"pesel": "81010112345", "born_on": "1981-01-01"}, []),
    ],
)
def test_fields_that_go_together_stay_together(
    form: dict[str, Any], file: dict[str, str], written: list[str]
) -> None:
    """A channel whose address went is not written, nor a PESEL beside a date of birth that was changed."""
    said = Form(**form, stood=STOOD)
    found_ = differing(said, {**STOOD, **file})
    assert sorted(each.field for each in found_ if each.is_written) == written


def test_of_what_is_not_known_nothing_is_written_over() -> None:
    """A form that keeps nothing of what stood writes nothing."""
    said = Form(email="b@poczta.example", consent_newsletter=True)
    assert words_of(said) == {"email": "b@poczta.example", "consent_newsletter": "yes"}
    assert differing(said, {"email": "a@poczta.example"}) == [
        Differing("email", "b@poczta.example", "a@poczta.example", is_written=False),
        Differing("consent_newsletter", "yes", "", is_written=False),
    ]
