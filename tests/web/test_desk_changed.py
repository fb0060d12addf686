"""A step, and what a form stores, is of the application that the officer was shown: one that changed since is
looked at again, and nothing is lost of what was typed.
"""

import re

import pytest

from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards
from tests.ops.uploads import png
from tests.web.desk_counter import NOBODY, PERSON, PROGRAMME, number, send, take
from tests.web.office_stage import TESTER, Client, OfficeStage
from tests.web.shown_forms import forms_of
from tests.web.test_apply import GOOD, number_at, pickup_of, send_file, sent
from tests.web.test_desk_seen import said
from tests.web.test_refused_forms import shown

SAID = {**GOOD, "pesel": "", "born_on": "1981-02-03"}


class Both:
    """An application on line, as its applicant and as an officer deal with it."""

    def __init__(self, office: OfficeStage, officer: Client, address: str) -> None:
        self.officer = officer
        self.applicant, self.own = sent(office, address, pesel="", born_on=SAID["born_on"])
        assert send_file(self.applicant, self.own, png(), "tax") == 303
        self.path = f"/en/desk/applications/{number_at(self.applicant, self.own)}"

    def put(self, **changes: str) -> None:
        """Let the applicant put it anew."""
        page = self.applicant.get(f"{self.own}/data").text
        fields = {**SAID, "pickup": pickup_of(page), **changes}
        assert self.applicant.post(f"{self.own}/data", **fields).status == 303

    def looked(self) -> str:
        return self.officer.get(self.path).text


def sent_with(page: str, act: str = "", action: str = "") -> dict[str, str]:
    """What a form of the page sends unseen."""
    for form in forms_of(page):
        if form.action.endswith(action) and form.act == act:
            return {name: value for name, value in form.fields if name in ("act", "csrf", "digest")}
    raise AssertionError(f"no form {action} {act}")


def is_changed(reply: object, told: str = "it has changed since you opened it: look at it again") -> bool:
    return (reply.status, told in reply.text) == (409, True)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def officer(office: OfficeStage) -> Client:
    """A clerk at no desk."""
    office.officer(3, "looks-again", "clerk", desk="")
    return office.signed_in("zgierz", "looks-again")


def test_a_step_is_carried_out_on_what_was_shown(office: OfficeStage, officer: Client) -> None:
    """Data put anew, or a file more, after the page was opened: no step is carried out; on the page that says
    so it is.
    """
    it = Both(office, officer, "step@changes.example")
    for n, act in enumerate(("verify", "call", "refuse", "withdraw")):
        for put in (
            lambda n=n: it.put(name=f"Jan {'ABCD'[n]}"),
            lambda: send_file(it.applicant, it.own, png(), "tax"),
        ):
            form = sent_with(it.looked(), act)
            put()
            reply = officer.post(it.path, **form, reason="typed at length", told="person")
            assert is_changed(reply), act
            assert ("typed at length</textarea>" in reply.text) == (act in ("call", "refuse", "withdraw"))
            assert '<dd id="state">received</dd>' in reply.text
    assert officer.post(it.path, **sent_with(reply.text, "verify")).status == 303
    assert said(it.looked())["name"] == "Jan D"


def test_what_is_called_is_refused_as_it_is_by_then(office: OfficeStage, officer: Client) -> None:
    """A file that came while the page was open; a step that another officer was quicker with, in Polish."""
    it = Both(office, officer, "called@changes.example")
    assert officer.post(it.path, **sent_with(it.looked(), "call"), reason="The photo?").status == 303
    form = sent_with(it.looked(), "refuse")
    assert send_file(it.applicant, it.own, png(), "other") == 303
    assert is_changed(officer.post(it.path, **form, reason="No photo."))
    form = sent_with(it.looked(), "withdraw")
    assert officer.post(it.path, **sent_with(it.looked(), "complete")).status == 303
    told = "wniosek zmienił się od czasu, gdy go otwarto: proszę obejrzeć go jeszcze raz"
    assert is_changed(officer.post(it.path.replace("/en/", "/pl/"), **form, told="person"), told)


def test_a_step_says_what_was_shown(office: OfficeStage, officer: Client) -> None:
    """What names no application that was shown, or another's, is no step."""
    it, other = (Both(office, officer, f"{n}@shown.example") for n in ("one", "two"))
    form = sent_with(it.looked(), "withdraw")
    for digest in ("", "0" * 64, sent_with(other.looked(), "withdraw")["digest"]):
        assert is_changed(officer.post(it.path, **{**form, "told": "person", "digest": digest}))
    assert officer.post(it.path, **form, told="person").status == 303


def test_each_step_up_to_the_card_is_of_what_was_shown(office: OfficeStage, officer: Client) -> None:
    """The form that is served says what it showed and is taken; the same without is no step."""
    card = number(61)
    made = CardRow(office.master.pepper(PROGRAMME).token(card), card[-4:], None, CardStatus.ORDERED)
    office.run(lambda owner: owner.run(lambda c: import_cards(c, TESTER, PROGRAMME, [made])))
    path = take(officer, **NOBODY)
    officer.get(path)
    assert send(officer, f"{path}/files", png()).status == 303
    for act in ("verify", "grant", "ready", "collect"):
        form = {**sent_with(officer.get(path).text, act), "card": card}
        assert is_changed(officer.post(path, **{**form, "digest": ""})), act
        assert officer.post(path, **form).status == 303, act


