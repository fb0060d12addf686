"""`cityswitch doctor`: each judgement by what was measured, and the command on a real database."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest

from ledger.postgres.fitness import Problem
from ledger.postgres.server_facts import ServerFacts, Standby
from ledger.registry.erasures import KeysLeft
from ledger.registry.key_expiry import KeysRunningOut
from ops.cli import main
from ops.cli.doctor import ENDANGERS, lines_of, sum_of
from ops.deploy.doctor import clock, disk, expiries, limits, postgres
from ops.deploy.doctor.finding import Finding, Level, worst
from ops.exit_codes import Exit
from switch.config import Config
from switch.process.certificate import Certificate
from switch.wire.listener import BACKLOG
from tests.cli.office import RULES
from tests.postgres import FreshDatabase, Server

NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
SOUND = ServerFacts(
    settings={
        "archive_mode": "on", "autovacuum": "on", "data_checksums": "on", "ignore_checksum_failure": "off",
        "synchronous_commit": "on", "synchronous_standby_names": "", "track_counts": "on",
        "wal_level": "replica", "zero_damaged_pages": "off",
    },
    is_standby=False, standbys=[], oldest_transaction_age=50_000_000, database_bytes=1 << 30,
    archived_at=NOW, archive_failed_at=None, archive_failed_file=None, idle_slots=[],
)  # fmt: skip


def levels(findings: Iterable[Finding]) -> dict[str, Level]:
    """Return what is not well."""
    return {each.check: each.level for each in findings if each.level != "ok"}


def test_a_sound_server_has_no_finding() -> None:
    """Nothing is wrong with a server that is as it should be."""
    assert levels(postgres.judge_server(SOUND)) == {}


@pytest.mark.parametrize(
    ("name", "value", "level"),
    [
        ("data_checksums", "off", "warning"),
        ("synchronous_commit", "off", "warning"),
        ("synchronous_commit", "local", "warning"),
        ("wal_level", "minimal", "warning"),
        ("archive_mode", "off", "warning"),
        ("autovacuum", "off", "danger"),
        ("track_counts", "off", "danger"),
        ("zero_damaged_pages", "on", "danger"),
        ("ignore_checksum_failure", "on", "danger"),
    ],
)
def test_a_setting_that_endangers_is_named(name: str, value: str, level: Level) -> None:
    """Each bad value is told under the setting's own name, and nothing else with it."""
    settings = {**SOUND.settings, name: value}
    assert levels(postgres.judge_server(SOUND._replace(settings=settings))) == {name: level}


def test_a_setting_that_may_not_be_read_is_left_out() -> None:
    """A login that is told nothing of a setting is not told that it is well."""
    assert list(postgres.judge_settings({})) == []


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"is_standby": True}, {"recovery": "danger"}),
        ({"archive_failed_at": NOW + timedelta(seconds=1)}, {"archiving": "danger"}),
        ({"archive_failed_at": NOW - timedelta(seconds=1)}, {}),
        ({"archived_at": None, "archive_failed_at": NOW}, {"archiving": "danger"}),
        ({"archived_at": None}, {}),
        ({"idle_slots": [("a", 5)]}, {}),
        ({"idle_slots": [("a", 5), ("b", 2 << 30)]}, {"slots": "warning"}),
        ({"idle_slots": [("b", 20 << 30)]}, {"slots": "danger"}),
        ({"oldest_transaction_age": 600_000_000}, {"transaction age": "warning"}),
        ({"oldest_transaction_age": 2_000_000_000}, {"transaction age": "danger"}),
        ({"settings": {**SOUND.settings, "synchronous_standby_names": "b"}}, {"standbys": "danger"}),
    ],
)
def test_a_state_that_endangers_is_named(changed: dict[str, object], found: dict[str, Level]) -> None:
    """A standby, a failing archive, an idle slot, an old transaction, a standby that is waited for."""
    assert levels(postgres.judge_server(SOUND._replace(**changed))) == found  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "standbys", "level"),
    [
        ("", [], "ok"),
        ("", [Standby("b", "async")], "warning"),
        ("b", [Standby("b", "sync")], "ok"),
        ("b", [Standby("c", "async")], "danger"),  # another one is connected, and confirms nothing
        ("ANY 1 (b, c)", [Standby("b", "quorum"), Standby("c", "quorum")], "ok"),
        ("b", [Standby("b", "potential")], "danger"),
        ("*", [Standby("b", None)], "ok"),  # a login that may not see their state goes by their names
        ('1 ("b-1", "c")', [Standby("b-1", None)], "ok"),
        ("b", [Standby("c", None)], "danger"),
        ("b", [Standby("", None)], "danger"),
    ],
)
def test_a_standby_counts_if_commits_wait_for_it(names: str, standbys: list[Standby], level: Level) -> None:
    """One that is merely connected confirms nothing; none at all may be meant so."""
    assert postgres.judge_standbys(names, standbys).level == level


