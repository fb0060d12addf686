"""Logs: JSON lines without secrets or card numbers, and no flood."""

import itertools

import msgspec
import pytest
import structlog

from ledger.books.posting import Posting
from protocol import ResultCode
from switch import logs
from switch.logs import LINES_PER_SECOND_MAX, Throttle, configure_logs, log_transaction
from tests.patience import HANG_S
from tests.switch.memory import approve


@pytest.fixture(autouse=True)
def quiet_again() -> object:
    yield
    structlog.reset_defaults()


def make_posting(code: int) -> Posting:
    return Posting(
        transaction_id=77,
        terminal=10_000_001,
        stan=5,
        kind=1,
        account=8,
        counter_account=9,
        points=4,
        amount_grosze=4_590,
        digest=1,
        code=code,
        original_stan=0,
        rules_version=1,
        accepted_at_ms=1,
        terminal_time=0,
        last4=1234,
    )


@pytest.mark.parametrize(
    ("level", "code", "logged"),
    [
        ("info", ResultCode.APPROVED, None),
        ("debug", ResultCode.APPROVED, "debug"),
        ("info", ResultCode.CARD_BLOCKED, "info"),
        ("warning", ResultCode.CARD_BLOCKED, None),
        ("warning", ResultCode.STAN_CONFLICT, "warning"),
        ("warning", ResultCode.TRY_AGAIN, "warning"),
    ],
)
def test_a_transaction_is_logged_by_what_became_of_it(
    capfd: pytest.CaptureFixture[str], level: str, code: ResultCode, logged: str | None
) -> None:
    """Approvals at debug, declines at info, retry and fault as warnings; the card shows four digits."""
    configure_logs(level)
    posting = make_posting(int(code))
    log_transaction(posting, approve(posting), "Earn")
    assert logs.writer.flush(HANG_S)
    lines = capfd.readouterr().err.splitlines()
    if logged is None:
        assert lines == []
        return
    line = msgspec.json.decode(lines[0], type=dict[str, object])
    assert line["level"] == logged
    assert line["transaction"] == approve(posting).transaction_id
    assert line["card"] == "****1234"
    assert line["result"] == code.name.lower()


def test_a_storm_of_one_event_is_throttled_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most so many lines a second; the next line says how many were left out."""
    seconds = itertools.chain(itertools.repeat(1.0, 60), itertools.repeat(2.0))
    monkeypatch.setattr(logs.time, "monotonic", lambda: next(seconds))
    throttle = Throttle()
    passed = 0
    for _ in range(60):
        try:
            throttle(None, "info", {"event": "storm"})
            passed += 1
        except structlog.DropEvent:
            continue
    assert passed == LINES_PER_SECOND_MAX
    assert throttle(None, "info", {"event": "storm"})["left_out"] == 60 - LINES_PER_SECOND_MAX
