"""Three database nodes: what Patroni and etcd are told on the page and in the demonstration.

`CITYSWITCH_TEST_PATRONI=1` plays one failover for real (a minute; needs Patroni and etcd: `make venv-ha`).
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trio
import yaml
from trio.testing import MockClock

from ledger.postgres.dsn import read_dsn
from ops.deploy.ha.__main__ import ALONE, FROZEN, KILLED, Given, Round, kinds_of, sum_of
from ops.deploy.ha.cluster import Cluster, Member, View
from ops.deploy.ha.settings import Node, Passwords, dsn_of, etcd_command, patroni_settings
from ops.deploy.ha.watch import Watch
from protocol import Earn, ResultCode, Reversal, TransactionReply
from simulators.audit.log import AuditLog
from simulators.city.population import Population
from tests.entries import SWIPED

ROOT = Path(__file__).resolve().parents[2]
HA = ROOT / "ops/deploy/ha"
NODES = [Node(f"node{number}", 5000 + number, 8000 + number, Path("/n")) for number in (1, 2, 3)]
SECRETS = Passwords("s-1", "s-2", "s-3", "o/w@n", "s e?r")
CITY = Population("test", cards=1_000, partners=3)
TERMINAL = CITY.terminal_id(0)
ANALYZE = shutil.which("systemd-analyze")


def told() -> dict[str, object]:
    """What the demonstration tells the first node's Patroni, as it stands in the file."""
    made = patroni_settings(NODES[0], ["127.0.0.1:2379"], Path("/bin"), Path("/run"), SECRETS)
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]


def test_the_page_and_the_demonstration_tell_patroni_the_same() -> None:
    """What is shown is what is recommended: the lease, strict synchronous mode, the server's settings."""
    page = yaml.safe_load((HA / "patroni.yml").read_text(encoding="utf-8"))
    assert page["bootstrap"] == told()["bootstrap"]
    assert page["bootstrap"]["dcs"]["synchronous_mode_strict"] is True
    assert page["watchdog"]["mode"] == "required"


def test_the_lease_is_one_patroni_takes() -> None:
    """Patroni puts its defaults (a lease of 30 s) in the place of one that does not fit."""
    dcs = yaml.safe_load((HA / "patroni.yml").read_text(encoding="utf-8"))["bootstrap"]["dcs"]
    assert dcs["ttl"] >= 20
    assert dcs["loop_wait"] + 2 * dcs["retry_timeout"] <= dcs["ttl"]


def test_no_password_stands_in_what_everybody_reads() -> None:
    """Neither on etcd's command line nor in the files that are copied from here."""
    assert not any(secret in " ".join(etcd_command("etcd", Path("/e"), 1, 2)) for secret in SECRETS)
    for name in ("patroni.yml", "patroni.service", "etcd.default"):
        assert "password:" not in (HA / name).read_text(encoding="utf-8").lower()


def test_the_switch_s_dsn_names_every_node() -> None:
    """Each by its port, with a password of any characters, and the one that takes writes is asked for."""
    hosts = read_dsn(dsn_of(NODES, "anna", SECRETS.service)).hosts
    assert [f"port={node.port}" in host for node, host in zip(NODES, hosts, strict=True)] == [True] * 3
    assert all("target_session_attrs=read-write" in host and "s+e%3Fr" in host for host in hosts)


@pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed: apt install systemd")
def test_systemd_finds_nothing_wrong_with_patroni_s_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing; the program is one that is here."""
    unit = (HA / "patroni.service").read_text(encoding="utf-8")
    unit = unit.replace("/opt/cityswitch/.venv/bin/patroni", sys.executable)
    (tmp_path / "patroni.service").write_text(unit, encoding="utf-8")
    command = [str(ANALYZE), "verify", "--man=no", str(tmp_path / "patroni.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("members", "is_whole"),
    [
        ([("leader", "running", 2), ("sync_standby", "streaming", 2), ("replica", "streaming", 2)], True),
        ([("leader", "running", 2), ("replica", "streaming", 2), ("replica", "streaming", 2)], False),
        ([("leader", "running", 2), ("sync_standby", "streaming", 2), ("replica", "streaming", 1)], False),
        ([("leader", "running", 2), ("sync_standby", "streaming", 2), ("replica", "starting", 2)], False),
        ([("leader", "stopped", 2), ("sync_standby", "streaming", 2), ("replica", "streaming", 2)], False),
        ([("leader", "running", 2), ("sync_standby", "streaming", 2)], False),
        ([], False),
    ],
)
def test_when_a_cluster_is_whole(members: list[tuple[str, str, int]], is_whole: bool) -> None:
    """Every node up on one timeline, one leads, one is its synchronous standby: the next may be killed."""
    view = View([Member(f"n{number}", *member) for number, member in enumerate(members)])
    assert Cluster(Path("/n"), NODES, (1, 2), SECRETS).is_whole(view) is is_whole


def reply(stan: int, code: int = 0) -> TransactionReply:
    return TransactionReply(stan, code, 700 + stan, 1, 12_50, 0, 5, 45, -1, 0, "receipt")


async def test_what_a_watch_makes_of_a_failover(tmp_path: Path, autojump_clock: MockClock) -> None:
    """The silence, the rates, and each request without an answer once, under how it was settled."""
    earns = [Earn(stan, 1, CITY.card_digits(7), SWIPED, 12_50) for stan in range(20)]
    with AuditLog.open(tmp_path / "log", CITY) as log:
        watch = Watch(tmp_path / "log")

        async def second(*, sent: int | None = None, answered: int | None = None, code: int = 0) -> None:
            if sent is not None:
                log.sending(TERMINAL, earns[sent])
            if answered is not None:
                log.told(TERMINAL, earns[answered], reply(answered, code))
            watch.look()
            await trio.sleep(1)

        for stan in (1, 2, 3, 4):
            await second(sent=stan, answered=stan)
        log.sending(TERMINAL, earns[5])
        log.sending(TERMINAL, earns[6])
        assert watch.mark() == 2
        await trio.sleep(0.5)
        await second(answered=5)  # had been committed, and was on its way
        for stan in (7, 8, 9):
            await second(sent=stan)
        undo = Reversal(10, 1, CITY.card_digits(7), SWIPED, 8)
        log.sending(TERMINAL, undo)
        await second(answered=6)
        log.told(TERMINAL, undo, reply(10, ResultCode.APPROVED_ORIGINAL_UNSEEN))
        await second(answered=7, code=ResultCode.POINTS_INSUFFICIENT)
        for stan in (11, 12, 13, 14):
            await second(sent=stan, answered=stan)
        found = watch.silence()
    assert (found.first_good_s, found.silence_s) == (4.5, 4.0)
    assert (found.rate_before, found.rate_after) == (1.0, 1.25)
    assert found.unknown == 4
    assert found.settled == {
        "answered when asked again: approve": 1,
        "answered when asked again: decline": 1,
        "given up and reversed: approved_original_unseen": 1,
        "open": 1,
    }


def played(kind: str, *, first_good_s: float, silence_s: float) -> Round:
    """A round that kept its promises."""
    return Round(
        kind=kind,
        in_flight=3,
        first_good_s=first_good_s,
        silence_s=silence_s,
        rate_before=100.0,
        rate_during=0.5,
        rate_after=300.0,
        unknown=2,
        settled={"answered when asked again: approve": 2},
        acknowledged=1_000,
        lost=0,
        differences={},
        open=0,
        books="all invariants hold.",
    )


def test_as_many_primaries_are_killed_as_were_asked_for() -> None:
    """A Patroni that is stopped and standbys that are killed come after them, and are counted apart."""
    given = Given(failovers=3, terminals=1, rate=1.0, freeze=True, alone=True)
    assert kinds_of(given) == [KILLED, KILLED, KILLED, FROZEN, ALONE]
    waits = {FROZEN: (21.0, 1.1), ALONE: (29.0, 28.0)}
    killed = iter([(16.0, 15.5), (31.0, 15.0), (18.0, 17.9)])
    rounds = []
    for kind in kinds_of(given):
        first_good_s, silence_s = waits[kind] if kind in waits else next(killed)
        rounds.append(played(kind, first_good_s=first_good_s, silence_s=silence_s))
    said = sum_of(rounds).splitlines()
    assert said[0] == "3 primaries killed under load: first good reply after 16.0 to 31.0 s, median 18.0"
    assert said[2] == "Patroni frozen: silent for 1.1 s"
    assert said[3] == "all 5 rounds: 0 acknowledged lost of 1,000; 0 open"
    assert [each.is_clean for each in rounds] == [True, False, True, True, True]


@pytest.mark.skipif(
    os.environ.get("CITYSWITCH_TEST_PATRONI") != "1",
    reason="a failover of real nodes takes minutes: CITYSWITCH_TEST_PATRONI=1, after make venv-ha",
)
def test_a_failover_loses_nothing() -> None:
    """One kill of the primary under load, as `make ha-demo` plays it: status 0, and it says so."""
    command = [sys.executable, "-m", "ops.deploy.ha", "--failovers", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 primaries killed under load: first good reply after" in done.stdout
    assert "all 1 rounds: 0 acknowledged lost" in done.stdout
