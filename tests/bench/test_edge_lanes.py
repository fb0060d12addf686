"""The lanes of the wire's edges on a small stage: nuisances are such, and who behaves is served."""

from pathlib import Path

from bench.throughput.driver import Timing
from bench.throughput.edge_lanes import FLOODERS, HOT_CARD, HOT_DEPTH, TLS_GENERATOR, BesideLane
from bench.throughput.goals import GOALS
from bench.throughput.lanes import ClosedLane, Lane, Sample
from bench.throughput.stage import CROWDED, open_stage, servers

TIMING = Timing(0.05, 0.5)


async def test_each_nuisance_is_one_and_spoils_nothing(tmp_path: Path) -> None:
    """Floods, a hot card and strangers do what they are there for; no purchase beside them is refused.

    Their terminals come on top of those that behave, which are one for each partner.
    """
    samples: dict[str, Sample] = {}
    async with (
        open_stage(tmp_path, cards=600, partners=4, terminals=8) as stage,
        servers(stage, ["switch 1", "crowd 1", "tls 1"]),
    ):
        lanes = [
            Lane("echo", (), BesideLane("switch 1", "echo", good=4, connections=2)),
            Lane("totals", (), BesideLane("switch 1", "totals", good=4, connections=2, depth=20)),
            Lane("hot card", (), BesideLane("crowd 1", "hot card", good=4, connections=4, depth=100)),
            Lane("strangers", (), BesideLane("switch 1", "strangers", good=4, connections=30)),
            Lane("tls", (), ClosedLane("tls 1", 4, 1, generator=TLS_GENERATOR)),
        ]
        for lane in lanes:
            samples[lane.name] = await lane.sample(stage, TIMING, {})
    assert all(sample.rate_per_s > 0 for sample in samples.values())
    assert samples["echo"].facts["echo, answered/s"] > 0
    assert samples["hot card"].facts["hot card, answered/s"] > 0
    assert samples["strangers"].facts["strangers accepted/s"] > 0
    assert "totals, answered/s" in samples["totals"].facts
    assert samples["tls"].cpu_us.keys() == {"server", "Postgres", "driver"}


def test_the_hot_card_is_as_deep_as_its_lane_says() -> None:
    """The depth of the one card is what the lane and its goal are named after, and the switch takes it."""
    depth = f"{FLOODERS * HOT_DEPTH:,}"
    assert depth == "4,000"
    assert any(f"one card at depth {depth} " in goal.name for goal in GOALS)
    assert HOT_CARD.endswith(depth)
    assert CROWDED >= HOT_DEPTH
