"""The auditor's log: what it keeps, what a crash leaves, and that it holds no card number."""

from pathlib import Path

import pytest

from protocol import Earn, EarnAdvice, Redeem, Reversal, TransactionReply
from simulators.audit.log import RECORD, STRANGER, AuditLog, AuditLogError, Sent, Told, at_rest, read_logs
from simulators.city.population import Population
from simulators.till.posting import EARN, EARN_ADVICE, REDEEM, REVERSAL
from tests.entries import SWIPED

CITY = Population("test", cards=1_000, partners=3)
TERMINAL = CITY.terminal_id(0)


def reply(stan: int, code: int = 0, points: int = 5) -> TransactionReply:
    return TransactionReply(stan, code, 700 + stan, 1, 12_50, 0, points, 40 + points, -1, 0, "receipt")


def write(path: Path) -> None:
    with AuditLog.open(path, CITY) as log:
        log.signed_on(TERMINAL, 10)
        earn = Earn(11, 1, CITY.track2(7), SWIPED, 12_50)
        log.sending(TERMINAL, earn)
        log.told(TERMINAL, earn, reply(11))
        log.sending(TERMINAL, Redeem(12, 1, CITY.card_digits(8), SWIPED, 100, 0))
        log.sending(TERMINAL, Reversal(13, 1, CITY.card_digits(8), SWIPED, 12))
        log.sending(TERMINAL, EarnAdvice(14, 1, CITY.stranger_digits(1), SWIPED, -5))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Requests as sent, answers as told, and the STAN from which the log knows everything."""
    write(tmp_path / "log")
    witnessed = read_logs([tmp_path / "log"])
    assert witnessed.population == CITY
    assert witnessed.first_stan == {TERMINAL: 10}
    assert witnessed.sent == {
        (TERMINAL, 11): Sent(EARN, 0, 7, 12_50),
        (TERMINAL, 12): Sent(REDEEM, 0, 8, 100),
        (TERMINAL, 13): Sent(REVERSAL, 12, 8, 0),
        (TERMINAL, 14): Sent(EARN_ADVICE, 0, STRANGER, -5),
    }
    assert witnessed.told == {(TERMINAL, 11): [Told(EARN, 0, 0, 7, 12_50, 5, 45, 711)]}


def test_no_card_number_is_written(tmp_path: Path) -> None:
    """The log names cards by index: neither the number nor its last digits stand in it."""
    write(tmp_path / "log")
    data = (tmp_path / "log").read_bytes()
    for digits in (CITY.card_digits(7), CITY.card_digits(8), CITY.stranger_digits(1)):
        assert digits.encode() not in data
        assert digits[-8:].encode() not in data


def test_a_torn_record_is_ignored_and_cut_off(tmp_path: Path) -> None:
    """Cut anywhere in the last record: the records before it are read, and the log goes on behind them."""
    write(tmp_path / "log")
    whole = (tmp_path / "log").read_bytes()
    torn = tmp_path / "torn"
    for cut in range(1, RECORD.size + 1):
        torn.write_bytes(whole[:-cut])
        assert len(read_logs([torn]).sent) == 3
        with AuditLog.open(torn, CITY) as log:
            log.sending(TERMINAL, Earn(20, 1, CITY.track2(1), SWIPED, 1))
        assert sorted(stan for _, stan in read_logs([torn]).sent) == [11, 12, 13, 20]


def test_logs_of_one_city_are_read_together(tmp_path: Path) -> None:
    """A terminal's first STAN is the lowest of all its logs; a log of another city is refused."""
    write(tmp_path / "one")
    with AuditLog.open(tmp_path / "two", CITY) as log:
        log.signed_on(TERMINAL, 3)
        log.signed_on(TERMINAL, 1)
    with AuditLog.open(tmp_path / "three", Population("other", cards=1_000, partners=3)):
        pass
    assert read_logs([tmp_path / "one", tmp_path / "two"]).first_stan == {TERMINAL: 3}
    with pytest.raises(AuditLogError, match="another population"):
        read_logs([tmp_path / "one", tmp_path / "three"])
    with pytest.raises(AuditLogError, match="another population"):
        AuditLog.open(tmp_path / "three", CITY)


def test_another_file_is_refused(tmp_path: Path) -> None:
    """Neither read nor appended to."""
    (tmp_path / "other").write_bytes(b"some other file, long enough to hold a head")
    with pytest.raises(AuditLogError, match="not an audit log"):
        read_logs([tmp_path / "other"])
    with pytest.raises(AuditLogError):
        AuditLog.open(tmp_path / "other", CITY)
    assert read_logs([]).population is None


def test_a_log_in_use_is_left_alone(tmp_path: Path) -> None:
    """While a fleet writes its log, nobody else opens, compares or renames it; afterwards it is at rest."""
    busy, idle = tmp_path / "audit-1.log", tmp_path / "audit-2.log"
    AuditLog.open(idle, CITY).close()
    with AuditLog.open(busy, CITY):
        with at_rest([busy, idle]) as free:
            assert free == [idle]
            with pytest.raises(AuditLogError, match="in use"):
                AuditLog.open(idle, CITY)
        with pytest.raises(AuditLogError, match="in use"):
            AuditLog.open(busy, CITY)
    with at_rest([busy, idle]) as free:
        assert free == [busy, idle]
