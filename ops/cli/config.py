"""`cityswitch config`: the settings in force, where each comes from, whether everything they name is there; a
file to begin with.

Owns the list of checks. Must not change anything it looks at. Invariants: every check runs even when an
earlier one fails; the exit status is that of the first failure; a password is never printed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from cyclopts import App

from ledger.books.rights import connections_allowed, rights_to_the_books
from ledger.postgres.database import open_database
from ledger.postgres.dsn import without_password
from ledger.postgres.fitness import check_durability
from ledger.postgres.migrate import pending
from ledger.postgres.pooling import check_sessions
from ledger.registry import installation
from ledger.registry.reads import CardTuple, read_changes
from ledger.registry.secrets import MasterKey
from ops.cli.failures import report
from ops.cli.help_texts import examples
from ops.cli.registry_options import Json
from ops.deploy.configuration import example_file
from ops.deploy.doctor.disk import FREE_BYTES_MIN, nearest_existing, room_of
from ops.deploy.doctor.limits import descriptors_allowed, judge_descriptors
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import print_json, print_line, print_text, text_of
from ops.place.database import Purpose, database_server
from ops.place.installation import check_key
from ops.place.options import HERE, Place
from ops.place.running import read_note
from switch.clock import clock_ms
from switch.config import ENVIRONMENT_PREFIX, Config, read_toml
from switch.process.certificate import read_certificate
from switch.process.worker import database_connections
from switch.rules.programme import parse_rules

MEND: Final = "Mend that, then run this again."

app = App(
    name="config",
    help="Settings of the switch.",
    help_epilogue=examples("config check", "config example", "config check --json"),
)


class Checked(NamedTuple):
    """What one check found: "ok" or the exit status its failure stands for, one line, and its two halves."""

    check: str
    status: Exit
    text: str
    cause: str = ""
    cure: str = ""


@app.command(
    help_epilogue=examples(
        "config check", "config check --config /etc/cityswitch/cityswitch.toml", "config check --json"
    )
)
async def check(*, json: Json = False, place: Place = HERE) -> Exit:
    """Print the settings in force with their origin, and check everything they name."""
    config = place.settings()
    settings = list(effective(place, config))
    findings = await run_checks(place, config)
    if json:
        print_json({
            "settings": settings,
            "checks": [{"check": f.check, "status": int(f.status), "text": f.text} for f in findings],
        })  # fmt: skip
    else:
        for row in settings:
            value = row["value"]
            shown = f'"{value}"' if isinstance(value, str) else text_of(value)
            print_line(f"{row['setting']} = {shown}  # {row['origin']}")
        print_line("")
        for finding in findings:
            print_line(
                f"{'ok  ' if finding.status is Exit.OK else 'FAIL'}  {finding.check:<12} {finding.text}"
            )
    return next((finding.status for finding in findings if finding.status is not Exit.OK), Exit.OK)


@app.command(help_epilogue=examples("config example > /etc/cityswitch/cityswitch.toml"))
def example() -> None:
    """Print a settings file to begin with: every setting with its meaning, its bounds and its default."""
    print_text(example_file())


def effective(place: Place, config: Config) -> Iterator[dict[str, Any]]:
    """Yield every setting with its value and origin: command line, environment, file or default."""
    given = {name for name, value in place.options().items() if value is not None}
    in_file = set(read_toml(place.file)) if place.file else set()
    for name in Config.__struct_fields__:
        if name in given:
            origin = "command line"
        elif ENVIRONMENT_PREFIX + name.upper() in os.environ:
            origin = f"environment {ENVIRONMENT_PREFIX}{name.upper()}"
        elif name in in_file:
            origin = str(place.file)
        else:
            origin = "default"
        value = getattr(config, name)
        yield {
            "setting": name,
            "value": without_password(value) if "dsn" in name else value,
            "origin": origin,
        }


async def run_checks(place: Place, config: Config) -> list[Checked]:
    """Run every check and return what each found."""
    findings = [
        look("master key", lambda: check_master_key(config)),
        look("state", lambda: check_state(config.state_path)),
        look("ports", lambda: check_ports(config)),
        look("tls", lambda: check_tls(config)),
        look("files", lambda: check_descriptors(config)),
    ]
    try:
        async with database_server(place, config, Purpose.LOOK) as dsns:
            findings += [
                await ask("database", lambda: check_service(dsns.service)),
                await ask("connections", lambda: ask_connections(config, dsns.service)),
                await ask("sessions", lambda: ask_sessions(dsns.service)),
                await ask("durability", lambda: ask_durability(dsns.service)),
                await ask("migrations", lambda: check_migrations(dsns.service)),
                await ask("registry", lambda: check_registry(config, dsns.service)),
            ]
    except (Exception, BaseExceptionGroup) as error:
        findings.append(failed("database", error))
    return findings


def look(name: str, check_it: Callable[[], str]) -> Checked:
    """Run one check that needs no waiting."""
    try:
        return Checked(name, Exit.OK, check_it())
    except Exception as error:
        return failed(name, error)


async def ask(name: str, check_it: Callable[[], Awaitable[str]]) -> Checked:
    """Run one check of the database."""
    try:
        return Checked(name, Exit.OK, await check_it())
    except (Exception, BaseExceptionGroup) as error:
        return failed(name, error)


def failed(name: str, error: BaseException) -> Checked:
    """Return the finding for a check that raised."""
    told = report(error)
    return Checked(name, told.status, str(told), told.cause, told.cure or MEND)


def check_master_key(config: Config) -> str:
    """The master key is there, open to this user alone, and not where development has its own."""
    check_key(config, is_embedded=not (config.dsn or config.owner_dsn))
    MasterKey.load(config.master_key_path)
    return str(config.master_key_path)


def check_state(state: Path) -> str:
    """The state directory can be written, and its disk has room."""
    nearest = nearest_existing(state)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise CommandError(
            Exit.STATE, f"{nearest} cannot be written.", "Give this user access, or set state_dir."
        )
    free, _ = room_of(state)
    if free < FREE_BYTES_MIN:
        raise CommandError(
            Exit.STATE,
            f"{nearest} has {free >> 20} MiB free, {FREE_BYTES_MIN >> 20} are wanted.",
            "Free some space.",
        )
    return f"{state}, {free >> 30} GiB free"


def check_ports(config: Config) -> str:
    """The ports are free, or held by the switch of this state directory."""
    noted = read_note(config.state_path)
    if noted:
        return f"the switch runs already (process {noted.pid}) on {noted.host}:{noted.port}"
    wanted = [(config.listen_host, config.listen_port, "listen_port")]
    wanted += [(config.http_host, config.http_port + worker, "http_port") for worker in range(config.workers)]
    for host, port, setting in wanted:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CommandError(
                    Exit.PORT, f"{host}:{port}: {error.strerror}.", f"Stop what holds it, or set {setting}."
                ) from None
    return ", ".join(f"{host}:{port}" for host, port, _ in wanted) + " free"


def check_tls(config: Config) -> str:
    """Certificate and key belong together, and terminals can trust the certificate today."""
    certificate = read_certificate(config)
    if certificate is None:
        return f"off for {config.listen_host}"
    if problem := certificate.problem(clock_ms()):
        raise CommandError(Exit.CONFIGURATION, f"{problem}.", "Name another with tls_certificate.")
    return f"TLS 1.3, the certificate is valid until {certificate.until}"


def check_descriptors(config: Config) -> str:
    """Say how many connections the limit of open files leaves; past it the switch only stops accepting."""
    finding = judge_descriptors(config, descriptors_allowed())
    return f"{finding.seen} ({finding.cure})" if finding.cure else finding.seen


async def check_service(dsn: str) -> str:
    """The database answers, is new enough, and the service's role can read the books but not change them."""

    async with open_database(dsn, connections_max=1, application_name="cityswitch config check") as database:
        rights = await database.run(rights_to_the_books)
    if rights.may_change:
        raise CommandError(
            Exit.CONFIGURATION,
            f"role {rights.role} may change postings.",
            "Let `dsn` name cityswitch_service.",
        )
    if not rights.may_read:
        raise CommandError(
            Exit.CONFIGURATION, f"role {rights.role} may not read postings.", "Run `cityswitch migrate`."
        )
    return f"Postgres {rights.server_version} as {rights.role}"


