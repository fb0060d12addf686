"""What a system gets by the API, and what it never gets: rights, programmes, bounds, writes done once."""

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ledger.registry.agreements import give_consent, withdraw_consent
from ledger.registry.api_tokens import end_token
from ledger.registry.offers import NewOffer, import_offers
from ledger.registry.partners import NewPartner, import_partners
from ops.api.application import BODY_BYTES_MAX
from ops.api.openapi import document, page
from ops.api.operations import OPERATIONS
from ops.api.tokens import BURST_S, Allowance, bearer_of, make_token
from ops.office.offer_publishing import PUBLISH, Plan, PublishingDesk
from switch.rules.offers import encode_offer
from tests.api.conftest import CARDS, CZESTOCHOWA, MONTH, SALES, ZGIERZ, Stage, number_of, offer_of
from tests.days import today
from tests.ledger.books import TESTER
from tests.publish import API

BLOCK = {"by": "holder", "reason": "lost"}
PATHS = [
    (
        row,
        row.path.replace("{account}", "ACCOUNT")
        .replace("{partner}", str(100 * ZGIERZ))
        .replace("{month}", MONTH),
    )
    for row in OPERATIONS
]
BODIES: dict[str, Any] = {
    "findCard": {"card": number_of(ZGIERZ, 0)},
    "blockCards": BLOCK,
    "askDuplicate": {"by": "holder", "why": "fault", "reason": "x"},
    "askRenewal": {"by": "holder"},
}


def test_the_page_is_what_the_code_makes() -> None:
    """docs/reference/api.json is the document that is served; every operation and type is in it."""
    assert API.read_bytes() == page()
    assert sum(len(path) for path in document()["paths"].values()) == len(OPERATIONS)


def test_a_holder_s_own_data(stage: Stage) -> None:
    """Who it is, points, entitlement, cards: as the desk has it; found by the card's number."""
    account = stage.ask("/v1/cards/find", {"card": number_of(ZGIERZ, 0)}).body["account"]
    assert account == stage.accounts[ZGIERZ][0]
    holder = stage.ask(f"/v1/holders/{account}").body
    assert holder["person"]["name"] == "Anna 0"
    assert (holder["entitled_until"], holder["points"], holder["kinds"]) == ("2099-05-31", 0, ["adult"])
    (card,) = stage.ask(f"/v1/holders/{account}/cards").body["cards"]
    assert (card["status"], card["carrier"], card["issue"]) == ("active", "plastic", 1)
    nobody = stage.ask(f"/v1/holders/{stage.accounts[ZGIERZ][-1]}").body
    assert (nobody["person"], nobody["consents"]) == (None, [])


def test_each_time_a_consent_was_given_is_told(stage: Stage) -> None:
    """Given, withdrawn and given on one day: both times, the newest first."""
    account = stage.accounts[ZGIERZ][2]
    token = stage.run(lambda c: c.fetchval("select token from registry.card where account = $1", account))
    for act in (give_consent, withdraw_consent, give_consent):
        stage.run(lambda c, act=act: act(c, TESTER, token, "newsletter"))
    newest, first = stage.ask(f"/v1/holders/{account}").body["consents"]
    assert (newest["kind"], newest["withdrawn_at"]) == ("newsletter", None)
    assert first["given_at"] < first["withdrawn_at"] < newest["given_at"]


def test_what_a_holder_may_claim_now(stage: Stage) -> None:
    """Offers for the kinds of the holder alone; none without an entitlement; the public list has all."""
    first, second = stage.accounts[ZGIERZ][:2]
    found = stage.ask(f"/v1/holders/{first}/offers").body
    assert ([offer["number"] for offer in found["offers"]], found["why"]) == ([1], "")
    assert found["offers"][0]["partner_name"] == "Kino"
    assert stage.ask(f"/v1/holders/{second}/offers").body == {"offers": [], "why": "not_entitled"}
    assert [offer["number"] for offer in stage.ask("/v1/offers").body["offers"]] == [1, 2]


def test_the_history_comes_in_pages(stage: Stage) -> None:
    """Newest first, every transaction once; a page that begins after another's row is not there."""
    account, other = stage.accounts[CZESTOCHOWA][:2]
    entries: list[Any] = []
    path = f"/v1/holders/{account}/history?limit=2"
    before = ""
    while True:
        page_ = stage.ask(f"{path}&before={before}", programme=CZESTOCHOWA).body
        entries += page_["entries"]
        if page_["next"] is None:
            break
        before = page_["next"]
    assert [entry["stan"] for entry in entries] == list(range(SALES, 0, -1))
    assert [entry["balance"] for entry in entries] == [10 * n for n in range(SALES, 0, -1)]
    assert {entry["kind"] for entry in entries} == {"earn"}
    elsewhere = f"/v1/holders/{other}/history?before={entries[0]['transaction']}"
    assert stage.ask(elsewhere, programme=CZESTOCHOWA).status == 404