def test_the_letter_that_was_shown_is_the_one_that_goes(office: OfficeStage, officer: Client) -> None:
    """Asked for on a page of a call, once it is refused: no letter waits that nobody saw."""
    it = Both(office, officer, "letter@changes.example")
    assert officer.post(it.path, **sent_with(it.looked(), "call"), reason="The photo?").status == 303
    form = sent_with(it.looked(), "mail")
    assert officer.post(it.path, **sent_with(it.looked(), "refuse"), reason="No photo.").status == 303
    assert is_changed(officer.post(it.path, **form))
    assert officer.post(it.path, **sent_with(it.looked(), "mail")).status == 303


def test_ticks_are_stored_of_the_form_that_was_shown(office: OfficeStage, officer: Client) -> None:
    """Somebody else's data by then: no tick is stored; what was typed stands in the form, and beside it what
    the application says by now.
    """
    it = Both(office, officer, "ticks@changes.example")
    form = sent_with(it.looked(), action="/form")
    it.put(name="Jan Inny", born_on="1990-09-09")
    typed = {**PERSON, **NOBODY, "name": "Jan Urzędowy", "flags": "family", "proofs_seen": "family"}
    reply = officer.post(f"{it.path}/form", **{**typed, **form, "born_on": "1980-02-31"})
    assert reply.status == 400
    assert sent_with(reply.text, action="/form")["digest"] == form["digest"], "nobody was shown another"
    assert sent_with(reply.text, "verify")["digest"] == form["digest"]
    reply = officer.post(f"{it.path}/form", **{**typed, **form, "co_signed": "yes"})
    assert is_changed(reply)
    assert shown(reply.text, "name") == "Jan Urzędowy"
    for box in ("co_signed", "flag_family", "seen_family"):
        assert re.search(rf'<input id="{box}"[^>]* checked', reply.text), box
        assert not re.search(rf'<input id="{box}"[^>]* checked', it.looked()), box
    assert said(reply.text)["name"] == "Jan Inny"
    assert shown(it.looked(), "name") == "Jan Inny"
    again = {**typed, **sent_with(reply.text, action="/form")}
    assert officer.post(f"{it.path}/form", **again).status == 303
    assert shown(it.looked(), "name") == "Jan Urzędowy"


def test_whoever_applied_writes_over_nothing_unseen(office: OfficeStage, officer: Client) -> None:
    """Put anew at the desk while the applicant typed: told, with what it says now beside what was typed."""
    it = Both(office, officer, "over@changes.example")
    page = it.applicant.get(f"{it.own}/data").text
    typed = {**SAID, "pickup": pickup_of(page), "name": "Jan Dwojga Imion"}
    at_the_desk = {**PERSON, **NOBODY, "address": "Nowa 7", **sent_with(it.looked(), action="/form")}
    assert officer.post(f"{it.path}/form", **at_the_desk).status == 303
    reply = it.applicant.post(f"{it.own}/data", **{**typed, "name": ""})
    assert reply.status == 400
    assert sent_with(reply.text, action="/data")["digest"] == sent_with(page, action="/data")["digest"]
    reply = it.applicant.post(f"{it.own}/data", **typed)
    assert (reply.status, "has changed since this page was opened" in reply.text) == (400, True)
    assert shown(reply.text, "name") == "Jan Dwojga Imion"
    assert "<dd>Nowa 7</dd>" in reply.text
    assert shown(it.looked(), "address") == "Nowa 7"
    polish = it.applicant.post(f"{it.own}/data".replace("/en/", "/pl/"), **typed, digest="")
    assert (polish.status, "Wniosek zawiera teraz" in polish.text) == (400, True)
    assert it.applicant.post(f"{it.own}/data", **typed).status == 303
    assert shown(it.looked(), "name") == "Jan Dwojga Imion"


def test_whoever_applied_answers_the_call_that_was_shown(office: OfficeStage, officer: Client) -> None:
    """A page of an older call, or one that says nothing of what it showed, changes nothing."""
    it = Both(office, officer, "older-call@changes.example")
    assert officer.post(it.path, **sent_with(it.looked(), "call"), reason="FIRST: the photo").status == 303
    older = [form.text("digest") for form in forms_of(it.applicant.get(it.own).text)]
    assert officer.post(it.path, **sent_with(it.looked(), "complete")).status == 303
    assert officer.post(it.path, **sent_with(it.looked(), "call"), reason="SECOND: the PIT").status == 303
    for digest in (max(older), "", "0" * 64):
        for act in ("complete", "withdraw"):
            reply = it.applicant.post(it.own, act=act, sure="yes", digest=digest)
            assert (reply.status, "SECOND: the PIT" in reply.text) == (400, True)
            assert "has changed since this page was opened: here is how it stands now" in reply.text
    it.applicant.get(it.own)
    assert it.applicant.post(it.own, act="complete").status == 303
