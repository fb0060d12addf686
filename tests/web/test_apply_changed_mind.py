"""Applying on line by who goes back: what another answer makes meaningless does not go on to the desk."""

import re
from datetime import date

import pytest

from ledger.errors import RegistryRefused
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form, check_form
from ops.web.holder.apply_form import FIELDS, form_of_typed, typed_of
from switch.rules.programme import parse_rules
from tests.ops.test_applications import ADULT, ZYWIEC, with_
from tests.web.office_stage import OfficeStage
from tests.web.test_apply import GOOD, Applicant, invited, number_at, pickup

DAY = date(2026, 11, 27)
MOTHER = {"guardian": "Maria Mała", "guardian_phone": "600100200"}


def fields_in(page: str) -> dict[str, str]:
    """What a browser would send of a page: the fields that it shows, and the hidden ones."""
    found = re.findall(r'<input [^>]*name="(\w+)"[^>]*value="([^"]*)"', page)
    return {name: value for name, value in found if name in FIELDS}


def step(applicant: Applicant, page: str, number: int, go: str = "next", **typed: str) -> str:
    said = {**fields_in(page), **typed}
    return applicant.client.post(applicant.form, step=str(number), go=go, **said).text


def test_an_adult_who_first_said_a_child_is_nobody_s_ward(office: OfficeStage) -> None:
    """A guardian was typed, then the card is for oneself: no field of it is shown, none comes to the desk."""
    applicant = invited(office, "zmiana@example.org")
    desk = pickup(office, applicant)
    first = {name: GOOD[name] for name in ("name",)} | {"pesel": "", "born_on": "2019-05-06"}
    second = {name: GOOD[name] for name in ("address", "phone", "channel")} | {"pickup": desk}
    page = step(applicant, "", 1, **first, whose="child")
    assert 'id="guardian"' in page
    page = step(applicant, page, 2, **second, **MOTHER)
    page = step(applicant, step(applicant, page, 3, "back"), 2, "back", **second, **MOTHER)
    page = step(applicant, page, 1, **first | {"born_on": "1981-02-03"}, whose="self")
    assert 'id="guardian"' not in page
    page = step(applicant, page, 2, **second)
    assert "Step 3 of 3" in page
    said = {**fields_in(page), "consent_data": "yes", "rules_accepted": "yes", "tax_year": "2025"}
    reply = applicant.client.post(applicant.form, step="3", go="next", **said)
    assert reply.status == 303, reply.text
    path = reply.header("location").partition("?")[0]
    number, at = number_at(applicant.client, path), office.offices[3]
    shop = ApplicationDesk(at.database, office.master, 3)

    async def show(_owner: object) -> Form | None:
        return (await shop.show(number)).form

    form = office.run(show)
    assert form is not None
    assert (form.guardian, form.guardian_phone, form.guardian_email) == ("", "", "")
    page = applicant.client.get(f"{path}/data").text
    assert re.search(r'value="self" checked', page)


def test_a_later_step_s_field_is_judged_where_it_is_shown(office: OfficeStage) -> None:
    """Typed wrongly and gone back from, a telephone stops nobody at a step that has no field of it."""
    applicant = invited(office, "wstecz@example.org")
    first = {name: GOOD[name] for name in ("whose", "name", "pesel", "born_on")}
    page = step(applicant, step(applicant, "", 1, **first), 2, "back", phone="abc", tax_year="x")
    assert "Step 1 of 3" in page
    page = step(applicant, page, 1, **first)
    assert "Step 2 of 3" in page
    assert 'role="alert"' not in page
    assert 'role="alert"' in step(applicant, page, 2, address="Rynek 1", channel="sms", phone="abc")


@pytest.mark.parametrize(
    ("whose", "born", "is_kept", "shown"),
    [
        ("self", "1981-02-03", False, "self"),
        ("self", "2012-02-03", True, "child"),
        ("child", "2012-02-03", True, "child"),
        ("ward", "1981-02-03", True, "ward"),
    ],
)
def test_a_guardian_is_named_where_one_is_asked_for(whose: str, born: str, is_kept: bool, shown: str) -> None:
    """Under the age of the rules, or for whom one acts whatever the age; shown again it says the same."""
    rules = parse_rules(ZYWIEC)
    typed = {**dict.fromkeys(FIELDS, ""), **MOTHER, "whose": whose, "name": "Jan", "born_on": born}
    form = form_of_typed(typed, "a@b.example", rules, DAY)
    assert bool(form.guardian) is bool(form.guardian_phone) is bool(form.guardian_email) is is_kept
    assert typed_of(form, rules, DAY)["whose"] == shown


def test_whoever_has_come_of_age_is_no_child_by_a_guardian_alone() -> None:
    """A form that names one, corrected after the birthday, is shown as one's own."""
    young = with_(ADULT, pesel="", born_on=date(2008, 11, 27), guardian="Maria")
    rules = parse_rules(ZYWIEC)
    assert typed_of(young, rules, date(2026, 11, 26))["whose"] == "child"
    assert typed_of(young, rules, DAY)["whose"] == "self"


def test_a_desk_names_no_guardian_of_an_adult_who_needs_none() -> None:
    """Żywiec § 3, Zgierz § 12: one under 18, or for whom a guardian acts whatever the age."""
    rules = parse_rules(ZYWIEC)
    with pytest.raises(RegistryRefused, match="guardian is of whoever is under 18"):
        check_form(with_(ADULT, guardian="Maria"), "first", rules, DAY)
    for form in (
        with_(ADULT, guardian="Maria", needs_guardian=True),
        with_(ADULT, guardian="Maria", pesel="", born_on=date(2012, 1, 1)),
        with_(ADULT, guardian="Maria", pesel=""),
    ):
        check_form(form, "first", rules, DAY)
    check_form(with_(ADULT, guardian="Maria"), "renewal", rules, DAY)