def test_the_history_has_what_a_benefit_gave(stage: Stage) -> None:
    """The counter of benefits (Zgierz § 19.7): the offer and what it took off; of a sale neither."""
    first, _, third = stage.accounts[CZESTOCHOWA][:3]
    (entry,) = stage.ask(f"/v1/holders/{third}/history", programme=CZESTOCHOWA).body["entries"]
    assert (entry["kind"], entry["amount_grosze"]) == ("benefit_use", 10_000)
    assert (entry["discount_grosze"], entry["offer"]) == (1_500, 5)
    sale = stage.ask(f"/v1/holders/{first}/history", programme=CZESTOCHOWA).body["entries"][0]
    assert (sale["discount_grosze"], sale["offer"]) == (0, None)


def test_a_block_acts_once_and_is_told(stage: Stage) -> None:
    """Twice under one key is once, with one answer; the key for something else is refused."""
    account = stage.accounts[ZGIERZ][2]
    before = stage.ask("/v1/events?limit=1000").body["newest"]
    asked = [stage.ask(f"/v1/holders/{account}/block", BLOCK, Idempotency_Key="b-1") for _ in range(2)]
    assert [each.status for each in asked] == [201, 201]
    assert asked[0].body == asked[1].body
    assert asked[0].body["cards"][0]["status"] == "blocked"
    assert "idempotency-replayed" not in asked[0].headers
    assert asked[1].headers["idempotency-replayed"] == "true"
    other = stage.ask(f"/v1/holders/{account}/block", {**BLOCK, "reason": "x"}, Idempotency_Key="b-1")
    assert other.status == 409
    told = stage.ask(f"/v1/events?after={before}").body["events"]
    assert [(event["kind"], event["account"]) for event in told] == [("card.blocked", account)]
    assert told[0]["data"]["hand"] == "holder-online"
    trail = stage.run(
        lambda c: c.fetchrow(
            "select actor, reason, hand from registry.audit where object = 'card' order by id desc"
        )
    )
    assert trail["actor"].startswith("api: app (")
    assert (trail["reason"], trail["hand"]) == ("lost", "holder-online")


def test_a_duplicate_and_a_renewal_are_asked_of_the_desk(stage: Stage) -> None:
    """They are applications with a number and a clock; a proxy asks for no duplicate (Zgierz § 28); what is
    lost is blocked with the asking.
    """
    account = stage.accounts[ZGIERZ][3]
    lost = {**BODIES["askDuplicate"], "lost": True}
    duplicate = stage.ask(f"/v1/holders/{account}/duplicates", lost, Idempotency_Key="d")
    cards = stage.ask(f"/v1/holders/{account}/cards").body["cards"]
    assert {each["status"] for each in cards if each["carrier"] == "plastic"} == {"blocked"}
    assert (duplicate.status, duplicate.body["kind"], duplicate.body["state"]) == (
        201,
        "duplicate",
        "received",
    )
    nowhere = {**BODIES["askDuplicate"], "pickup": "POK Rynek"}  # no desk of the programme: none would see it
    other = stage.accounts[ZGIERZ][2]
    refused = stage.ask(f"/v1/holders/{other}/duplicates", nowhere, Idempotency_Key="n-d")
    assert (refused.status, "none of the programme's desks" in str(refused.body)) == (409, True)
    renewal = stage.ask(f"/v1/holders/{account}/renewals", {"by": "proxy"}, Idempotency_Key="r")
    assert (renewal.status, renewal.body["via"]) == (201, "api")
    again = stage.ask(f"/v1/holders/{account}/renewals", {"by": "holder"}, Idempotency_Key="r2")
    assert (again.status, str(renewal.body["number"]) in str(again.body)) == (409, True)
    future = {"by": "holder", "tax_year": 2190}
    assert stage.ask(f"/v1/holders/{account}/renewals", future, Idempotency_Key="f").status == 409
    proved = {"by": "holder", "tax_year": today().year - 1}
    entitled = stage.accounts[ZGIERZ][0]  # until 2099
    nothing = stage.ask(f"/v1/holders/{entitled}/renewals", proved, Idempotency_Key="p0")
    assert (nothing.status, "renews nothing" in nothing.body["detail"]) == (409, True)
    proxy = {**BODIES["askDuplicate"], "by": "proxy"}
    assert stage.ask(f"/v1/holders/{account}/duplicates", proxy, Idempotency_Key="p").status == 422
    found = stage.ask(f"/v1/holders/{account}/applications").body["applications"]
    assert [each["number"] for each in found] == [renewal.body["number"], duplicate.body["number"]]
    nobody = stage.accounts[ZGIERZ][-1]
    assert stage.ask(f"/v1/holders/{nobody}/renewals", {"by": "holder"}, Idempotency_Key="n").status == 409


