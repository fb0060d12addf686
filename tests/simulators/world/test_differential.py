"""The store in memory and Postgres answer the same requests the same; and a rule that differs is found."""

import pytest

from ledger.books import result_codes as codes
from ledger.postgres.database import Database
from ops.cli import main
from ops.exit_codes import Exit
from simulators.world.differential.requests import Writer
from simulators.world.differential.run import Difference, run
from simulators.world.memory import books, quotas

DECIDED_BY_THE_LEDGER = {number for name, number in vars(codes).items() if name.isupper()} - {
    codes.SYSTEM_ERROR
}


@pytest.mark.parametrize("buckets", [1, 4])
async def test_both_ledgers_answer_the_same(owner: Database, database: Database, buckets: int) -> None:
    """10⁴ random requests, half at one bucket and half at four: equal answers, equal books, and nothing the
    ledger can answer was left out.
    """
    told = await run(owner, database, seed=buckets, operations=5_000, buckets=buckets)
    assert told.operations >= 5_000
    assert told.codes.keys() >= DECIDED_BY_THE_LEDGER
    assert told.errors > 0


def test_the_same_seed_makes_the_same_requests() -> None:
    """A seed that is printed is enough to have its requests again; another one makes others."""
    made = [[Writer(seed, 0).batch() for _ in range(20)] for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


def test_no_id_stands_twice_in_a_batch() -> None:
    """What `post_batch` may rely on, whatever is drawn."""
    writer = Writer(5, 1)
    for batch in [writer.batch() for _ in range(200)]:
        ids = [
            (posting.original_terminal or posting.terminal, posting.original_stan)
            for posting in batch
            if posting.original_stan
        ]
        ids += [(posting.terminal, posting.stan) for posting in batch]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("planted", ["refund", "share", "tombstone"])
async def test_a_rule_that_differs_is_found(
    owner: Database, database: Database, planted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refunds rounded up, a share too large, a tombstone forgotten: each is found, and told with the seed."""
    if planted == "refund":
        monkeypatch.setattr(books, "points_of_refund", lambda sale, before, left: -(left > 0))
    elif planted == "share":
        monkeypatch.setattr(quotas.Quotas, "share", lambda self, allowed: allowed // self._buckets + 1)
    else:
        monkeypatch.setattr(books.Bucket, "_settle", lambda *_: None)
    with pytest.raises(Difference, match="seed 7, about operation"):
        await run(owner, database, seed=7, operations=5_000, buckets=4)


def test_the_command_compares_on_a_postgres_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """`simulate differential` prints what was compared and ends with 0."""
    assert (
        main(["simulate", "differential", "--seed", "3", "--operations", "200", "--buckets", "2"]) == Exit.OK
    )
    told = capsys.readouterr()
    assert "seed 3, buckets 2: no difference." in told.out
    assert "operations, no difference" in told.err
