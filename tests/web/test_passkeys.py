"""Passkeys: who gets in by one, what an answer is refused for, and that no bytes do more than be refused."""

import base64
import contextlib
import html
import json
import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.errors import CommandError
from ops.web.identity.passkeys import (
    CHALLENGE_S,
    Challenges,
    Refused,
    Relying,
    judge_answer,
    judge_new,
    read_answer,
)
from ops.web.office_run import OfficeOptions, relying_of
from tests.web.office_stage import PASSWORD, Client, OfficeStage, Reply
from tests.web.soft_key import PRESENT, SoftKey

QUESTION = re.compile(r'data-question="([^"]+)"')
PATH = "/en/account/passkeys"
ELSEWHERE = Relying.of("https://karta.example")


@pytest.fixture(autouse=True)
def no_passkeys(office: OfficeStage) -> None:
    office.forget_attempts()
    office.write("delete from web.passkey")


def question_in(reply: Reply) -> str:
    found = QUESTION.search(reply.text)
    assert found, reply.text
    return html.unescape(found[1])


def at_home(office: OfficeStage, client: Client) -> Client:
    """The client under the name that passkeys know the site by."""
    client.known_as = office.relying.origin.partition("//")[2]
    return client


def with_passkey(
    office: OfficeStage, login: str = "ala", city: str = "zgierz", key: SoftKey | None = None
) -> tuple[Client, SoftKey]:
    client = at_home(office, office.signed_in(city, login))
    key = key or SoftKey(office.relying.origin)
    client.get(PATH)
    asked = client.post(PATH, name="telefon", password=PASSWORD)
    done = client.post(f"{PATH}/new", name="telefon", credential=key.make(question_in(asked)))
    assert done.status == 303, done.text
    return client, key


def visitor(office: OfficeStage) -> tuple[Client, str]:
    client = at_home(office, office.client())
    return client, question_in(client.get("/en/login"))


def enter(office: OfficeStage, key: SoftKey) -> Reply:
    client, question = visitor(office)
    return client.post("/en/login/passkey", credential=key.sign_in(question))


@pytest.mark.parametrize("login", ["ala", "clerk"])
def test_a_passkey_lets_in(office: OfficeStage, login: str) -> None:
    """A holder, and an officer without the second factor: the device verified who it is; each time anew."""
    _, key = with_passkey(office, login)
    for _ in range(2):
        client, question = visitor(office)
        planted = dict(client.cookies)
        assert client.post("/en/login/passkey", credential=key.sign_in(question)).status == 303
        assert client.cookies != planted
        assert client.get("/en/account/sessions").status == 200


def test_a_login_shut_by_wrong_passwords_is_open_to_its_passkey(office: OfficeStage) -> None:
    """Whoever tries passwords for a login keeps nobody with a passkey out."""
    _, key = with_passkey(office)
    office.client().sign_in("zgierz", "ala", "wrong password")
    office.sql("update web.attempt set count = 8")
    assert office.client().sign_in("zgierz", "ala").status == 429
    assert enter(office, key).status == 303


def test_an_answer_is_taken_once_and_from_its_own_visit(office: OfficeStage) -> None:
    """Sent again, sent by another visit, too late, or for another purpose: refused, in the same words."""
    _, key = with_passkey(office)
    client, question = visitor(office)
    answer, planted = key.sign_in(question), dict(client.cookies)
    csrf = client.csrf
    assert client.post("/en/login/passkey", credential=answer).status == 303
    client.cookies = planted
    again = client.post("/en/login/passkey", csrf=csrf, credential=answer)
    other, _ = visitor(office)
    _, foreign = visitor(office)
    foreigner = other.post("/en/login/passkey", credential=key.sign_in(foreign))
    member = at_home(office, office.signed_in("zgierz", "ala"))
    member.get(PATH)
    making = question_in(member.post(PATH, name="x", password=PASSWORD))
    asked = json.dumps({"challenge": json.loads(making)["challenge"], "rpId": "localhost"})
    wrong_purpose = member.post("/en/login/passkey", credential=key.sign_in(asked))
    for reply in (again, foreigner, wrong_purpose):
        assert reply.status == 403
        assert "This passkey opens no login here" in reply.text


def test_challenges_end_and_are_of_one_visit_and_purpose() -> None:
    """After ten minutes, for another token or purpose, or with a bit turned, a challenge is none."""
    now = [1_000_000.0]
    challenges = Challenges(b"k" * 32, now_s=lambda: now[0])
    challenge = challenges.make("0.token", "sign in")
    assert challenges.is_mine(challenge, "0.token", "sign in")
    assert not challenges.is_mine(challenge, "0.other", "sign in")
    assert not challenges.is_mine(challenge, "0.token", "make")
    assert not Challenges(b"x" * 32, now_s=lambda: now[0]).is_mine(challenge, "0.token", "sign in")
    for place in range(len(challenge)):
        turned = bytes(byte ^ (index == place) for index, byte in enumerate(challenge))
        assert not challenges.is_mine(turned, "0.token", "sign in")
    now[0] += CHALLENGE_S + 1
    assert not challenges.is_mine(challenge, "0.token", "sign in")


