"""`cityswitch workers`, `reload`, `drain`: the switch that runs on this state directory.

Owns the commands. Must not serve anything itself. Invariants: nobody is signalled but the process that holds
the state directory as `cityswitch serve`, or a child of it; what a signal came to is told, not that it was
sent.
"""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import trio
from cyclopts import App, Parameter

from ops.cli.help_texts import examples
from ops.cli.registry_options import TABLE, Format, Json, confirm, tell_done
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.office.workers import WorkerView, look, look_at
from ops.output import Row, change_begins, print_rows
from ops.place.options import HERE, Place
from ops.place.processes import is_child, is_there
from ops.place.running import Reloaded, RunningNote, read_note
from ops.place.state_lock import held_by

SHOWN: Final = (
    "worker",
    "pid",
    "ready",
    "connections",
    "in_flight",
    "restarts",
    "version",
    "http",
    "why_not",
)
NARROW: Final = ("worker", "pid", "ready", "connections", "in_flight", "restarts", "why_not")
POLL_S: Final = 0.1
RELOAD_S_MAX: Final = 10.0
MARGIN_S: Final = 30.0
"""What a drain may take beyond what the settings allow it: a worker's start, a busy machine."""

workers_app = App(name="workers", help_epilogue=examples("workers", "workers --state-dir var --json"))
reload_app = App(name="reload", help_epilogue=examples("reload", "reload --config /etc/cityswitch.toml"))
drain_app = App(name="drain", help_epilogue=examples("drain --worker 1", "drain --yes"))


@workers_app.default
async def workers(*, form: Format = TABLE, place: Place = HERE) -> Exit:
    """Show the workers of the switch that runs here; status 1 where one of them is not ready."""
    form.check()
    note = running_here(place.settings().state_path)
    views = await look(note)
    print_rows([shown(view) for view in views], SHOWN, form=form.kind, empty="No worker.", narrow=NARROW)
    return Exit.OK if all(view.is_ready for view in views) else Exit.DIFFERENCES


def shown(view: WorkerView) -> Row:
    """Return a worker as it is shown."""
    started = view.started_at_s
    return {
        "worker": view.worker,
        "pid": view.pid,
        "ready": view.is_ready,
        "why_not": view.why_not or None,
        "version": view.version,
        "started_at": None
        if started is None
        else f"{datetime.fromtimestamp(started, UTC):%Y-%m-%d %H:%M:%S}Z",
        "connections": view.connections,
        "in_flight": view.in_flight,
        "restarts": view.restarts,
        "http": view.http,
    }


@reload_app.default
async def reload(*, json: Json = False, place: Place = HERE) -> Exit:
    """Have the switch read its settings and certificate again, and tell what has changed."""
    state = place.settings().state_path
    note = served_here(state)
    before = note.reloaded.number if note.reloaded else 0
    change_begins()
    send(note.pid, signal.SIGHUP)
    with trio.move_on_after(RELOAD_S_MAX):
        while (done := reloaded(state, note.pid)) is None or done.number <= before:  # noqa: ASYNC110 another process'
            await trio.sleep(POLL_S)
        return told(done, as_json=json)
    raise CommandError(Exit.STATE, "the switch did not say what became of it.", "See its log.")


def reloaded(state: Path, pid: int) -> Reloaded | None:
    """Return what the switch's last reload came to. Raises `CommandError` where it has gone."""
    note = read_note(state)
    if note is None or note.pid != pid:
        raise CommandError(Exit.STATE, "the switch ended meanwhile.", "See its log.")
    return note.reloaded


def told(done: Reloaded, *, as_json: bool) -> Exit:
    """Tell what a reload came to. Raises `CommandError` where the settings cannot be used."""
    if done.problem:
        raise CommandError(Exit.CONFIGURATION, f"nothing was changed: {done.problem}")
    changed = ", ".join(done.changed) or "nothing"
    text = f"Read again; changed: {changed}."
    if done.need_restart:
        text += f" To be restarted for: {', '.join(done.need_restart)}."
    tell_done(
        text,
        {"changed": done.changed, "need_restart": done.need_restart},
        as_json=as_json,
        again="config show",
    )
    return Exit.OK


