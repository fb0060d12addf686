"""Logins of officers and partners: set anew, and ended."""

import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.logins import end_login
from ops.web.identity.making import reset_login
from ops.web.identity.passwords import Passwords
from tests.web.office_stage import PASSWORD, TESTER, OfficeStage

OTHER = "Niebieski rower 10"


def number_of(office: OfficeStage, shown: str) -> int:
    return int(office.sql("select id from web.login where shown = $1", shown)[0]["id"])


def reset(office: OfficeStage, login: int) -> None:
    async def job(owner: Database) -> None:
        await reset_login(owner, Passwords(), TESTER, login, OTHER)

    office.run(job)


def end(office: OfficeStage, login: int) -> None:
    office.run(lambda owner: owner.run(lambda c: end_login(c, TESTER, login)))


def test_a_login_that_is_reset_has_another_password_and_no_second_factor(office: OfficeStage) -> None:
    """Whoever was in is out; the old password is none; the new one leads to a second factor anew."""
    office.officer(3, "lost-telephone", "clerk")
    was = office.signed_in("zgierz", "lost-telephone")
    assert was.get("/en/desk/holders").status == 200
    reset(office, number_of(office, "Lost-Telephone"))
    assert "/login" in was.get("/en/desk/holders").header("location")
    assert office.client().sign_in("zgierz", "lost-telephone").status == 403
    client = office.client()
    reply = client.sign_in("zgierz", "lost-telephone", OTHER)
    assert (reply.status, "/enrol" in reply.header("location")) == (303, True)
    assert "/login" in client.get("/en/desk/holders").header("location")


def test_a_login_that_is_ended_opens_nothing(office: OfficeStage) -> None:
    """Neither an open session nor the password; it is neither ended into another state nor reset."""
    office.officer(3, "left-us", "clerk")
    was, login = office.signed_in("zgierz", "left-us"), number_of(office, "Left-Us")
    end(office, login)
    assert "/login" in was.get("/en/desk/holders").header("location")
    assert office.client().sign_in("zgierz", "left-us").status == 403
    with pytest.raises(RegistryRefused, match="has ended"):
        reset(office, login)


def test_a_holder_s_login_is_neither_reset_nor_ended_so(office: OfficeStage) -> None:
    """A code sets it anew, and it goes with what is kept of the holder."""
    login = int(office.sql("select id from web.login where account = $1", office.accounts["ala3"])[0]["id"])
    for act in (reset, end):
        with pytest.raises(RegistryRefused, match="a holder's"):
            act(office, login)
    assert office.client().sign_in("zgierz", "ala", PASSWORD).status == 303