def test_what_a_device_has_to_say(office: OfficeStage) -> None:
    """Not verified by the device, of another origin, or signed by another key: refused; so are strangers."""
    _, key = with_passkey(office)
    for wrong in (
        SoftKey(key.origin, PRESENT, 7, key.credential, key.handle, key.key),
        SoftKey("https://evil.example", credential=key.credential, handle=key.handle, key=key.key, count=7),
        SoftKey(key.origin, credential=key.credential, handle=key.handle, count=7),
        SoftKey(
            key.origin, credential=key.credential, handle=key.handle[:2] + bytes(30), key=key.key, count=7
        ),
        SoftKey(key.origin, credential=key.credential, handle=b"\0\1" + key.handle[2:], key=key.key, count=7),
        SoftKey(key.origin, handle=key.handle),
        SoftKey(key.origin, handle=b"\xff\xff"),
    ):
        assert enter(office, wrong).status == 403
    assert enter(office, key).status == 303


def test_a_copy_shuts_the_passkey(office: OfficeStage) -> None:
    """A count that goes back: nobody gets in by it any more, all sessions end, and its holder is told."""
    client, key = with_passkey(office)
    copy = SoftKey(key.origin, key.flags, key.count, key.credential, key.handle, key.key)
    assert enter(office, key).status == 303
    assert enter(office, copy).status == 403
    assert client.get("/en/account/sessions").status == 303
    assert enter(office, key).status == 403
    told = office.sql(
        "select kind, account, data from registry.outbox where kind like 'login.%' order by number"
    )
    assert [row["kind"] for row in told][-2:] == ["login.passkey_added", "login.passkey_copied"]
    assert (told[-1]["account"], told[-1]["data"]) == (office.accounts["ala3"], "{}")
    client = at_home(office, office.signed_in("zgierz", "ala"))
    assert "somebody used a copy of it" in client.get(PATH).text


def test_only_who_has_the_key_can_shut_it(office: OfficeStage) -> None:
    """A count that goes back without the key's signature does nothing."""
    _, key = with_passkey(office)
    assert enter(office, key).status == 303
    forged = SoftKey(key.origin, credential=key.credential, handle=key.handle, count=1)
    assert enter(office, forged).status == 403
    assert enter(office, key).status == 303


def test_a_device_that_does_not_count(office: OfficeStage) -> None:
    """Synced passkeys say 0 for ever: that is no copy."""
    _, key = with_passkey(office, key=SoftKey(office.relying.origin, count=0))
    assert [enter(office, key).status for _ in range(3)] == [303] * 3


def test_a_new_passkey_wants_the_password_and_is_its_visits_own(office: OfficeStage) -> None:
    """A wrong password, another session's challenge, the same passkey twice, an eleventh: none is added."""
    client, key = with_passkey(office)
    assert client.post(PATH, name="x", password="wrong").status == 403
    assert client.post(PATH, name="", password=PASSWORD).status == 400
    other = at_home(office, office.signed_in("zgierz", "ola"))
    other.get(PATH)
    foreign = question_in(other.post(PATH, name="x", password=PASSWORD))
    fresh = SoftKey(office.relying.origin)
    client.get(PATH)
    assert client.post(f"{PATH}/new", name="x", credential=fresh.make(foreign)).status == 403
    own = question_in(client.post(PATH, name="x", password=PASSWORD))
    assert [each["id"] for each in json.loads(own)["excludeCredentials"]] == [json.loads(key.make(own))["id"]]
    assert client.post(f"{PATH}/new", name="x", credential=key.make(own)).status == 403
    unverified = SoftKey(office.relying.origin, PRESENT)
    assert client.post(f"{PATH}/new", name="x", credential=unverified.make(own)).status == 403
    asked = question_in(client.post(PATH, name="x", password=PASSWORD))
    office.write(
        "insert into web.passkey (programme, login, credential, public_key, uses, is_synced, name) "
        "select programme, login, int8send(n), 'x', 0, false, name from web.passkey, generate_series(1, 9) n"
    )
    assert client.post(f"{PATH}/new", name="x", credential=SoftKey(key.origin).make(asked)).status == 403
    client.get(PATH)
    assert "ten passkeys already" in client.post(PATH, name="x", password=PASSWORD).text