@drain_app.default
async def drain(
    *,
    worker: Annotated[
        int | None, Parameter(help="One worker alone: it answers what it has, and another takes its place.")
    ] = None,
    yes: Annotated[bool, Parameter(help="Do it without asking.")] = False,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Have the switch answer what is in flight, close and end: whole, or one worker for another."""
    config = place.settings()
    note = served_here(config.state_path)
    patience_s = config.drain_s + config.write_s + MARGIN_S
    if worker is not None:
        await drain_worker(config.state_path, note, worker, patience_s, as_json=json)
        return
    confirm("End the switch: all terminals are cut off", yes=yes)
    change_begins()
    send(note.pid, signal.SIGTERM)
    with trio.move_on_after(patience_s):
        while is_there(note.pid):  # noqa: ASYNC110 another process'
            await trio.sleep(POLL_S)
        tell_done("The switch has drained and ended.", {"pid": note.pid, "ended": True}, as_json=json)
        return
    raise CommandError(Exit.STATE, f"it has not ended within {patience_s:g} s.", "See its log.")


async def drain_worker(
    state: Path, note: RunningNote, worker: int, patience_s: float, *, as_json: bool
) -> None:
    """Drain one worker, and wait for the one that takes its place. Raises `CommandError`."""
    if not 0 <= worker < len(note.http):
        raise CommandError(
            Exit.NOT_FOUND,
            f"there is no worker {worker}: they are 0 to {len(note.http) - 1}.",
            "See `workers`.",
        )
    before = await look_at(note, worker)
    if before.pid is None or not before.answers or not is_child(before.pid, note.pid):
        raise CommandError(
            Exit.STATE,
            f"worker {worker} {before.why_not or 'is not a child of the switch'}.",
            "See `workers`.",
        )
    change_begins()
    send(before.pid, signal.SIGTERM)
    with trio.move_on_after(patience_s):
        while True:
            note = read_note(state) or note  # where ports are any free ones, its pages move
            now = await look_at(note, worker)
            if now.pid not in (None, before.pid) and now.is_ready:
                break
            await trio.sleep(POLL_S)
        tell_done(
            f"Worker {worker} (process {before.pid}) has drained; process {now.pid} took its place.",
            {"worker": worker, "drained_pid": before.pid, "pid": now.pid},
            as_json=as_json,
            again="workers",
        )
        return
    raise CommandError(Exit.STATE, f"no other worker was ready within {patience_s:g} s.", "See its log.")


def running_here(state: Path) -> RunningNote:
    """Return where the switch of a state directory listens. Raises `CommandError` where none runs."""
    note = read_note(state)
    if note is None:
        holder = held_by(state)
        cause = (
            f"no switch runs in {state}." if holder is None else f"the switch in {state} is not ready yet."
        )
        raise CommandError(
            Exit.STATE, cause, "Start one with `cityswitch serve`, or name its place: --state-dir, --config."
        )
    return note


def served_here(state: Path) -> RunningNote:
    """Return the same for a switch of `cityswitch serve`: what may be signalled. Raises `CommandError`."""
    note = running_here(state)
    holder = held_by(state)
    if holder is None or holder.pid != note.pid:
        raise CommandError(Exit.STATE, f"no switch runs in {state}.", "Start one with `cityswitch serve`.")
    if holder.command != "serve" or not is_ours(note.pid):
        raise CommandError(
            Exit.STATE,
            f"the switch in {state} is run by `cityswitch {holder.command}`, process {holder.pid}.",
            "Stop it there with Ctrl-C: only `cityswitch serve` takes signals.",
        )
    return note


def is_ours(pid: int) -> bool:
    """Whether a process is a `cityswitch serve` here: by another container's number it is not."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return not Path("/proc/self").exists()
    return b"serve" in words


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal. Raises `CommandError`."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        raise CommandError(Exit.STATE, "the switch ended meanwhile.", "See its log.") from None
    except PermissionError:
        raise CommandError(
            Exit.STATE, f"process {pid} is another user's.", "Run this as the user that runs the switch."
        ) from None