@pytest.mark.parametrize(
    ("dsn", "levels"),
    [
        ("postgresql://a/db", []),
        ("postgresql://a,b/db", ["warning"]),
        ("postgresql://a,b/db?target_session_attrs=any", ["warning"]),
        ("postgresql://a,b/db?target_session_attrs=read-write", ["ok"]),
        ("postgresql://@/db?host=a,b&target_session_attrs=primary", ["ok"]),
    ],
)
def test_several_hosts_have_to_ask_for_the_primary(dsn: str, levels: list[Level]) -> None:
    """Else a standby may be taken while there is no primary."""
    assert [finding.level for finding in postgres.judge_hosts(dsn)] == levels


def test_what_the_switch_refuses_to_run_with_is_a_danger() -> None:
    """The ledger's own rules come with their cures."""
    (finding,) = postgres.judge_durability([Problem("fsync is off", "lost", "set it")])
    assert finding == Finding("durability", "danger", "fsync is off", "lost", "set it")
    assert levels(postgres.judge_durability([])) == {}


@pytest.mark.parametrize(
    ("skew_s", "within_s", "level"),
    [(0.0, 0.001, "ok"), (0.4, 0.0, "ok"), (-0.6, 0.0, "warning"), (0.6, 0.2, "ok"), (-9.0, 0.2, "danger")],
)
def test_the_skew_counts_as_far_as_it_is_known(skew_s: float, within_s: float, level: Level) -> None:
    """Two clocks that part are told, but not what the way there and back may have made."""
    assert clock.judge_skew(skew_s, within_s).level == level


@pytest.mark.parametrize(("step_s", "level"), [(0.001, "ok"), (-0.2, "warning"), (3_600.0, "danger")])
def test_a_clock_that_was_set_is_told(step_s: float, level: Level) -> None:
    """A wall clock that jumps while the doctor looks is named."""
    assert clock.judge_step(step_s, 1.0).level == level


def test_a_clock_that_nothing_keeps_right_is_told() -> None:
    """The kernel's word counts; where it cannot be asked nothing is claimed."""
    assert [clock.judge_synchronised(is_right).level for is_right in (True, None, False)] == [
        "ok", "ok", "warning",
    ]  # fmt: skip
    assert clock.kernel_is_synchronised() in (True, False, None)


