"""Settings and state of the Postgres server, judged.

Owns the rules beyond what the switch itself refuses to run with (`ledger.postgres.fitness` has those). Must
not ask the server: it is given what was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ledger.postgres.dsn import read_dsn
from ledger.postgres.fitness import Problem
from ledger.postgres.server_facts import ServerFacts, Standby
from ops.deploy.doctor.finding import Finding, Level, graded

GIB: Final = 1 << 30
SLOT_BYTES_WARN: Final = 1 * GIB
SLOT_BYTES_DANGER: Final = 16 * GIB
AGE_WARN: Final = 500_000_000
AGE_DANGER: Final = 1_500_000_000
"""Of 2,147,483,648 transactions, past which Postgres refuses every write."""
ALTER: Final = "`alter system set {name} = {value}`, then "
RELOAD: Final = "`select pg_reload_conf()`."
RESTART: Final = "restart the server."
_LISTED: Final = re.compile(r'"([^"]+)"|([\w.-]+|\*)')
_WANTS_PRIMARY: Final = re.compile(r"[?&]target_session_attrs=(read-write|primary)(&|$)")


class Rule(NamedTuple):
    """One setting: which values are bad, how bad, what they endanger, and the cure."""

    bad: tuple[str, ...]
    level: Level
    endangers: str
    cure: str


RULES: Final[Mapping[str, Rule]] = {
    "data_checksums": Rule(
        ("off",), "warning", "a page the disk has damaged is read as if it were sound",
        "Stop the server, `pg_checksums --enable -D …`, start it.",
    ),
    "synchronous_commit": Rule(
        ("off", "local", "remote_write"), "warning",
        "the switch's own sessions set it, but whatever else writes here may lose its last second",
        "`alter role … reset synchronous_commit`, the same for the database, and `alter system reset …`.",
    ),
    "wal_level": Rule(
        ("minimal",), "warning", "no base backup can be made of a running server",
        ALTER.format(name="wal_level", value="replica") + RESTART,
    ),
    "archive_mode": Rule(
        ("off",), "warning", "after a disk is lost, all since the last base backup is gone",
        "Archive the log and make base backups: docs/how-to/backup.md.",
    ),
    "autovacuum": Rule(
        ("off",), "danger", "tables swell, and in the end the server refuses every write",
        ALTER.format(name="autovacuum", value="on") + RELOAD,
    ),
    "track_counts": Rule(
        ("off",), "danger", "autovacuum does nothing without it",
        ALTER.format(name="track_counts", value="on") + RELOAD,
    ),
    "zero_damaged_pages": Rule(
        ("on",), "danger", "damaged pages of the books are thrown away in silence",
        ALTER.format(name="zero_damaged_pages", value="off") + RELOAD,
    ),
    "ignore_checksum_failure": Rule(
        ("on",), "danger", "damaged pages are read as if they were sound",
        ALTER.format(name="ignore_checksum_failure", value="off") + RELOAD,
    ),
}  # fmt: skip


def judge_durability(problems: list[Problem]) -> list[Finding]:
    """Give what the switch itself refuses to run with as findings."""
    if not problems:
        return [Finding("durability", "ok", "what is acknowledged outlives a crash of the server")]
    return [
        Finding("durability", "danger", problem.seen, problem.endangers, problem.cure) for problem in problems
    ]


def judge_server(facts: ServerFacts) -> Iterator[Finding]:
    """Judge settings and state, one finding each."""
    yield from judge_settings(facts.settings)
    yield judge_recovery(facts.is_standby)
    yield judge_standbys(facts.settings.get("synchronous_standby_names", ""), facts.standbys)
    yield judge_archiving(facts)
    yield judge_slots(facts.idle_slots)
    yield judge_age(facts.oldest_transaction_age)


def judge_settings(settings: Mapping[str, str]) -> Iterator[Finding]:
    """Judge each setting that could be read."""
    for name, rule in RULES.items():
        value = settings.get(name)
        if value is None:
            continue
        bad = value in rule.bad
        seen = f"{name} = {value}"
        yield Finding(name, rule.level, seen, rule.endangers, rule.cure) if bad else Finding(name, "ok", seen)


def judge_recovery(is_standby: bool) -> Finding:
    """Judge whether the server takes writes."""
    if not is_standby:
        return Finding("recovery", "ok", "the server takes writes")
    return Finding(
        "recovery", "danger", "the server is a standby, or still recovers", "nothing can be posted",
        "Name the primary in the DSN, or `select pg_promote()`.",
    )  # fmt: skip


def judge_standbys(names: str, standbys: Sequence[Standby]) -> Finding:
    """Judge whether a standby is there that confirms every commit; `names`: `synchronous_standby_names`."""
    there = ", ".join(standby.name for standby in standbys) or "none"
    confirming = [standby.name for standby in standbys if _confirms(names, standby)]
    if not names:
        if not standbys:
            return Finding("standbys", "ok", "commits wait for no standby, and none is connected")
        return Finding(
            "standbys", "warning", f"commits wait for no standby (connected: {there})",
            "a failover to one of them loses what was acknowledged last",
            "Have commits wait for one: docs/how-to/high-availability.md.",
        )  # fmt: skip
    if confirming:
        return Finding("standbys", "ok", f"commits wait for '{names}' (confirmed by {', '.join(confirming)})")
    return Finding(
        "standbys", "danger", f"commits wait for '{names}', which is not connected (connected: {there})",
        "no posting is ever answered but by \"try again\"",
        "Start that standby, or name one that is connected: "
        + ALTER.format(name="synchronous_standby_names", value="…") + RELOAD + " Patroni does it by itself.",
    )  # fmt: skip


def _confirms(names: str, standby: Standby) -> bool:
    """Whether commits wait for a standby; by its name where its state is not told."""
    if standby.state is not None:
        return standby.state in {"sync", "quorum"}
    listed = {one or other for one, other in _LISTED.findall(names)}
    return bool(listed & {"*", standby.name})


def judge_hosts(dsn: str) -> Iterator[Finding]:
    """Judge a DSN of several hosts: it has to say that it wants the one that takes writes."""
    hosts = read_dsn(dsn).hosts
    if len(hosts) == 1:
        return
    seen = f"the DSN names {len(hosts)} hosts"
    if all(_WANTS_PRIMARY.search(host) for host in hosts):
        yield Finding("hosts", "ok", f"{seen}, and the one that takes writes is taken")
        return
    yield Finding(
        "hosts", "warning", f"{seen}, and takes whichever answers",
        "while no primary is there a standby is taken for one, and nothing can be posted",
        "Add `target_session_attrs=read-write` to the DSN.",
    )  # fmt: skip


def judge_archiving(facts: ServerFacts) -> Finding:
    """Judge whether the last try to archive the log worked."""
    failed, worked = facts.archive_failed_at, facts.archived_at
    if failed is not None and (worked is None or failed > worked):
        return Finding(
            "archiving", "danger",
            f"{facts.archive_failed_file} could not be archived at {failed:%Y-%m-%d %H:%M:%S}",
            "the log is kept until the disk is full, and no restore reaches past that file",
            "See the server's log for what archive_command said.",
        )  # fmt: skip
    if worked is None:
        return Finding("archiving", "ok", "nothing was archived yet")
    return Finding("archiving", "ok", f"last archived {worked:%Y-%m-%d %H:%M:%S}")


def judge_slots(idle: list[tuple[str, int]]) -> Finding:
    """Judge how much of the log is kept for replication slots that nobody reads."""
    if not idle:
        return Finding("slots", "ok", "no replication slot lies idle")
    name, kept = max(idle, key=lambda slot: slot[1])
    seen = f"slot {name} lies idle and keeps {kept / GIB:,.1f} GiB of the log"
    level = graded(kept, SLOT_BYTES_WARN, SLOT_BYTES_DANGER)
    if level == "ok":
        return Finding("slots", level, seen)
    cure = f"Start its reader, or `select pg_drop_replication_slot('{name}')`."
    return Finding("slots", level, seen, "the log is kept until the disk is full", cure)


def judge_age(age: int) -> Finding:
    """Judge how near the oldest transaction is to the end of the numbers."""
    seen = f"the oldest transaction is {age:,} back"
    level = graded(age, AGE_WARN, AGE_DANGER)
    if level == "ok":
        return Finding("transaction age", level, seen)
    cure = "`vacuum (freeze)` as the owner; look why autovacuum does not (an open transaction, an idle slot)."
    return Finding("transaction age", level, seen, "the server refuses every write at 2,147,483,648", cure)
