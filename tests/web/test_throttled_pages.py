"""Who has tried too often is told so by every page in the same way: 429, and after how long to try again."""

from collections.abc import Mapping
from typing import Final, NamedTuple, get_args

import pytest

from ops.web.identity.notes import Throttle
from ops.web.identity.signing_in import Door
from ops.web.offices import Office
from ops.web.throttled import WINDOW_S
from tests.web.office_stage import PASSWORD, Client, OfficeStage, Reply
from tests.web.test_apply import GOOD, pickup_of, sent
from tests.web.test_passkeys import at_home, visitor, with_passkey

STRANGER, HOLDER, HALF, NEW = "stranger", "holder", "half", "beginner"
CONTACT: Final = {"phone": "600100277", "email": "other@poczta.example", "channel": ""}
WITH_PASSWORD: Final = {"password": PASSWORD}


class Act(NamedTuple):
    """What is throttled: by what, who does it, where, and what is sent."""

    by: Throttle
    who: str
    path: str
    fields: Mapping[str, str] = {}


ACTS: Final = (
    Act("source", STRANGER, "/login", {"programme": "zgierz", "login": "ala", **WITH_PASSWORD}),
    Act("login", STRANGER, "/login", {"programme": "zgierz", "login": "ala", **WITH_PASSWORD}),
    Act("second", HALF, "/login/second", {"code": "000000"}),
    Act("second", NEW, "/login/enrol", {"code": "000000"}),
    Act(
        "activate", STRANGER, "/register",
        {"programme": "zgierz", "login": "not-yet-there", "password": PASSWORD, "again": PASSWORD,
         "code": "AAAA-BBBB-CCCC", "last4": "0000"},
    ),
    Act("apply", STRANGER, "/apply", {"programme": "zgierz", "email": "often@poczta.example"}),
    Act("apply all", STRANGER, "/apply", {"programme": "zgierz", "email": "often@poczta.example"}),
    Act("again", HOLDER, "/account/password", {"old": PASSWORD, "new": "Niebieski rower 8",
                                               "again": "Niebieski rower 8"}),
    Act("again", HOLDER, "/account/passkeys", {"name": "telefon", **WITH_PASSWORD}),
    Act("again", HOLDER, "/me/end", {"what": "resign", "understood": "yes", **WITH_PASSWORD}),
    Act("again", HOLDER, "/me/data", {**CONTACT, **WITH_PASSWORD}),
    Act("again", HOLDER, "/me/login", {"login": "another-name", **WITH_PASSWORD}),
    Act("again", HOLDER, "/me/family/proxies", {"name": "Pełnomocnik", **WITH_PASSWORD}),
    Act("contact", HOLDER, "/me/data", {**CONTACT, **WITH_PASSWORD}),
    Act("rename", HOLDER, "/me/login", {"login": "another-name", **WITH_PASSWORD}),
    Act("confirm", HOLDER, "/me/data/code", {"code": "AAAA-BBBB-CCCC"}),
    Act("confirm", HOLDER, "/me/login/code", {"code": "AAAA-BBBB-CCCC"}),
    Act("act", HOLDER, "/me/family/code", {"code": "AAAA-BBBB-CCCC"}),
    Act("write", HOLDER, "/me/consents", {"newsletter": "give"}),
    Act("write", HOLDER, "/me/duplicate", {"why": "no-fault", "pickup": "1"}),
    Act("write", HOLDER, "/me/renewal"),
    Act("write", HOLDER, "/me/family/proxies", {"name": "Pełnomocnik", **WITH_PASSWORD}),
    Act("write", HOLDER, "/account/password", {"old": PASSWORD, "new": "Niebieski rower 8",
                                               "again": "Niebieski rower 8"}),
    Act("write", HOLDER, "/account/passkeys/new", {"name": "telefon", "credential": "{}"}),
    Act("write", HOLDER, "/account/passkeys/1", {"what": "name", "name": "telefon"}),
    Act("write", HOLDER, "/account/passkeys/1", {"what": "remove"}),
)  # fmt: skip
ON_LINE: Final = {
    "": ({"act": "complete"}, {"act": "withdraw", "sure": "yes"}, {"act": "login"}),
    "/data": (GOOD,),
}
"""What is sent of an application on line, below its own address."""
NOT_TOLD: Final = {
    "strangers": "told as `login` is: tests/web/test_throttle.py",
    "apply to": "of an address nothing is told: the same is said whoever's it is",
    "application": "test_an_application_on_line",
}
"""Throttles that have no line in the table, and why."""


def shut(monkeypatch: pytest.MonkeyPatch, by: Throttle) -> None:
    """Let this have been tried too often, and nothing else."""

    async def may_try(_door: Door, _office: Office, what: Throttle, _whose: str, _most: int) -> bool:
        return what != by

    monkeypatch.setattr(Door, "may_try", may_try)


def client_of(office: OfficeStage, who: str) -> Client:
    """Somebody's browser, at a page with a form."""
    if who == STRANGER:
        client = at_home(office, office.client())
        client.get("/en/login")
        return client
    office.forget_attempts()
    if who == HOLDER:
        client = at_home(office, office.signed_in("zgierz", "ola"))
        client.get("/en/account/sessions")
        return client
    client = office.client()
    client.sign_in("zgierz", "clerk" if who == HALF else "beginner")
    client.get("/en/login/second" if who == HALF else "/en/login/enrol")
    return client


def told(reply: Reply) -> tuple[int, str, bool]:
    """Status, after how long to try again, and whether the page says so."""
    words = "Too many attempts" in reply.text
    return reply.status, reply.header("retry-after"), words


@pytest.mark.parametrize("act", ACTS, ids=lambda act: f"{act.by}{act.path}")
def test_every_page_says_later_in_the_same_way(
    office: OfficeStage, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    """429 with Retry-After, whatever the page's other faults are told with."""
    client = client_of(office, act.who)
    client.get(f"/en{act.path}")  # what its form says unseen
    shut(monkeypatch, act.by)
    reply = client.post(f"/en{act.path}", **act.fields)
    assert told(reply) == (429, str(WINDOW_S), True)


def test_signing_in_by_a_passkey(office: OfficeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an address that has tried too often."""
    office.forget_attempts()
    office.new_member("key-later", "zgierz")
    _, key = with_passkey(office, "key-later")
    client, question = visitor(office)
    shut(monkeypatch, "source")
    reply = client.post("/en/login/passkey", credential=key.sign_in(question))
    assert told(reply) == (429, str(WINDOW_S), True)


def test_an_application_on_line(office: OfficeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its applicant's acts, and a holder's on the own one, are told the same."""
    office.forget_attempts()
    applicant, own = sent(office, "later@poczta.example", pesel="", born_on="1981-02-03")
    pickup = pickup_of(applicant.get(f"{own}/data").text)
    shut(monkeypatch, "application")
    for more, acts in ON_LINE.items():
        for fields in acts:
            said = {**fields, "pickup": pickup} if more else fields
            said |= {"pesel": "", "born_on": "1981-02-03"} if more else {}
            assert told(applicant.post(f"{own}{more}", **said)) == (429, str(WINDOW_S), True), fields


def test_every_throttle_is_in_the_table() -> None:
    """What counts attempts anew is told in the same way, too, or it is said why not."""
    assert {act.by for act in ACTS} | NOT_TOLD.keys() == set(get_args(Throttle))
