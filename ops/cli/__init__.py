"""The command `cityswitch`: one file per noun, one place where failures become a line and an exit status.

Owns `main`. Must not hold anything of a command's work. Invariants: results go to stdout and everything else
to stderr; every expected failure is one line with cause and cure; a traceback never reaches the screen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import CycloptsError

from ops.cli.app import app, load_all
from ops.errors import one_line
from ops.exit_codes import Exit
from ops.output import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (`sys.argv` without arguments given) and return its exit status (`Exit`)."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if tokens in ([], ["--help"], ["-h"]):
            load_all()
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else Exit.OK
    except CycloptsError as error:
        say(f"cityswitch: {one_line(str(error))} See: cityswitch {' '.join(command_of(tokens))}--help")
        return Exit.USAGE
    except BrokenPipeError:
        # The reader of our output has left (`cityswitch cards list | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        # Knows the errors of every part, so it is loaded when one is needed and not for every `--help`.
        from ops.cli.failures import report  # noqa: PLC0415

        status, line = report(error)
        say(f"cityswitch: {line}")
        return status


def command_of(tokens: Sequence[str]) -> list[str]:
    """Return the leading words of a command line that name a command, and an empty one to end a join."""
    chain, apps, _ = app.parse_commands(tokens)
    return [*chain, ""] if apps else [""]
