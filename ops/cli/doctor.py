"""`cityswitch doctor`: what endangers this switch, seen from here, and the cure for each.

Owns the order of the checks and how they are shown. Must not judge anything itself: `ops.deploy.doctor` does,
and `config check` and `ledger.postgres.fitness` have the rules they had. Invariants: nothing is changed, only
commits are made that hold nothing; every check runs whatever became of the others, but for a database that
answers none; what is seen is told as soon as it is; exit status 1 if and only if there is a danger.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Final, TypeAlias

from cyclopts import App

from ledger.postgres.database import Database, open_database
from ledger.postgres.fitness import check_durability
from ledger.postgres.server_facts import ServerFacts, commit_nothing, read_clock, read_server
from ledger.registry.beside import left_beside
from ledger.registry.erasures import read_keys_left
from ledger.registry.key_expiry import keys_running_out
from ledger.registry.peppers import read_peppers
from ledger.registry.secrets import MasterKey, vault_path
from ops.cli import config as settings_check
from ops.cli.failures import report
from ops.cli.help_texts import examples
from ops.cli.registry_options import Json
from ops.deploy.doctor import clock, disk, expiries, limits, postgres
from ops.deploy.doctor.finding import Finding, worst
from ops.exit_codes import Exit
from ops.office.master_key import read_states
from ops.output import print_json, print_line
from ops.place.database import Dsns, Purpose, database_server
from ops.place.installation import database_name, read_uses
from ops.place.options import HERE, Place
from switch.clock import clock_ms
from switch.config import Config
from switch.process.certificate import read_certificate, revocations_until

COMMIT_ROUNDS: Final = 20
CLOCK_ROUNDS: Final = 5
ENDANGERS: Final = {
    "master key": "no terminal signs on, and no card is known",
    "state": "the switch does not start",
    "ports": "the switch does not start",
    "database": "nothing can be posted",
    "connections": 'postings wait for a connection, and are answered "try again"',
    "sessions": "settings and locks of one worker become another's",
    "migrations": "the switch does not start, or not all that it writes is kept",
    "registry": "terminals and cards are not known, or no rules are in force",
}
"""What the checks of `config check` are for, by their names."""

app = App(
    name="doctor", help_epilogue=examples("doctor", "doctor --config /etc/cityswitch/cityswitch.toml --json")
)


@app.default
async def doctor(*, json: Json = False, place: Place = HERE) -> Exit:
    """Look at clock, disks, database, limits and expiries; say what endangers the switch, and the cure.

    Ends in status 1 where there is a danger; a warning does not count.
    """
    found = []
    async for finding in examine(place, place.settings()):
        found.append(finding)
        if not json:
            for line in lines_of(finding):
                print_line(line)
    if json:
        print_json({"worst": worst(found), "findings": found})
    else:
        print_line(sum_of(found))
    return Exit.DIFFERENCES if worst(found) == "danger" else Exit.OK


def lines_of(finding: Finding) -> Iterator[str]:
    """Yield a finding as people read it: a line, and two more where something is wrong."""
    yield f"{finding.level:<8} {finding.check:<24} {finding.seen}"
    if finding.level != "ok":
        yield f"{'':<8} endangers: {finding.endangers}"
        yield f"{'':<8} cure: {finding.cure}"


def sum_of(found: Iterable[Finding]) -> str:
    """Return how many of each there are, as a line."""
    counts = Counter(each.level for each in found)
    return f"{counts['danger']} dangers, {counts['warning']} warnings, {counts['ok']} ok"


async def examine(place: Place, config: Config) -> AsyncIterator[Finding]:
    """Run every check, and yield what is seen as soon as it is; of the database last."""
    watch = clock.StepWatch()
    for finding in examine_machine(config):
        yield finding
    try:
        async with database_server(place, config, Purpose.LOOK) as dsns, aclosing(_of(config, dsns)) as found:
            async for finding in found:
                yield finding
    except (Exception, BaseExceptionGroup) as error:
        yield _failed("database", error)
    yield clock.judge_step(*watch.step())


def examine_machine(config: Config) -> Iterator[Finding]:
    """Yield what can be seen without the database."""
    look = settings_check.look
    yield _from(look("master key", lambda: settings_check.check_master_key(config)))
    yield _from(look("state", lambda: settings_check.check_state(config.state_path)))
    yield _from(look("ports", lambda: settings_check.check_ports(config)))
    yield _seen(
        "state disk",
        lambda: disk.judge_room("state disk", str(config.state_path), *disk.room_of(config.state_path)),
    )
    yield _seen("state sync", lambda: _state_sync(config.state_path))
    yield _seen("certificate", lambda: expiries.judge_certificate(read_certificate(config), clock_ms()))
    yield _seen(
        "revoked certificates", lambda: expiries.judge_revocations(revocations_until(config), clock_ms())
    )
    yield _seen("keys left beside", lambda: expiries.judge_left(_left_beside(config.master_key_path)))
    yield limits.judge_descriptors(config, limits.descriptors_allowed())
    yield limits.judge_backlog(limits.read_somaxconn())
    yield limits.judge_processes(config, limits.processes_allowed())
    yield clock.judge_synchronised(clock.kernel_is_synchronised())


def _left_beside(key: Path) -> list[Path]:
    """A link to the key stays one, so what is written lies beside the file; a vault lies beside the link."""
    return [*left_beside(key.resolve()), *left_beside(vault_path(key))]


async def _of(config: Config, dsns: Dsns) -> AsyncGenerator[Finding, None]:
    """Yield what is seen of the database as the switch's own role; nothing more once it answers no more.

    It was silent for as long as a check waits: each of the others would wait as long, and say the same.
    """
    where = str(config.state_path) if dsns.is_embedded else database_name(dsns.owner)
    yield expiries.judge_key_note(read_uses(config.master_key_path), where)
    for finding in postgres.judge_hosts(dsns.service):
        yield finding
    async with open_database(
        dsns.service, connections_max=1, application_name="cityswitch doctor"
    ) as database:
        checks = _database_checks(config, dsns, database)
        for place, (check, ask) in enumerate(checks):
            found, answers = await ask()
            for finding in found:
                yield finding
            if not answers:
                left = ", ".join(name for name, _ in checks[place + 1 :])
                if left:
                    cure = f'Mend "{check}", then run this again.'
                    yield Finding("not looked at", "warning", left, "what these look for is not known", cure)
                return


_Ask: TypeAlias = Callable[[], Awaitable[tuple[list[Finding], bool]]]
"""What one check finds, and whether the database answered it."""


def _database_checks(config: Config, dsns: Dsns, database: Database) -> list[tuple[str, _Ask]]:
    """Every check of the database by its name, in order."""

    def of_settings(name: str, check: Callable[[], Awaitable[str]]) -> tuple[str, _Ask]:
        async def ask() -> tuple[list[Finding], bool]:
            checked = await settings_check.ask(name, check)
            return [_from(checked)], checked.status is not Exit.DATABASE

        return name, ask

    def of_session(job: Callable[[Database], Awaitable[list[Finding]]]) -> tuple[str, _Ask]:
        name = job.__name__.removeprefix("_ask_")

        async def ask() -> tuple[list[Finding], bool]:
            try:
                return await job(database), True
            except (Exception, BaseExceptionGroup) as error:
                return [_failed(name, error)], report(error).status is not Exit.DATABASE

        return name, ask

    return [
        of_settings("database", lambda: settings_check.check_service(dsns.service)),
        of_settings("connections", lambda: settings_check.ask_connections(config, dsns.service)),
        of_settings("sessions", lambda: settings_check.ask_sessions(dsns.service)),
        of_settings("migrations", lambda: settings_check.check_migrations(dsns.service)),
        of_settings("registry", lambda: settings_check.check_registry(config, dsns.service)),
        *map(
            of_session,
            (
                _ask_durability,
                _ask_server,
                _ask_keys,
                _of_vault(config),
                _of_rotation(config),
                _ask_clock,
                _ask_commits,
            ),
        ),
    ]


async def _ask_durability(database: Database) -> list[Finding]:
    return postgres.judge_durability(await database.run(check_durability))


async def _ask_server(database: Database) -> list[Finding]:
    facts = await database.run(read_server)
    return [*postgres.judge_server(facts), *_server_disk(facts)]


def _server_disk(facts: ServerFacts) -> Iterator[Finding]:
    """The disk of Postgres, where its directory is told to us and is on this machine."""
    size = f"{facts.database_bytes / (1 << 30):,.1f} GiB"
    directory = Path(facts.settings.get("data_directory", ""))
    try:
        free, total = disk.room_of(directory) if directory.is_dir() and directory.is_absolute() else (0, 0)
    except OSError:
        total = 0
    if not total:
        seen = f"the database has {size}; its disk cannot be seen from here"
        yield Finding("Postgres' disk", "ok", seen)
        return
    yield disk.judge_room("Postgres' disk", f"Postgres in {directory} (database {size})", free, total)


async def _ask_keys(database: Database) -> list[Finding]:
    keys = await database.run(lambda connection: keys_running_out(connection, expiries.KEY_DAYS_WARN))
    return [expiries.judge_terminal_keys(keys)]


def _of_vault(config: Config) -> Callable[[Database], Awaitable[list[Finding]]]:
    async def _ask_holders_keys(database: Database) -> list[Finding]:
        vault = MasterKey.load(config.master_key_path).vault
        return [expiries.judge_vault(await database.run(lambda c: read_keys_left(c, vault)))]

    return _ask_holders_keys


def _of_rotation(config: Config) -> Callable[[Database], Awaitable[list[Finding]]]:
    async def _ask_rotation(database: Database) -> list[Finding]:
        master = MasterKey.load(config.master_key_path)
        held = await database.run(read_peppers)
        lacking = [one for one, peppers in held.items() if not master.has_pepper(one, peppers.newest)]
        return [
            expiries.judge_rotation(await read_states(database, master)),
            expiries.judge_peppers(held, lacking),
        ]

    return _ask_rotation


async def _ask_clock(database: Database) -> list[Finding]:
    """The try with the shortest way there and back knows best."""
    tries = []
    for _ in range(CLOCK_ROUNDS):
        began, steady = time.time(), time.monotonic()
        theirs = await database.run(read_clock)
        within = (time.monotonic() - steady) / 2
        tries.append((within, theirs - began - within))
    within, skew = min(tries)
    return [clock.judge_skew(skew, within)]


async def _ask_commits(database: Database) -> list[Finding]:
    times = []
    for _ in range(COMMIT_ROUNDS):
        began = time.monotonic()
        await database.run(commit_nothing)
        times.append(time.monotonic() - began)
    return [disk.judge_sync("commit", "an empty commit, from here", times)]


def _state_sync(state: Path) -> Finding:
    times = disk.measure_sync_s(state)
    return disk.judge_sync("state sync", f"8 KiB made to last in {state}", times)


def _seen(check: str, judge: Callable[[], Finding]) -> Finding:
    try:
        return judge()
    except Exception as error:
        return _failed(check, error)


def _from(checked: settings_check.Checked) -> Finding:
    """Give a finding of `config check` as one of ours."""
    if checked.status is Exit.OK:
        return Finding(checked.check, "ok", checked.text)
    return Finding(checked.check, "danger", checked.cause, ENDANGERS[checked.check], checked.cure)


def _failed(check: str, error: BaseException) -> Finding:
    told = report(error)
    return Finding(
        check, "danger", told.cause, ENDANGERS.get(check, "it is not known whether all is well"),
        told.cure or "Mend that, then run this again.",
    )  # fmt: skip
