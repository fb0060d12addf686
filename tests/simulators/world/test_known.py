"""What workers did against what they knew of the registry: each check finds what it is for, and no more."""

from ledger.books.posting import Kind, Posting, no_effect
from simulators.world.known import Learned, blind_s, by_an_old_registry, of_blocked_terminals
from simulators.world.memory.ledger import Commit
from switch.config import Config

TERMINAL, STAN = 7, 1
LEARNED = [Learned(0.0, 10), Learned(50.0, 11), Learned(60.0, 12)]


def entered(kind: Kind, registry_number: int, code: int = 0) -> Commit:
    posting = Posting(1, TERMINAL, STAN, int(kind), 8, 9, 0, 0, 0, code, 0, 1, 0, 0, 0, registry_number)
    outcome = no_effect(posting, code)
    outcome.transaction_id = 1
    return Commit(1, TERMINAL, STAN, posting, outcome)


def lines(commit: Commit, at_s: float) -> list[str]:
    return list(by_an_old_registry([commit], {(TERMINAL, STAN): at_s}, LEARNED, age_s_max=10.0))


def test_a_redemption_by_an_old_registry_is_found() -> None:
    """What was known for longer than the bound has to be known by who takes points or grants a benefit."""
    for kind in (Kind.REDEEM, Kind.BENEFIT_USE):
        assert lines(entered(kind, 10), 59.9) == []
        assert len(lines(entered(kind, 10), 60.1)) == 1
        assert lines(entered(kind, 11), 60.1) == []
        assert len(lines(entered(kind, 11), 70.1)) == 1


def test_what_takes_nothing_may_know_less() -> None:
    """Points are given, and things refused, by whatever is known."""
    assert lines(entered(Kind.EARN, 10), 100.0) == []
    assert lines(entered(Kind.REDEEM, 10, code=45), 100.0) == []


def test_a_blocked_terminals_request_is_found() -> None:
    """Only what was decided while its worker knew of the block."""
    blocks = {TERMINAL: [(5, False), (11, True), (13, False)]}
    found = [bool(list(of_blocked_terminals([entered(Kind.EARN, n)], blocks))) for n in range(10, 14)]
    assert found == [False, True, True, False]


def test_the_bound_is_that_of_the_workers() -> None:
    """It allows for the registry's age, for how long a batch is tried, and for a slow store."""
    config = Config(dsn="postgresql://nobody@nowhere/none", feed_stale_after_s=2.0, give_up_ms=500)
    assert 2.5 < blind_s(config) < 10.0
