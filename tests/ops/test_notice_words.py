"""What a notice says, and to which addresses one may go."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.registry.contact import email_address, email_fault, phone_number
from ops.notices.words import KINDS, LANGUAGES, SMS_CHARACTERS_MAX, TEXTS, Facts, render


@given(st.text(max_size=60) | st.from_regex(r"[ -~]{1,20}@[ -~]{1,20}", fullmatch=True))
def test_an_address_is_one_address(text: str) -> None:
    """Whatever is kept of a person: an address for sending is empty, or one plain local part and host."""
    found = email_address(text)
    assert found == "" or re.fullmatch(r"[!#$%&'*+/=?^_`{|}~.\w-]+@[A-Za-z0-9.-]+", found, re.ASCII)
    assert re.fullmatch(r"(\+[0-9]{9,15})?", phone_number(text))


@given(st.text(max_size=60) | st.from_regex(r"[ -~]{1,20}@[ -~]{1,20}", fullmatch=True))
def test_what_is_kept_as_an_address_can_be_sent_to(text: str) -> None:
    """Of a person no address is taken that nothing could be sent to."""
    assert email_fault(text) or not text or email_address(text)


@pytest.mark.parametrize(
    ("typed", "is_one"),
    [("", True), ("a@b.pl", True), ("ala.kot+karta@poczta.example.org", True), ("a@żywiec.pl", True),
     ("a@b", False), ("test@localhost", False), ("ż@b.pl", False), ("a@@b.pl", False), (" a@b.pl", False),
     ("a..b@b.pl", False), ("a@b..pl", False), ("a@b.pl>", False), ("a" * 65 + "@b.pl", False)],
)  # fmt: skip
def test_an_address_of_a_person_names_a_domain(typed: str, is_one: bool) -> None:
    """The one rule wherever an address of somebody is typed, imported or applied with."""
    assert (email_fault(typed) == "") == is_one


def test_what_ends_a_contract_is_told_and_what_takes_that_back() -> None:
    """Whichever hand did it: a resignation that nobody asked for is found by who it ended."""
    taken = {f"holder.{what}_{done}" for what in ("notice", "objection") for done in ("given", "withdrawn")}
    assert {*taken, "holder.resigned"} <= KINDS


@pytest.mark.parametrize("kind", TEXTS)
def test_every_notice_says_the_same_in_both_languages(kind: str) -> None:
    """Each kind has a subject, a body and an SMS of one message in plain letters; a day stands in both."""
    field = TEXTS[kind][0]
    data = {field: "2027-05-31"} if field else {}
    facts = Facts("Karta Mieszkańca Żywca " + "x" * 41, "Anna", "POK 1", "https://example.org/")
    for language, day in zip(LANGUAGES, ("31.05.2027", "31 May 2027"), strict=True):
        text = render(kind, data, facts, language)
        assert len(text.sms) <= SMS_CHARACTERS_MAX
        assert text.sms.isascii()
        assert not re.search(r"[{}]", "".join(text))
        assert ((day in text.subject + text.body) and (day in text.sms)) == bool(field)
        assert "Anna" in text.body
        assert "Anna" not in text.sms


@pytest.mark.parametrize(
    ("kind", "data"),
    [("card.lost", {}), ("holder.renewal_due", {}), ("holder.renewal_due", {"entitled_until": "soon"}),
     ("holder.renewal_due", {"entitled_until": 7})],
)  # fmt: skip
def test_what_cannot_be_said_is_not_sent(kind: str, data: dict[str, Any]) -> None:
    """A kind without words, or a day that is none, makes no notice."""
    with pytest.raises(ValueError, match=r"."):
        render(kind, data, Facts("X"), "pl")


@pytest.mark.parametrize(
    ("typed", "sent_to"),
    [
        ("600 100 200", "+48600100200"),
        ("0048 600100200", "+48600100200"),
        ("+48600100200", "+48600100200"),
        ("0221234567", ""),
        ("+0600100200", ""),
    ],
)
def test_a_number_begins_with_its_country_or_is_of_poland(typed: str, sent_to: str) -> None:
    """Two zeros stand for the plus; no number begins with a zero else."""
    assert phone_number(typed) == sent_to