async def ask_connections(config: Config, dsn: str) -> str:
    """Role, database and server allow the connections that all workers may hold at once."""
    async with open_database(dsn, connections_max=1, application_name="cityswitch config check") as database:
        allowed = await database.run(connections_allowed)
    needed = config.workers * database_connections(config)
    if allowed < needed:
        raise CommandError(
            Exit.CONFIGURATION,
            f"the workers hold up to {needed} connections to the database, and {allowed} are allowed.",
            "Raise max_connections, or the connection limit of role or database; or set fewer `workers`.",
        )
    return f"up to {needed} of the {allowed} allowed"


async def ask_sessions(dsn: str) -> str:
    """Nothing between here and the server mixes sessions up, as a pooler by transaction does."""
    async with open_database(dsn, connections_max=1, application_name="cityswitch config check") as database:
        with (
            database.passing_session(database.target) as one,
            database.passing_session(database.target) as two,
        ):
            await check_sessions(one, two)
    return "each connection is a session of its own"


async def ask_durability(dsn: str) -> str:
    """What the switch acknowledges outlives a crash of the server."""
    async with open_database(dsn, connections_max=1, application_name="cityswitch config check") as database:
        problems = await database.run(check_durability)
    if problems:
        raise CommandError(Exit.CONFIGURATION, "; ".join(map(str, problems)), "Then run this check again.")
    return "what is acknowledged outlives a crash of the server"


async def check_migrations(dsn: str) -> str:
    """No migration waits that this version needs."""
    waiting = await pending(dsn)
    if waiting.before:
        raise CommandError(
            Exit.CONFIGURATION, f"{len(waiting.before)} migrations wait.", "Run `cityswitch migrate`."
        )
    if waiting.after:
        return f"up to date; {len(waiting.after)} wait for `cityswitch migrate --after`"
    return "up to date"


async def check_registry(config: Config, dsn: str) -> str:
    """The rules can be loaded, and the master key is this database's."""
    cards = 0

    def count(rows: Sequence[CardTuple]) -> None:
        nonlocal cards
        cards += len(rows)

    async with open_database(dsn, connections_max=1, application_name="cityswitch config check") as database:
        master = MasterKey.load(config.master_key_path)
        await database.run(lambda connection: installation.check_master_key(connection, master))
        snapshot = await database.run(lambda connection: read_changes(connection, 0, count), timeout_s=60)
    for rules in snapshot.rules:
        parse_rules(rules.rules_toml, source=f"programme {rules.programme}, version {rules.version}")
    if not snapshot.rules:
        raise CommandError(
            Exit.CONFIGURATION,
            "no programme has rules.",
            "Apply some with `cityswitch programmes apply FILE`.",
        )
    return (
        f"{len(snapshot.programmes)} programmes, {len(snapshot.partners)} partners, "
        f"{len(snapshot.terminals)} terminals, {cards} cards"
    )
