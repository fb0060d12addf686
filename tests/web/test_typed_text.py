"""A text as programs and telephones write it is taken; one that is refused is shown again in its form."""

import html

import pytest

from tests.ledger.test_typed_text import FAMILY
from tests.web.office_stage import PASSWORD, OfficeStage

TURNED = "Proszę o \u202eduplikat"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Proszę o\u00a0duplikat karty", "Proszę o duplikat karty"),
        ("1.\tkarta\r\n2.\u202fdane", "1. karta\n2. dane"),
        (f"dla {FAMILY}, du\u00adży", f"dla {FAMILY}, duży"),
    ],
)
def test_a_message_of_a_word_processor_or_a_telephone_is_taken(
    office: OfficeStage, typed: str, kept: str
) -> None:
    """By the holder's page and by the desk's: spaces that do not break, tabs, joined emoji."""
    holder, clerk = office.signed_in("zgierz", "ola"), office.signed_in("zgierz", "clerk")
    path = f"/en/desk/holders/{office.accounts['ola3']}"
    holder.get("/pl/me/messages")
    assert holder.post("/pl/me/messages", text=typed).status == 303
    clerk.get(path)
    assert clerk.post(path, act="write", text=typed).status == 303
    assert holder.get("/pl/me/messages").text.count(html.escape(kept)) == 2


def test_a_message_that_is_refused_stands_in_its_form(office: OfficeStage) -> None:
    """What turns a text round is refused, with the reason and with what was typed."""
    holder = office.signed_in("zgierz", "ola")
    holder.get("/pl/me/messages")
    for text, why in ((TURNED, "tylko znaki drukowalne"), ("x" * 4_001, "4000"), ("x" * 8_001, "8000")):
        reply = holder.post("/pl/me/messages", text=text)
        assert reply.status == 400
        assert why in reply.text.partition('role="alert"')[2].partition("</p>")[0]
        assert f"required>{html.escape(text)}</textarea>" in reply.text


def test_a_telephone_with_spaces_that_do_not_break_is_one(office: OfficeStage) -> None:
    """It is kept with plain ones; a number that is refused stands in the form again."""
    office.new_member("dzwoni", "zgierz")
    holder, path = office.signed_in("zgierz", "dzwoni"), "/pl/me/data"
    holder.get(path)
    said = {"email": "", "channel": "phone", "password": PASSWORD}
    reply = holder.post(path, phone="600\u202e100200", **said)
    assert reply.status == 400
    assert 'value="600\u202e100200"' in reply.text
    assert holder.post(path, phone="600\u00a0100\u00a0200", **said).status == 303
    assert 'value="600 100 200"' in holder.get(path).text


def test_other_forms_come_back_as_well(office: OfficeStage) -> None:
    """An address to be invited, whom a desk looks for, a year of tax: each is refused in its own form."""
    office.forget_attempts()
    client, holder = office.client(), office.signed_in("zgierz", "ola")
    client.get("/en/apply")
    clerk = office.signed_in("zgierz", "clerk")
    clerk.get("/en/desk/holders")
    holder.get("/en/me/renewal")
    for who, path, field, typed in (
        (client, "/en/apply", "email", {"programme": "zgierz", "email": "a\u202eb@poczta.example"}),
        (clerk, "/en/desk/holders", "who", {"who": "Jan\u202e"}),
        (holder, "/en/me/renewal", "tax_year", {"tax_year": "2025 r."}),
    ):
        reply = who.post(path, **typed)
        assert reply.status == 400, path
        assert 'id="fault"' in reply.text
        assert f'name="{field}"' in reply.text, path
