"""The command `cityswitch`: one file per noun, one place where failures become a line and an exit status.

Owns `main`. Must not hold anything of a command's work. Invariants: results go to stdout and everything else
to stderr; every expected failure is one line with cause and cure (one JSON document with --json); a traceback
never reaches the screen; no command runs with a secret among its words; the exit status tells of the work,
whatever became of the output.
"""

from __future__ import annotations

import inspect
import sys
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial

from cyclopts import CycloptsError

from ops import output
from ops.argument_secrets import refused_secret
from ops.cli.app import app, load_all
from ops.errors import CommandError
from ops.exit_codes import Exit
from switch.process.core_dumps import forbid_core_dumps


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (without arguments given `sys.argv`, of a process that is the command's own) and
    return its exit status (`Exit`).
    """
    if arguments is None:
        forbid_core_dumps()
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    is_log = tokens[:1] == ["serve"] and not (sys.stderr and sys.stderr.isatty())
    output.begin(as_json="--json" in tokens, log_event="serve_failed" if is_log else "")
    if (wrong := unusable(tokens)) is not None:
        output.tell_failure(wrong)
        return output.finish(wrong.status)
    return output.finish(_run(tokens))


def _run(tokens: list[str]) -> int:
    try:
        if tokens in ([], ["--help"], ["-h"]):
            load_all()
        command, bound, _ = app.parse_args(tokens, exit_on_error=False, print_error=False)
        result = _call(command, bound)
        return int(result) if isinstance(result, int) else Exit.OK
    except CycloptsError as error:
        see = f"See: cityswitch {' '.join(command_of(tokens))}--help"
        output.tell_failure(CommandError(Exit.USAGE, str(error), see))
        return Exit.USAGE
    except (BrokenPipeError, SystemExit):  # of a page of help: rich prints it, and leaves when nobody reads
        output.was_lost(BrokenPipeError())
        return Exit.OK
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        # Knows the errors of every part, so it is loaded when one is needed and not for every `--help`.
        from ops.cli.failures import report  # noqa: PLC0415

        told = report(error)
        output.tell_failure(told)
        return told.status


def _call(command: Callable[..., object], bound: inspect.BoundArguments) -> object:
    if not inspect.iscoroutinefunction(command):
        return command(*bound.args, **bound.kwargs)
    import trio  # noqa: PLC0415  # no `--help` waits for it

    # In the midst of a callback an interrupt is dropped, and what the callback was to wake waits for ever.
    work = partial(command, *bound.args, **bound.kwargs)
    return trio.run(work, restrict_keyboard_interrupt_to_checkpoints=True)


def unusable(tokens: Sequence[str]) -> CommandError | None:
    """Return what is wrong with a word, whatever the command: that it is no text (a control character, or
    bytes that are not UTF-8), or a secret.
    """
    for number, token in enumerate(tokens, start=1):
        if any(unicodedata.category(char) in {"Cc", "Cs"} for char in token):
            return CommandError(
                Exit.USAGE,
                f"word {number} of the command line holds a control character, or is not UTF-8.",
                "Type it again without.",
            )
        if (secret := refused_secret(token)) is not None:
            return secret
    return None


def command_of(tokens: Sequence[str]) -> list[str]:
    """Return the leading words of a command line that name a command, and an empty one to end a join."""
    chain, apps, _ = app.parse_commands(tokens)
    return [*chain, ""] if apps else [""]