def test_passkeys_are_named_and_removed_by_their_own_login(office: OfficeStage) -> None:
    """Another's number is not found; a name is text, and stands sealed; one removed opens nothing."""
    client, key = with_passkey(office)
    number = office.sql("select number from web.passkey")[0]["number"]
    name = "<b>Mój\"'><script>alert(1)</script>"[:40]
    client.get(PATH)
    assert client.post(f"{PATH}/{number}", what="name", name=name).status == 303
    page = client.get(PATH).text
    assert html.escape(name) in page.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    assert name not in page
    assert "Mój" not in str(office.sql("select k::text from web.passkey k")[0][0])
    for city, login in (("zgierz", "ola"), ("czestochowa", "ala"), ("zgierz", "clerk")):
        other = office.signed_in(city, login)
        other.get(PATH)
        for what in ("name", "remove"):
            assert other.post(f"{PATH}/{number}", what=what, name="x").status == 404
    assert client.post(f"{PATH}/{number}", what="x", name="x").status == 400
    assert client.post(f"{PATH}/{2**63}", what="remove", name="x").status == 404
    assert client.post(f"{PATH}/{number}", what="remove", name="x").status == 303
    assert enter(office, key).status == 403
    trail = office.sql("select reason from registry.audit where object = 'passkey' order by id desc limit 3")
    assert [row["reason"] for row in trail] == ["passkey removed", "passkey named", "passkey added"]


def test_where_the_site_has_another_name(office: OfficeStage) -> None:
    """By its address in figures no passkey works: nothing is asked, and the page says where it is."""
    client = office.signed_in("zgierz", "ala")
    assert "data-question" not in office.client().get("/en/login").text
    assert office.relying.origin in client.get(PATH).text
    assert client.post(PATH, name="x", password=PASSWORD).status == 400


@cache
def right_answers() -> tuple[str, str]:
    """To both questions of a site of the tests' own."""
    key, site = SoftKey(ELSEWHERE.origin), ELSEWHERE.name
    asked = {"rp": {"id": site}, "rpId": site, "challenge": "QUJD", "user": {"id": "QQ"}}
    return key.make(json.dumps(asked)), key.sign_in(json.dumps(asked))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_answered_is_at_most_refused(data: st.DataObject) -> None:
    """Answers with bytes changed, or with what is no text: refused, or ours; nothing else is raised."""
    strange = st.one_of(st.none(), st.integers(), st.text(max_size=30), st.lists(st.none(), max_size=2))
    made, entered = (json.loads(answer) for answer in right_answers())
    for answer in (made, entered):
        name = data.draw(st.sampled_from(sorted(answer["response"])))
        text = answer["response"][name]
        place = data.draw(st.integers(0, len(text) - 1))
        changed = text[:place] + data.draw(st.text("AQgw_-9=", max_size=3)) + text[place + 1 :]
        answer["response"][name] = data.draw(st.one_of(st.just(changed), strange))
    with contextlib.suppress(Refused):
        judge_new(ELSEWHERE, json.dumps(made), lambda challenge: challenge == b"ABC")
        said = made["response"]["clientDataJSON"]  # taken: so it is for this site and question
        told = json.loads(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
        assert told == told | {"type": "webauthn.create", "challenge": "QUJD", "origin": ELSEWHERE.origin}
    with pytest.raises(Refused):  # whatever it says, this key has signed none of it
        judge_answer(ELSEWHERE, read_answer(json.dumps(entered)), b"\xa5\x01\x02\x03\x26")


@pytest.mark.parametrize(
    "answer", ["", "[", "[" * 10_000, "1e999", '{"id":"a","rawId":"a","response":{}}', "null"]
)
def test_what_is_no_answer_is_refused(office: OfficeStage, answer: str) -> None:
    """No JSON, too deep, not an object: 403, or 400 for what is no text of an answer."""
    with pytest.raises(Refused):
        read_answer(answer)
    client, _ = visitor(office)
    assert client.post("/en/login/passkey", credential=answer).status == 403
    assert client.post("/en/login/passkey", credential="x" * 20_000).status == 400


def test_as_what_passkeys_know_the_site() -> None:
    """By https and the first name; behind a proxy on TLS' own port; by figures or without TLS not at all."""
    behind = OfficeOptions(names=("karta.example.org",), proxies=("127.0.0.1",))
    made = relying_of(behind, 9181, is_secure=True)
    assert made == Relying("karta.example.org", "https://karta.example.org")
    own = OfficeOptions(host="0.0.0.0", names=("karta.example.org",))
    assert relying_of(own, 8443, is_secure=True) == Relying(
        "karta.example.org", "https://karta.example.org:8443"
    )
    assert relying_of(OfficeOptions(), 9181, is_secure=False) == Relying("localhost", "http://localhost:9181")
    assert relying_of(OfficeOptions(host="0.0.0.0"), 9181, is_secure=True) is None
    for origin in (
        "http://karta.example",
        "https://192.0.2.1",
        "karta.example",
        "https://x.example/path",
        "ftp://x",
    ):
        with pytest.raises(CommandError):
            relying_of(OfficeOptions(origin=origin), 9181, is_secure=True)
