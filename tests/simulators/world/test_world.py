"""Whole worlds: the same seed is the same world, a planted bug is found, and these seeds are clean."""

import os
import subprocess
import sys

import pytest
from msgspec.structs import replace

from ledger.books.committer import Committer
from ledger.books.lane import Lane
from ledger.books.posting import Posting, no_effect
from ledger.postgres.database import Connection
from protocol import Earn
from simulators.world.checks import JUDGED
from simulators.world.faults import Fault
from simulators.world.run import Plan, run_world
from simulators.world.sometimes import Sometimes
from switch.flow.operations import OPERATIONS
from switch.rules.decide import Decision
from switch.rules.decide.earn import decide_earn
from tests.patience import HANG_S

SMALL = 150
DIGEST_OF = """
import gc
gc.set_threshold(7, 2, 2)
litter = [bytearray(number % 600) for number in range(100_000)][::3]
from simulators.world.run import Plan, run_world
report = run_world(Plan({seed}, {operations}))
print(report.digest, report.events, report.rows)
"""


def test_the_same_seed_is_the_same_world() -> None:
    """Two runs of a seed have the same events, whatever Python's hashes of texts are, where objects lie and
    when memory is freed; another has others.
    """
    report = run_world(Plan(7, SMALL))
    there = subprocess.run(
        [sys.executable, "-c", DIGEST_OF.format(seed=7, operations=SMALL)],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
        timeout=HANG_S,
    ).stdout.split()
    assert there == [report.digest, str(report.events), str(report.rows)]
    assert run_world(Plan(8, SMALL)).digest != report.digest


@pytest.mark.parametrize("seed", range(1, 7))
def test_nothing_is_wrong_in_these_worlds(seed: int) -> None:
    """Under faults nothing acknowledged is lost, no id stands twice, everything settles."""
    report = run_world(Plan(seed, 2 * SMALL))
    assert report.violations == []
    assert report.rows > SMALL


def test_a_world_without_faults_has_none() -> None:
    """Kinds of faults can be left out, all of them: then nobody is told to try again."""
    report = run_world(Plan(3, SMALL, kinds=()))
    assert report.violations == []
    assert not set(report.counts) & {*Fault, Sometimes.TRY_AGAIN.value, Sometimes.FEED_STALE.value}


def test_a_reply_before_its_commit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A committer that answers when it sends, and not when it has committed, is caught in the act."""

    async def post_hastily(self: Committer, lane: Lane, batch: list[Posting], connection: Connection) -> None:
        answers = [(posting, no_effect(posting, posting.code)) for posting in batch]
        for posting, outcome in answers:
            outcome.transaction_id, outcome.points = posting.transaction_id, posting.points
        self._finish(answers)
        await lane.post(connection, batch, self._give_up_s, lambda _: None)

    monkeypatch.setattr(Committer, "_post", post_hastily)
    report = run_world(Plan(1, SMALL))
    assert any("answered before its commit" in line for line in report.violations)


def test_a_rule_gone_wrong_is_found_by_the_auditor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A switch that gives a point too many agrees with itself everywhere, and not with him."""

    def earn(*arguments: object) -> Decision:
        decision = decide_earn(*arguments)  # type: ignore[arg-type]
        return replace(decision, points=decision.points + 1) if decision.points > 20 else decision

    row = replace(OPERATIONS[Earn], decide=earn)
    monkeypatch.setitem(OPERATIONS, Earn, row)
    report = run_world(Plan(1, 2 * SMALL, kinds=()))
    assert report.counts[JUDGED]
    assert any(line.startswith("unforetold row") for line in report.violations)
    assert not any("czestochowa" in line for line in report.violations)


def test_mixed_up_answers_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A committer that answers all of a batch with its first outcome is found by the terminals' logs."""
    finish = Committer._finish

    def mix_up(self: Committer, answers: list[tuple[Posting, object]]) -> None:
        first = answers[0][1] if answers else None
        finish(self, [(posting, first) for posting, _ in answers])  # type: ignore[misc]

    monkeypatch.setattr(Committer, "_finish", mix_up)
    report = run_world(Plan(2, 4 * SMALL))
    assert report.violations


def test_a_switch_that_forgets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """One posting in fifty is answered and never sent to the books: the loss is named."""
    submit, count = Committer.submit_nowait, iter(range(10**9))

    def lose_some(self: Committer, posting: Posting) -> None:
        if next(count) % 50 == 49:
            outcome = no_effect(posting, posting.code)
            outcome.points = posting.points
            self._on_outcomes([(posting, outcome)])
        else:
            submit(self, posting)

    monkeypatch.setattr(Committer, "submit_nowait", lose_some)
    report = run_world(Plan(1, 2 * SMALL, kinds=()))
    assert any("not_in_journal" in line for line in report.violations)
