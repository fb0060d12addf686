"""The lanes against real servers on a small stage: all of it durable, and nothing left behind."""

import os
from pathlib import Path

from bench.throughput.driver import Timing
from bench.throughput.growth_data import recycle_wal
from bench.throughput.lanes import BATCH_FACT, ClosedLane, Lane, LimitLane, Sample
from bench.throughput.load_order import Asks
from bench.throughput.open_lanes import CITY_WINDOWS, LatencyLane
from bench.throughput.processes import children
from bench.throughput.stage import CONCENTRATED, open_stage, servers
from bench.throughput.yardstick import prepare_yardstick

TIMING = Timing(0.05, 0.2)
RATE_PER_S = 20


async def test_lanes_run_on_a_stage_and_leave_nothing(tmp_path: Path) -> None:
    """Every kind of lane posts to one durable ledger; data and processes are gone at the end."""
    before = set(children(os.getpid()))
    samples: dict[str, Sample] = {}
    async with open_stage(tmp_path, cards=600, partners=300, has_towns=True) as stage:
        await prepare_yardstick(stage)
        async with servers(stage, ["echo_trio", "naive", "switch 1", "concentrator 1"]):
            lanes = [Lane(name, (), ClosedLane(name, 4, 2)) for name in ("echo_trio", "naive", "switch 1")]
            lanes += [Lane("open", (), LatencyLane(rate_per_s=RATE_PER_S)), Lane("limit", (), LimitLane(1))]
            one = ClosedLane("concentrator 1", 1, CONCENTRATED)
            lanes += [Lane("limit before", (), LimitLane(1, "d5b569b")), Lane("one concentrator", (), one)]
            kinds: tuple[Asks, ...] = (
                "balance",
                "repeat",
                "declined",
                "benefit",
                "verified benefit",
                "cities",
            )
            lanes += [Lane(asks, (), ClosedLane("switch 1", 4, 2, asks=asks)) for asks in kinds]
            for lane in lanes:
                samples[lane.name] = await lane.sample(stage, TIMING, {})
        journalled = await stage.owner.run(
            lambda connection: connection.fetchval("select count(*) from ledger.journal where code = 0")
        )
        used = await stage.owner.run(
            lambda connection: connection.fetchval("select -sum(balance) from ledger.quota")
        )
        earning_and_granting = {
            row[0]
            for row in await stage.owner.run(
                lambda connection: connection.fetch(
                    "select distinct p.programme from ledger.journal j "
                    "join registry.terminal t on t.id = j.terminal "
                    "join registry.partner p on p.id = t.partner "
                    "where j.code = 0"
                )
            )
        }
        settings = await stage.owner.run(
            lambda connection: connection.fetchval(
                "select current_setting('fsync') || current_setting('synchronous_commit')"
            )
        )
    assert samples["declined"].facts["declined, %"] > 0
    elsewhere = ("echo_trio", "limit before", "balance", "repeat", "declined", "verified benefit")
    durable = [sample for name, sample in samples.items() if name not in elsewhere]
    assert all(sample.rate_per_s > 0 for sample in samples.values())
    assert journalled >= sum(sample.requests for sample in durable)
    assert settings == "onon"
    assert used >= samples["benefit"].requests > 0
    assert earning_and_granting == {1, 2, 3}
    assert samples["switch 1"].cpu_us.keys() == {"server", "Postgres", "driver"}
    assert 1 <= samples["switch 1"].facts[BATCH_FACT] <= 8
    opened = samples["open"]
    due = RATE_PER_S * TIMING.seconds * CITY_WINDOWS
    assert sum(opened.latency.values()) + opened.facts["refused"] + opened.facts["dropped"] >= due
    assert set(children(os.getpid())) <= before
    assert os.listdir(tmp_path) == []


async def test_a_server_that_is_run_in_has_wal_files_to_use_again(tmp_path: Path) -> None:
    """After the checkpoint the files written before wait to be written again."""
    ahead = "select count(*) from pg_ls_waldir() where name > pg_walfile_name(pg_current_wal_lsn())"
    async with open_stage(tmp_path, cards=300, partners=300) as stage:
        before = await stage.owner.run(lambda connection: connection.fetchval(ahead))
        await recycle_wal(stage.owner, mib=64)
        after = await stage.owner.run(lambda connection: connection.fetchval(ahead))
    assert after >= before + 3