def test_a_partner_s_statement(stage: Stage) -> None:
    """As it was computed last; a token of one partner reads that one's alone, and no other programme's."""
    own, other = 100 * ZGIERZ, 100 * CZESTOCHOWA
    found = stage.ask(f"/v1/partners/{own}/statements/{MONTH}")
    assert (found.status, found.body["net_grosze"], found.body["gross_grosze"]) == (200, 50, 62)
    for path in (
        f"{other}/statements/{MONTH}",
        f"{own}/statements/2026-08",
        f"{own}/statements/x",
        "0/statements/1",
    ):
        assert stage.ask(f"/v1/partners/{path}").status == 404
    stage.run(lambda c: import_partners(c, TESTER, ZGIERZ, [NewPartner(own + 1, "B")]))
    tokens = [
        stage.run(lambda c, p=p: stage.let_in(c, ZGIERZ, "statements:read", partner=p))
        for p in (own, own + 1)
    ]
    asked = [stage.ask(f"/v1/partners/{own}/statements/{MONTH}", token=token).status for token in tokens]
    assert asked == [200, 404]


@pytest.mark.parametrize(("row", "path"), PATHS, ids=[row.name for row, _ in PATHS])
def test_nothing_of_another_programme_nor_without_the_right(stage: Stage, row: Any, path: str) -> None:
    """No token, a wrong one: 401. Any other right: 403. Another programme's account: 404, as if not there."""
    own, other = stage.accounts[ZGIERZ][4], stage.accounts[CZESTOCHOWA][4]
    mine, body = path.replace("ACCOUNT", str(own)), BODIES.get(row.name)
    headers = {"Idempotency_Key": f"k-{row.name}"} if row.is_write else {}
    for token in ("", "x", make_token(ZGIERZ), make_token(7), stage.tokens[ZGIERZ, "all"][:-1]):
        assert stage.ask(mine, body, token=token, **headers).status == 401
    if row.right:
        for right in ("holders:read", "holders:write", "offers:read", "statements:read", "events:read"):
            if right != row.right:
                assert stage.ask(mine, body, right=right, **headers).status == 403
        if not row.is_write:
            assert stage.ask(mine, body, right=row.right, **headers).status == 200
    if "ACCOUNT" in path:
        for account in (other, 8 * 10**12, own + 1, 0, -8, "9" * 5000, "x"):
            wrong = stage.ask(path.replace("ACCOUNT", str(account)), body, **headers)
            assert wrong.status == 404
            assert wrong.headers["content-type"] == "application/problem+json"
    if row.name == "findCard":
        assert stage.ask(mine, {"card": number_of(CZESTOCHOWA, 0)}).status == 404


def test_events_of_ones_own_programme_alone(stage: Stage) -> None:
    """Each programme's numbers begin at 1 and have no gap; no event names another's account."""
    for programme in (ZGIERZ, CZESTOCHOWA):
        found = stage.ask("/v1/events?limit=1000", programme=programme).body
        assert [event["number"] for event in found["events"]] == list(range(1, found["newest"] + 1))
        accounts = {event["account"] for event in found["events"]} - {None}
        assert accounts <= set(stage.accounts[programme])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"\xff\xfe", 400), (b"[" * 9_000, 422), (b"null", 422), (b"[]", 422),
        (b"{}", 422), (b'{"card":1}', 422), (b'{"card":"1","x":1}', 422),
        (b'{"card":"' + b"9" * 41 + b'"}', 422),
        (b'{"card":"abcdefgh"}', 404), (b'{"card":"1234\\u0000567"}', 404),
        (b'{"card":"' + b"9" * BODY_BYTES_MAX + b'"}', 413),
    ],
)  # fmt: skip
def test_wrong_bodies_are_told(stage: Stage, body: bytes, status: int) -> None:
    """Whatever comes as a body is one problem in JSON, and no field is passed over."""
    answer = stage.ask("/v1/cards/find", raw=body)
    assert (answer.status, answer.body["status"]) == (status, status)


