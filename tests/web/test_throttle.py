"""Guessing is stopped, and its victim is not: who gets in when somebody shut a login by wrong passwords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.web.identity.devices import DAYS_MAX, KNOWN_MAX, Devices
from ops.web.identity.secrets import Keys
from ops.web.identity.signing_in import LOGIN_TRIES, STRANGERS_TRIES
from ops.web.identity.visits import network_of
from tests.web.office_stage import PASSWORD, Client, OfficeStage

WRONG = "wrong password"
A, B, C = b"a" * 32, b"b" * 32, b"c" * 32


@pytest.fixture(autouse=True)
def no_attempts(office: OfficeStage) -> None:
    office.forget_attempts()


def at(office: OfficeStage, number: int) -> Client:
    """A browser nobody has used, at an address of its own."""
    client = office.client()
    client.source = f"127.0.1.{number}"
    return client


def were(office: OfficeStage, count: int, what: str, name: str, *, at: int = 0) -> None:
    """Let so many attempts for a login have been made, as they are counted."""
    keys = Keys(office.master)
    whose = keys.name_key(3, name).hex() + (f" 127.0.1.{at}" if at else "")
    office.sql(
        "insert into web.attempt (programme, key, count) values (3, $1, $2)",
        keys.attempt_key(what, whose),
        count,
    )


@pytest.mark.parametrize("name", ["ala", "nobody-here"])
def test_one_address_shuts_a_login_for_itself_alone(office: OfficeStage, name: str) -> None:
    """Eight wrong passwords: the ninth is not looked at from there, and is from elsewhere; whoever it is."""
    were(office, LOGIN_TRIES - 1, "login", name, at=1)
    assert [at(office, 1).sign_in("zgierz", name, WRONG).status for _ in range(2)] == [403, 429]
    assert at(office, 1).sign_in("zgierz", name).status == 429
    assert at(office, 2).sign_in("zgierz", name, WRONG).status == 403
    assert at(office, 2).sign_in("zgierz", "ala").status == 303
    office.sql("update web.attempt set since = since - interval '16 minutes'")
    assert at(office, 1).sign_in("zgierz", "ala").status == 303


def test_the_owner_s_browser_gets_in_whatever_strangers_try(office: OfficeStage) -> None:
    """From the very address that is shut, past every stranger's bound; a copy of it for another login not."""
    owner = at(office, 1)
    assert owner.sign_in("zgierz", "ala").status == 303
    owner.get("/en/account/sessions")
    owner.post("/en/logout")
    at(office, 1).sign_in("zgierz", "ala", WRONG)
    office.sql("update web.attempt set count = 1000")
    assert at(office, 1).sign_in("zgierz", "ala").status == 429
    assert owner.sign_in("zgierz", "ala").status == 303
    at(office, 1).sign_in("zgierz", "ola", WRONG)
    office.sql("update web.attempt set count = 1000")
    assert owner.sign_in("zgierz", "ola").status == 429


def test_a_known_browser_is_no_way_to_guess(office: OfficeStage) -> None:
    """It has eight tries of its own, then it is a stranger; its success forgets its own and no others'."""
    owner = at(office, 1)
    owner.sign_in("zgierz", "ala")
    office.forget_attempts()
    assert owner.sign_in("zgierz", "ala", WRONG).status == 403
    assert [row["count"] for row in office.sql("select count from web.attempt")] == [1]
    office.sql("update web.attempt set count = $1", LOGIN_TRIES)
    assert owner.sign_in("zgierz", "ala", WRONG).status == 403
    assert len(office.sql("select key from web.attempt")) == 4
    office.sql("update web.attempt set count = 100")
    assert owner.sign_in("zgierz", "ala").status == 429


def test_many_addresses_have_one_try_a_minute_together(office: OfficeStage) -> None:
    """Past sixteen wrong ones of a login strangers wait for each other; a login next to it is as it was."""
    were(office, STRANGERS_TRIES - 1, "strangers", "ala")
    assert at(office, 1).sign_in("zgierz", "ala", WRONG).status == 403
    said = [at(office, 100 + number).sign_in("zgierz", "ala", WRONG).status for number in range(3)]
    assert said == [403, 429, 429]
    assert at(office, 150).sign_in("zgierz", "ola", WRONG).status == 403
    office.sql("update web.attempt set since = since - interval '61 seconds'")
    assert at(office, 160).sign_in("zgierz", "ala").status == 303


def test_the_words_are_the_same_for_a_login_that_is_not_there(office: OfficeStage) -> None:
    """Shut is shut: neither words nor headers tell whether there is such a login."""
    said = set()
    for name in ("ala", "nobody-here"):
        client = at(office, 1)
        client.sign_in("zgierz", name, WRONG)
        office.sql("update web.attempt set count = 8")
        reply = client.sign_in("zgierz", name, PASSWORD)
        headers = tuple(
            (key, value) for key, value in reply.headers if key.lower() not in {"date", "content-length"}
        )
        said.add((reply.status, reply.text.replace(client.csrf, ""), headers))
        office.forget_attempts()
    assert len(said) == 1


def test_the_cookie_of_a_known_browser(office: OfficeStage) -> None:
    """For no script and no other site, of half a year; it opens nothing by itself."""
    client = at(office, 1)
    given_ = [value for key, value in client.sign_in("zgierz", "ala").headers if key.lower() == "set-cookie"]
    (device,) = [each for each in given_ if each.startswith("device=")]
    assert "HttpOnly" in device
    assert "samesite=lax" in device.lower()
    assert f"max-age={DAYS_MAX * 86_400}" in device.lower()
    del client.cookies["session"]
    assert client.get("/en/me").status == 303


def test_a_browser_is_known_for_some_logins_and_some_time() -> None:
    """For those it was given for, by the key it was given with, for half a year; at most four."""
    now = [1_800_000_000.0]
    devices = Devices(b"k" * 32, now_s=lambda: now[0])
    cookie = devices.remembered(devices.remembered("", A), B)
    assert devices.known_as(cookie, A)
    assert devices.known_as(cookie, B) != devices.known_as(cookie, A)
    assert not devices.known_as(cookie, C)
    assert not Devices(b"x" * 32, now_s=lambda: now[0]).known_as(cookie, A)
    assert devices.remembered(cookie, A).count(".") == 1
    for number in range(KNOWN_MAX + 1):
        cookie = devices.remembered(cookie, bytes([number]) * 32)
    assert len(cookie.split(".")) == KNOWN_MAX
    assert not devices.known_as(cookie, A)
    now[0] += (DAYS_MAX + 1) * 86_400
    assert not devices.known_as(cookie, bytes([KNOWN_MAX]) * 32)


@given(st.one_of(st.text(max_size=500), st.text("aAzZ09-_=.", max_size=450)))
def test_a_cookie_that_is_none_is_none(cookie: str) -> None:
    """Whatever a browser sends: nobody is known by it, and it does not grow."""
    devices = Devices(b"k" * 32)
    assert devices.known_as(cookie, A) == ""
    assert len(devices.remembered(cookie, A).split(".")) <= KNOWN_MAX


def test_a_household_s_network_is_one_source() -> None:
    """An address of IPv6 is counted by its /64; one of IPv4 in another's clothes as itself."""
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::9") != network_of("2001:db8:1:2::9")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("unknown" * 20) == ("unknown" * 20)[:64]
