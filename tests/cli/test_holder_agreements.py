"""What holders agreed to and who may act for them: kept with the person, and gone with the person."""

import json
from datetime import datetime
from typing import Any

import pytest
import trio

from ledger.postgres.database import open_database
from ops.exit_codes import Exit
from tests.cli.office import SURE, Run, card
from tests.ledger.books import write_registry

DOCUMENT = "Regulamin (1.1.2026)"
ACCEPTED = (
    "insert into people.acceptance (application, account, accepted_on, programme, version, document, via) "
    f"select 1, account, '2026-01-02', programme, 1, '{DOCUMENT}', 'web' from people.person"
)


@pytest.fixture
def known(run: Run) -> Run:
    """A card whose holder is known, and one of nobody."""
    for number in (1, 2):
        assert run("cards", "add", typed=card(number))[0] == Exit.OK
    assert run("holders", "add", typed=f"{card(1)}\nname: Zażółć Gęślą\n")[0] == Exit.OK
    return run


def agreements(run: Run) -> dict[str, Any]:
    """What `holders agreements` tells."""
    found: dict[str, Any] = json.loads(run("holders", "agreements", "--json", typed=card(1))[1])
    return found


def test_a_consent_is_given_and_withdrawn(known: Run) -> None:
    """Zgierz § 13, § 14: both moments are kept, of each time on one day; what is given is not given again,
    nor withdrawn twice.
    """
    assert known("holders", "consent", "newsletter", typed=card(1))[0] == Exit.OK
    assert known("holders", "consent", "newsletter", typed=card(1))[0] == Exit.USAGE
    assert known("holders", "consent", "newsletter", "--withdraw", typed=card(1))[0] == Exit.OK
    assert known("holders", "consent", "newsletter", "--withdraw", typed=card(1))[0] == Exit.NOT_FOUND
    (once,) = agreements(known)["consents"]
    assert once["kind"] == "newsletter"
    assert datetime.fromisoformat(once["given_at"]) < datetime.fromisoformat(once["withdrawn_at"])
    assert known("holders", "consent", "newsletter", typed=card(1))[0] == Exit.OK
    again, first = agreements(known)["consents"]
    assert (first, again["withdrawn_at"]) == (once, None)
    assert again["given_at"] > once["withdrawn_at"]
    assert known("holders", "consent", "everything", typed=card(1))[0] == Exit.USAGE
    assert known("holders", "consent", "data", typed=card(2))[0] == Exit.NOT_FOUND


def test_the_consent_that_a_card_needs_is_not_withdrawn(known: Run) -> None:
    """Zgierz § 13: not before the contract ends; whoever asks is told what ends it."""
    assert known("holders", "consent", "data", typed=card(1))[0] == Exit.OK
    status, _, err = known("holders", "consent", "data", "--withdraw", typed=card(1))
    assert (status, "ends by a resignation" in err) == (Exit.USAGE, True)
    assert agreements(known)["consents"][0]["withdrawn_at"] is None
    assert known("cards", "resign", *SURE, typed=card(1))[0] == Exit.OK
    assert known("holders", "consent", "data", "--withdraw", typed=card(1))[0] == Exit.OK
    assert agreements(known)["consents"][0]["withdrawn_at"] is not None


def test_who_may_act_for_a_holder_is_kept_and_ended(known: Run) -> None:
    """Zgierz § 12, § 24: a proxy, a guardian, each by a number; no message repeats a name."""
    typed = f"{card(1)}\nOpiekun Źdźbło\n600100200\n"
    status, out, err = known("holders", "represent", "--role", "guardian", typed=typed)
    assert (status, "Źdźbło" in out + err) == (Exit.OK, False)
    assert known("holders", "represent", "--role", "proxy", typed=f"{card(1)}\nB\n")[0] == Exit.OK
    found = agreements(known)["representatives"]
    assert [(row["number"], row["role"], row["name"]) for row in found] == [
        (1, "guardian", "Opiekun Źdźbło"),
        (2, "proxy", "B"),
    ]
    assert known("holders", "represent", "--end", "1", typed=card(1))[0] == Exit.OK
    assert known("holders", "represent", "--end", "1", typed=card(1))[0] == Exit.NOT_FOUND
    for wrong in (("--role", "friend"), ("--until", "someday")):
        assert known("holders", "represent", *wrong, typed=f"{card(1)}\nC\n")[0] == Exit.USAGE
    assert known("holders", "represent", typed=f"{card(1)}\n")[0] == Exit.USAGE


def test_which_rules_a_holder_accepted_is_told(known: Run, ledger_dsn: str) -> None:
    """Zgierz § 2.1: document, version, way and day, in JSON and in the lines; of nobody else, and gone with
    the person.
    """
    assert agreements(known)["accepted"] == []
    trio.run(accept, ledger_dsn)
    row = {"document": DOCUMENT, "version": 1, "via": "web", "accepted_on": "2026-01-02"}
    assert agreements(known)["accepted"] == [row]
    assert DOCUMENT in known("holders", "agreements", typed=card(1))[1]
    assert known("holders", "anonymise", *SURE, typed=card(1))[0] == Exit.OK
    assert agreements(known)["accepted"] == []


async def accept(dsn: str) -> None:
    """The holder's application accepted the rules."""
    async with open_database(dsn) as database:
        await database.run(lambda c: write_registry(c, ACCEPTED))


def test_all_of_it_goes_with_the_person(known: Run) -> None:
    """Anonymised, nobody is left who agreed or acts."""
    known("holders", "consent", "data", typed=card(1))
    known("holders", "represent", typed=f"{card(1)}\nB\n")
    assert known("holders", "anonymise", *SURE, typed=card(1))[0] == Exit.OK
    found = agreements(known)
    assert (found["consents"], found["representatives"]) == ([], [])
