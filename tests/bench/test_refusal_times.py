"""The statistics of the refusals' probe, on samples that are made: a shift is found, and only a shift."""

import random

from bench.probes.refusal_times import HEARD_NS, T_MAX, Leaky, compare, interleaved, make_admission, proof_of
from switch.rules.directory import Directory

COUNT = 2_000


def drawn(seed: int, mean_ns: float) -> list[int]:
    """Samples of some microseconds, one in fifty of them many times as long: somebody else ran."""
    rng = random.Random(seed)
    return [round(rng.gauss(mean_ns, 500) * (20 if rng.random() < 0.02 else 1)) for _ in range(COUNT)]


def test_a_shift_is_found_and_none_is_not() -> None:
    """A tenth of a microsecond of sixty shows at 2,000 samples; samples of one kind do not differ."""
    base = drawn(1, 60_000)
    same, longer = compare("same", base, drawn(2, 60_000)), compare("longer", base, drawn(3, 60_100))
    assert abs(same.t) < T_MAX < longer.t
    assert 50 < longer.difference_ns < 150
    assert (same.is_heard, longer.is_heard) == (False, False)
    far = compare("far", base, drawn(4, 60_000 + 2 * HEARD_NS))
    assert far.is_heard
    assert "DIFFERS" in far.line()


def test_each_round_takes_one_of_each_in_another_order() -> None:
    """So whatever befalls the machine befalls all kinds."""
    taken: list[str] = []

    def sample(name: str) -> int:
        taken.append(name)
        return len(taken)

    kinds = {name: (lambda name=name: sample(name)) for name in "abc"}
    compared = interleaved(kinds, 50, random.Random(1))
    assert [one.name for one in compared] == ["b", "c"]
    rounds = ["".join(taken[at : at + 3]) for at in range(0, 150, 3)]
    assert {"".join(sorted(each)) for each in rounds} == {"abc"}
    assert len(set(rounds)) == 6


async def test_a_wrong_proof_is_judged_by_the_switchs_own_door() -> None:
    """What is measured refuses, planted or not; a proof that is taken would end the run."""
    for kind in (Directory, Leaky):
        assert proof_of(make_admission(kind), 1, 1)() > 0
