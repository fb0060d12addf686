"""The lanes against real servers on a small stage: all of it durable, and nothing left behind."""

import os
from pathlib import Path

from bench.throughput.driver import Timing
from bench.throughput.lanes import BATCH_FACT, ClosedLane, LimitLane, Sample
from bench.throughput.open_lanes import LatencyLane
from bench.throughput.processes import children
from bench.throughput.stage import open_stage, recycle_wal, servers

TIMING = Timing(0.05, 0.2)


async def test_lanes_run_on_a_stage_and_leave_nothing(tmp_path: Path) -> None:
    """Every kind of lane posts to one durable ledger; data and processes are gone at the end."""
    before = set(children(os.getpid()))
    samples: dict[str, Sample] = {}
    async with open_stage(tmp_path, cards=600, partners=300) as stage:
        async with servers(stage, ["echo_trio", "naive", "switch 1"]):
            for name in ("echo_trio", "naive", "switch 1"):
                samples[name] = await ClosedLane(name, 4, 2)(stage, TIMING, {})
            samples["open"] = await LatencyLane(rate_per_s=20)(stage, TIMING, {})
            samples["limit"] = await LimitLane(1)(stage, TIMING, {})
        journalled = await stage.owner.run(
            lambda connection: connection.fetchval("select count(*) from ledger.journal where code = 0")
        )
        settings = await stage.owner.run(
            lambda connection: connection.fetchval(
                "select current_setting('fsync') || current_setting('synchronous_commit')"
            )
        )
    durable = [sample for name, sample in samples.items() if name != "echo_trio"]
    assert all(sample.rate_per_s > 0 for sample in samples.values())
    assert journalled >= sum(sample.rate_per_s for sample in durable) * TIMING.seconds * 0.9
    assert settings == "onon"
    assert samples["switch 1"].cpu_us.keys() == {"server", "Postgres", "driver"}
    assert 1 <= samples["switch 1"].facts[BATCH_FACT] <= 8
    assert sum(samples["open"].latency.values()) == 12
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
