"""The tree of commands.

Owns which nouns there are and in which order help lists them. Must not hold a command's work.
"""

from __future__ import annotations

from cyclopts import App, Parameter

from ops.cli import (
    cards,
    config,
    demo,
    install,
    ledger,
    partners,
    programmes,
    serve,
    simulate,
    terminal,
    terminals,
)
from ops.cli.completion import add_completion
from ops.cli.help_texts import examples
from ops.cli.version import project_version

app = App(
    name="cityswitch",
    help="Transaction switch of city card programmes: terminals earn and redeem points, durably.",
    help_format="plaintext",
    help_epilogue=examples("demo", "up", "terminal", "cards --help"),
    version=project_version,
    backend="trio",
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)
for command in (
    demo.demo_app,
    demo.up_app,
    serve.app,
    terminal.app,
    simulate.app,
    cards.app,
    partners.app,
    terminals.app,
    programmes.app,
    ledger.app,
    install.init_app,
    install.migrate_app,
    config.app,
):
    app.command(command)
add_completion(app)
