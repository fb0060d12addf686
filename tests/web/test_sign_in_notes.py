"""What is noted of signing in: each happening by a line and a count, and nothing of anybody."""

import json
from collections.abc import Iterator

import pytest
import structlog

from ops.web.identity.notes import Notes
from switch.metrics.reference import declared, of_workers
from switch.metrics.text import write_text
from tests.web.office_stage import NAMES, PASSWORD, OfficeStage
from tests.web.soft_key import SoftKey
from tests.web.test_passkeys import enter, with_passkey

Line = dict[str, object]


@pytest.fixture
def lines(office: OfficeStage) -> Iterator[list[Line]]:
    """The lines of the log from now on."""
    office.forget_attempts()
    office.write("delete from web.passkey")
    was = structlog.get_config()
    kept: list[Line] = []

    def keep(_logger: object, method: str, event: Line) -> Line:
        kept.append({**event, "level": method})
        raise structlog.DropEvent

    # Whoever configured the log before in this process may have let warnings through alone.
    structlog.configure(processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(0))
    yield kept
    structlog.configure(**was)
    text = json.dumps(kept)
    for secret in (*NAMES, PASSWORD, "ala", "127.0.0.1", "wrong", *map(str, office.accounts.values())):
        assert f'"{secret}"' not in text
    assert all(
        set(line) <= {"event", "level", "programme", "kind", "way", "by", "how", "what"} for line in kept
    )


def told(lines: list[Line]) -> list[tuple[object, ...]]:
    return [
        (line["event"], line.get("way") or line.get("by") or line.get("how") or line.get("what"))
        for line in lines
    ]


def test_a_password_right_and_wrong(office: OfficeStage, lines: list[Line]) -> None:
    """Refused alike whether there is such a login; shut; in; and how each session ends."""
    for name in ("ala", "nobody-here"):
        office.client().sign_in("zgierz", name, "wrong")
    assert lines[0] == lines[1] == {
        "event": "sign_in_refused", "level": "info", "programme": 3, "way": "password",
    }  # fmt: skip
    office.sql("update web.attempt set count = 8")
    office.client().sign_in("zgierz", "ala")
    client = office.signed_in("zgierz", "ala")
    office.signed_in("zgierz", "ala")
    client.get("/en/account/sessions")
    client.post("/en/account/sessions", end="others")
    client.post("/en/logout")
    assert told(lines[2:]) == [
        ("sign_in_locked", "login"),
        ("signed_in", "password"),
        ("signed_in", "password"),
        ("session_ended", "others_ended"),
        ("session_ended", "signed_out"),
    ]
    assert lines[2]["level"] == "warning"


def test_a_second_factor_and_a_password_s_change(office: OfficeStage, lines: list[Line]) -> None:
    """Who has the password and no code is a warning; an officer is in by the code."""
    client = office.client()
    client.sign_in("zgierz", "clerk")
    client.get("/en/login/second")
    client.post("/en/login/second", code="000000")
    assert lines == [{"event": "second_factor_failed", "level": "warning", "programme": 3, "kind": "officer"}]
    client = office.signed_in("zgierz", "boss")
    client.get("/en/account/password")
    client.post("/en/account/password", old="wrong", new="Inne dobre hasło 5", again="Inne dobre hasło 5")
    client.post("/en/account/password", old=PASSWORD, new=PASSWORD, again=PASSWORD)
    assert told(lines[1:]) == [
        ("signed_in", "second"),
        ("sign_in_refused", "again"),
        ("login_changed", "password"),
        ("session_ended", "others_ended"),
    ]


def test_passkeys_and_their_copies(office: OfficeStage, lines: list[Line]) -> None:
    """One that comes, lets in, is refused, and whose count goes back."""
    _, key = with_passkey(office)
    copy = SoftKey(key.origin, key.flags, key.count, key.credential, key.handle, key.key)
    enter(office, key)
    enter(office, SoftKey(key.origin, handle=key.handle))
    enter(office, copy)
    assert told(lines) == [
        ("signed_in", "password"),
        ("login_changed", "passkey_added"),
        ("signed_in", "passkey"),
        ("sign_in_refused", "passkey"),
        ("passkey_copied", None),
    ]


def test_the_counts_are_exposed_by_programme_and_result(office: OfficeStage) -> None:
    """From nought on, so that a rate is there from the first; under the names of the page, and no others."""
    notes = Notes(office.offices.values())
    notes.refused(office.offices[3], "password")
    text = write_text(notes.families()).decode()
    assert 'cityswitch_sign_ins_total{programme="zgierz",result="refused"} 1.0\n' in text
    assert 'cityswitch_sign_ins_total{programme="czestochowa",result="refused"} 0.0\n' in text
    assert 'cityswitch_login_changes_total{programme="zgierz",what="passkey_removed"} 0.0\n' in text
    names = {family.metric.name for family in (*notes.families(), *office.mail.families())}
    assert names == {metric.name for metric in declared()} - {metric.name for metric in of_workers()}