def test_wrong_requests_are_told(stage: Stage) -> None:
    """Another content type, a parameter unknown or twice, a write without a key, a path that is none."""
    account = stage.accounts[ZGIERZ][4]
    assert stage.ask("/v1/cards/find", raw=b"{}", Content_Type="text/plain").status == 415
    for query in ("x=1", "limit=0", "limit=1001", "limit=1&limit=2", "after=-1", "after=x"):
        assert stage.ask(f"/v1/events?{query}").status == 422
    for key in ({}, {"Idempotency_Key": "a b"}, {"Idempotency_Key": "x" * 65}):
        assert stage.ask(f"/v1/holders/{account}/block", BLOCK, **key).status == 400
    for reason in ("a\0b", "a\u202eb", "\u200b"):
        unseen = stage.ask(f"/v1/holders/{account}/block", {**BLOCK, "reason": reason}, Idempotency_Key="nul")
        assert (unseen.status, "the reason" in unseen.body["detail"]) == (409, True)
    lost = {**BLOCK, "reason": "lost\u00a0at\thome"}
    assert stage.ask(f"/v1/holders/{account}/block", lost, Idempotency_Key="spaces").status == 201
    assert stage.ask("/v1/nothing").status == 404
    assert stage.ask("/v1/events", {}).status == 405


def test_who_has_an_answer_gets_no_more(stage: Stage) -> None:
    """An ETag saves the body; nothing may be kept by others than who asked."""
    first = stage.ask("/v1/offers")
    assert first.headers["cache-control"] == "private, no-cache"
    again = stage.ask("/v1/offers", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, None)
    assert stage.ask("/v1/openapi.json", token="").body == json.loads(page())


def test_what_waits_to_be_approved_is_no_offer(stage: Stage, tmp_path: Path) -> None:
    """A draft that was proposed for the list is told to no system, nor that it waits."""
    desk = PublishingDesk(stage.owner, ZGIERZ, "zgierz", tmp_path)
    new = NewOffer(3, 100 * ZGIERZ, (), encode_offer(offer_of(3, 100 * ZGIERZ, [])))
    stage.run(lambda c: import_offers(c, TESTER, ZGIERZ, [new]))
    before = stage.ask("/v1/offers").body
    number = stage.call(desk.propose, TESTER, Plan(PUBLISH, [3]))
    assert stage.ask("/v1/offers").body == before
    assert 3 not in [offer["number"] for offer in before["offers"]]
    stage.call(desk.refuse, TESTER, number)
    assert stage.ask("/v1/offers").body == before


def test_a_token_that_ends_opens_nothing(stage: Stage) -> None:
    """From the next request on."""
    token = stage.run(lambda c: stage.let_in(c, ZGIERZ, "offers:read"))
    assert stage.ask("/v1/offers", token=token).status == 200
    number = stage.run(lambda c: c.fetchval("select max(number) from registry.api_token"))
    stage.run(lambda c: end_token(c, TESTER, number))
    assert stage.ask("/v1/offers", token=token).status == 401


def test_a_body_that_does_not_come_holds_up_nobody(stage: Stage) -> None:
    """Half a request, and a peer that goes away: others are answered."""
    host = urlsplit(stage.url)
    head = [
        "POST /v1/cards/find HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        "Content-Length: 99",
        f"Authorization: Bearer {stage.tokens[ZGIERZ, 'all']}",
    ]
    with socket.create_connection((host.hostname, host.port)) as peer:
        peer.sendall("\r\n".join([*head, "", "{"]).encode())
        assert stage.ask("/v1/programme").body["code"] == "zgierz"
    assert stage.ask("/v1/programme").status == 200


def test_a_system_that_asks_too_much_waits_alone() -> None:
    """So many at once, then so many a second; another token is not held up."""
    now = [0.0]
    allowance = Allowance(2.0, lambda: now[0])
    most = int(2.0 * BURST_S)
    assert [allowance.wait_s(1) for _ in range(most)] == [0.0] * most
    assert allowance.wait_s(1) == 0.5
    assert allowance.wait_s(2) == 0.0
    now[0] = 0.5
    assert allowance.wait_s(1) == 0.0
    assert allowance.wait_s(1) > 0


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic x", "Bearer cs0_" + "a" * 43, "Bearer cs1_é"]
)
def test_what_is_no_token_is_none(header: str) -> None:
    """The database is asked of what has the form of a token alone."""
    assert bearer_of(header) is None
    assert bearer_of(f"bearer {make_token(3)}") is not None


def test_all_accounts_are_there(stage: Stage) -> None:
    """What the tests above took for another programme's is there for that one."""
    for account in stage.accounts[CZESTOCHOWA]:
        assert stage.ask(f"/v1/holders/{account}", programme=CZESTOCHOWA).status == 200
    assert len(stage.accounts[ZGIERZ]) == CARDS
