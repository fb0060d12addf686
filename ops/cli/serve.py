"""`cityswitch serve`: the switch itself.

Owns the options and the order: database, workers, note of where it listens. Must not know transactions
(`switch.process.supervisor` does the serving). Invariants: SIGTERM and Ctrl-C drain, and then the
status is 0; what is said goes to the log, for standard error is the log's.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import asdict, dataclass
from typing import Annotated, Final, Literal

import msgspec
import structlog
import trio
from cyclopts import App, Group, Parameter

from ops.cli.help_texts import examples
from ops.place.database import Purpose, database_server
from ops.place.installation import install
from ops.place.options import HERE, Place
from ops.place.running import Reloaded, RunningNote, note_of, noted, was_killed
from ops.place.state_lock import state_held
from switch.config import Changes, Config, ConfigError
from switch.logs import configure_logs, log_whole_process
from switch.process.lines import TAKE_OVER_S_MAX
from switch.process.notify import Notifier
from switch.process.supervisor import Running as Listening
from switch.process.supervisor import Supervisor

log = structlog.get_logger()

app = App(
    name="serve",
    help_epilogue=examples(
        "serve",
        "serve --config /etc/cityswitch/cityswitch.toml",
        "serve --workers 2 --listen-host 0.0.0.0 --listen-port 7070",
    ),
)


@Parameter(name="*", group=Group("Settings", sort_key=5))
@dataclass(frozen=True, kw_only=True)
class Overrides:
    """Settings that win over the file and the environment."""

    listen_host: Annotated[str | None, Parameter(help="Address terminals connect to.")] = None
    listen_port: Annotated[int | None, Parameter(help="Port terminals connect to (7070; 0: any free).")] = (
        None
    )
    http_host: Annotated[str | None, Parameter(help="Address of metrics and health.")] = None
    http_port: Annotated[
        int | None, Parameter(help="Port of the first worker's metrics (9170; 0: any free).")
    ] = None
    workers: Annotated[int | None, Parameter(help="Worker processes (1).")] = None
    log_level: Annotated[Literal["debug", "info", "warning", "error"] | None, Parameter(help="(info)")] = None


SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
NO_OVERRIDES: Final = Overrides()


@app.default
async def serve(*, overrides: Overrides = NO_OVERRIDES, place: Place = HERE) -> int:
    """Serve terminals until SIGTERM or Ctrl-C, then answer what is in flight and end.

    SIGHUP reads settings and certificate again; the log says what has changed and what needs a restart.
    """
    config = place.settings(**asdict(overrides))
    configure_logs(config.log_level)
    log_whole_process()
    notifier = Notifier.of(os.environ)
    async with AsyncExitStack() as stack:
        stack.enter_context(state_held(config.state_path, "serve"))
        server = database_server(place, config, Purpose.CHANGE, tell=_tell)
        dsns = await stack.enter_async_context(server)
        if dsns.is_embedded:
            await install(config, dsns)

        def served(config: Config) -> Config:
            return msgspec.structs.replace(config, dsn=dsns.service, owner_dsn="")

        note = Note(stack.enter_context(ExitStack()), config)
        supervisor = Supervisor(
            served(config),
            note.serving,
            port_wait_s=TAKE_OVER_S_MAX if was_killed(config.state_path) else 0.0,
            notifier=notifier,
        )
        stop = trio.Event()
        signals = stack.enter_context(trio.open_signal_receiver(*SIGNALS))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                _heed,
                signals,
                stop,
                note,
                lambda: supervisor.reload(served(place.settings(**asdict(overrides)))),
            )
            status = await supervisor.run(stop)
            nursery.cancel_scope.cancel()
    return status


class Note:
    """What other commands read of this switch: where it listens, and what its last reload came to."""

    def __init__(self, notes: ExitStack, config: Config) -> None:
        self._notes = notes
        self._config = config
        self._write: Callable[[RunningNote], None] | None = None
        self._told: RunningNote

    def serving(self, listening: Listening) -> None:
        """Every worker serves; or one has another process, or its pages are somewhere else."""
        told = note_of(self._config, listening)
        if self._write is not None:
            self._rewrite(msgspec.structs.replace(told, reloaded=self._told.reloaded))
            return
        self._told = told
        try:
            self._write = self._notes.enter_context(noted(self._config.state_path, self._told))
        except OSError as error:  # other commands will not find the switch; terminals do
            log.warning("not_noted", problem=str(error))

    def reloaded(self, changes: Changes | None, problem: str = "") -> None:
        """A reload has come to something."""
        if self._write is None:
            return
        number = self._told.reloaded.number + 1 if self._told.reloaded else 1
        names = (sorted(changes.taken), changes.need_restart) if changes else ([], [])
        self._rewrite(msgspec.structs.replace(self._told, reloaded=Reloaded(number, *names, problem)))

    def _rewrite(self, told: RunningNote) -> None:
        assert self._write is not None
        self._told = told
        try:
            self._write(told)
        except OSError as error:
            log.warning("not_noted", problem=str(error))


def _tell(notice: str) -> None:
    log.warning("embedded_postgres", problem=notice)


async def _heed(
    signals: AsyncIterator[int], stop: trio.Event, note: Note, reload: Callable[[], Changes]
) -> None:
    async for number in signals:
        if number != signal.SIGHUP:
            stop.set()
            continue
        try:
            note.reloaded(reload())
        except ConfigError as error:
            log.error("not_reloaded", problem=str(error))
            note.reloaded(None, str(error))