def test_both_clocks_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the wall clock gains over the steady one is the step."""
    watch = clock.StepWatch()
    wall, steady = watch._wall, watch._steady
    monkeypatch.setattr("time.time", lambda: wall + 7.0)
    monkeypatch.setattr("time.monotonic", lambda: steady + 2.0)
    assert watch.step() == (pytest.approx(5.0), pytest.approx(2.0))


@pytest.mark.parametrize(("free_gib", "level"), [(0.5, "danger"), (5, "warning"), (50, "ok")])
def test_a_full_disk_is_told_before(free_gib: float, level: Level) -> None:
    """Less than a tenth is a warning, less than a GiB a danger."""
    assert disk.judge_room("disk", "x", int(free_gib * (1 << 30)), 100 << 30).level == level


@pytest.mark.parametrize(
    ("times_s", "level"),
    [([0.001] * 3, "ok"), ([0.001, 0.001, 9.0], "ok"), ([0.02] * 3, "warning"), ([0.06] * 3, "danger")],
)
def test_a_slow_disk_is_told_by_its_median(times_s: list[float], level: Level) -> None:
    """One slow write is chance, half of them are the disk."""
    assert disk.judge_sync("sync", "x", times_s).level == level


def test_a_write_is_measured_and_leaves_nothing(tmp_path: Path) -> None:
    """As many times as rounds, also for a folder that is yet to be made, and no file stays."""
    times = disk.measure_sync_s(tmp_path / "not" / "there", rounds=3)
    assert len(times) == 3
    assert min(times) >= 0
    assert list(tmp_path.iterdir()) == []


def test_limits_are_held_against_the_settings() -> None:
    """Open files against connections, the backlog against what is asked for, processes against workers."""
    config = Config(workers=2, connections_max=1_000, handshakes_max=100)
    assert [limits.judge_descriptors(config, n).level for n in (5_000, 900, 150)] == [
        "ok", "warning", "danger",
    ]  # fmt: skip
    assert limits.judge_descriptors(config, -1).level == "ok"  # no limit
    assert "700 of 1,000" in limits.judge_descriptors(config, 900).seen
    assert [limits.judge_backlog(n).level for n in (None, BACKLOG, 128)] == ["ok", "ok", "warning"]
    assert [limits.judge_processes(config, n).level for n in (None, 96, 95)] == ["ok", "ok", "danger"]


def test_the_control_group_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is left of the group's processes is read from where the kernel shows it; "max" is no limit."""
    own, group = tmp_path / "cgroup", tmp_path / "fs" / "system.slice"
    group.mkdir(parents=True)
    own.write_text("1:name=systemd:/x\n0::/system.slice\n")
    monkeypatch.setattr("ops.deploy.doctor.limits.OWN_CGROUP", own)
    monkeypatch.setattr("ops.deploy.doctor.limits.CGROUPS", tmp_path / "fs")
    (group / "pids.current").write_text("40\n")
    (group / "pids.max").write_text("max\n")
    unlimited = limits.processes_allowed()
    (group / "pids.max").write_text("50\n")
    assert limits.processes_allowed() == 10
    assert unlimited is None or unlimited > 10


@pytest.mark.parametrize(("days", "level"), [(-1, "danger"), (3, "danger"), (20, "warning"), (90, "ok")])
def test_a_certificate_is_told_before_it_ends(days: int, level: Level) -> None:
    """Thirty days before is a warning, seven a danger, and so is one that has ended."""
    now_ms = 1_800_000_000_000
    certificate = Certificate(0, now_ms + days * expiries.DAY_MS)
    assert expiries.judge_certificate(certificate, now_ms).level == level
    assert expiries.judge_certificate(None, now_ms).level == "ok"


def test_terminals_without_a_key_are_counted() -> None:
    """Keys that will end are a warning, ended ones a danger."""
    found = [
        expiries.judge_terminal_keys(KeysRunningOut(*each)) for each in [(0, 0, None), (0, 2, 7), (1, 2, 7)]
    ]
    assert [each.level for each in found] == ["ok", "warning", "danger"]


def test_a_vault_of_another_time_is_a_danger() -> None:
    """Older than the database, or with erasures that this database has not seen."""
    found = [expiries.judge_vault(KeysLeft(*each)) for each in [(0, 7, 9), (0, 9, 7), (2, 7, 9)]]
    assert [each.level for each in found] == ["ok", "danger", "danger"]
    assert "`cityswitch holders erasures --apply`" in found[2].cure


def test_keys_that_a_killed_command_left_are_told() -> None:
    """Each by its name, and how it is removed for good."""
    assert expiries.judge_left([]).level == "ok"
    found = expiries.judge_left([Path("/etc/cityswitch/.master.key.0123456789abcdef")])
    assert (found.level, found.seen) == ("warning", "/etc/cityswitch/.master.key.0123456789abcdef")


def test_the_master_key_s_note_names_the_database() -> None:
    """A key whose note does not name this database may be another's."""
    uses = [("database", "db.example/cityswitch")]
    assert expiries.judge_key_note(uses, "db.example/cityswitch").level == "ok"
    assert expiries.judge_key_note(uses, "other/cityswitch").level == "warning"
    assert expiries.judge_key_note([], "other/cityswitch").level == "warning"


def test_findings_are_shown_with_danger_and_cure() -> None:
    """What is well has a line, what is not has three, and the last line counts."""
    found = [Finding("a", "ok", "fine"), Finding("b", "danger", "seen", "the books", "mend it")]
    assert [*chain.from_iterable(map(lines_of, found)), sum_of(found)] == [
        "ok       a                        fine",
        "danger   b                        seen",
        "         endangers: the books",
        "         cure: mend it",
        "1 dangers, 0 warnings, 1 ok",
    ]
    assert worst(found) == "danger"
    assert worst([]) == "ok"


def test_the_command_on_a_sound_installation(
    fresh: FreshDatabase, postgres_server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every check is there, a weakened database is told with its cure, a danger ends in status 1."""
    place = [
        "--state-dir",
        str(tmp_path / "state"),
        "--master-key-file",
        str(tmp_path / "etc" / "master.key"),
    ]
    assert main(["init", "--dsn", fresh.owner_dsn, *place]) == Exit.OK
    assert main(["programmes", "apply", str(RULES), "--dsn", fresh.owner_dsn, *place]) == Exit.OK
    postgres_server.execute(f"alter database {fresh.name} set synchronous_commit = off")
    capsys.readouterr()

    def examined(*words: str) -> tuple[int, dict[str, dict[str, str]]]:
        status = main(["doctor", "--json", "--dsn", fresh.service_dsn, *place, *words])
        said = json.loads(capsys.readouterr().out)
        assert (said["worst"] == "danger") == (status == Exit.DIFFERENCES)
        return status, {each["check"]: each for each in said["findings"]}

    _, found = examined()
    assert {
        *ENDANGERS, *postgres.RULES, "state disk", "state sync", "certificate", "open files", "backlog",
        "processes", "clock source", "master key's note", "durability", "recovery", "standbys", "archiving",
        "slots", "transaction age", "Postgres' disk", "terminal keys", "holders' keys", "rotation", "peppers",
        "revoked certificates", "clock skew",
        "commit", "clock step", "keys left beside",
    } == set(found)  # fmt: skip
    assert found["synchronous_commit"]["level"] == "warning"
    assert "reset synchronous_commit" in found["synchronous_commit"]["cure"]
    assert found["database"]["level"] == found["registry"]["level"] == "ok"
    assert found["clock skew"]["level"] == "ok"
    assert found["durability"]["level"] == "ok"
    assert found["keys left beside"]["level"] == "ok"
    key = tmp_path / "etc" / "master.key"
    left = [key.with_name(f".{name}.0123456789abcdef") for name in ("master.key", "master.key.vault")]
    for each in left:
        each.write_bytes(b"keys")
    key.with_name(".master.key.old").write_bytes(b"of somebody else")
    key.chmod(0o644)
    status, found = examined()
    assert found["keys left beside"]["seen"] == ", ".join(map(str, left))
    assert status == Exit.DIFFERENCES
    assert found["master key"]["level"] == "danger"
    assert "chmod 600" in found["master key"]["seen"] + found["master key"]["cure"]


def test_a_database_that_is_gone_is_one_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What does not need the database is still looked at; what does is named once as not looked at."""
    gone = "postgresql://cityswitch_service@127.0.0.1:1/cityswitch"
    status = main(["doctor", "--json", "--dsn", gone, "--state-dir", str(tmp_path)])
    said = json.loads(capsys.readouterr().out)
    assert status == Exit.DIFFERENCES
    found = {each["check"]: each["level"] for each in said["findings"]}
    assert found["database"] == "danger"
    assert found["state"] == "ok"
    assert found["not looked at"] == "warning"
    assert not {"connections", "registry", "commits", "durability"} & set(found)
