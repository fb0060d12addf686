"""The tree of commands.

Owns which nouns there are. Must not hold a command's work.
"""

from __future__ import annotations

from cyclopts import App, Parameter

from ops.cli.completion import add_completion
from ops.cli.help_texts import examples
from ops.program import project_version

app = App(
    name="cityswitch",
    help="Transaction switch of city card programmes: terminals earn and redeem points, durably.",
    help_format="plaintext",
    help_epilogue=examples("demo", "up", "terminal", "cards --help"),
    version=project_version,
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)
COMMANDS = {
    "demo": "demo:demo_app",
    "up": "demo:up_app",
    "serve": "serve:app",
    "board": "board:app",
    "terminal": "terminal_benefits:app",
    "till-page": "till_page:app",
    "simulate": "simulate_year:app",
    "cards": "card_carriers:app",
    "holders": "holder_erasures:app",
    "partners": "partners:app",
    "office": "office:app",
    "contracts": "contracts:app",
    "settlement": "settlement:app",
    "outlets": "outlets:app",
    "offers": "offers:app",
    "notices": "notices:app",
    "api": "api:app",
    "terminals": "terminal_status:app",
    "invoices": "invoice_facts:app",
    "programmes": "programme_states:app",
    "roles": "roles:app",
    "audit": "audit:app",
    "explain": "explain:app",
    "journal": "journal:app",
    "ledger": "ledger:app",
    "adjust": "adjust:app",
    "balances": "balances:app",
    "campaigns": "campaigns:app",
    "init": "install:init_app",
    "migrate": "install:migrate_app",
    "config": "config:app",
    "workers": "running_switch:workers_app",
    "reload": "running_switch:reload_app",
    "drain": "running_switch:drain_app",
    "doctor": "doctor:app",
    "backup": "backup:app",
    "master-key": "master_key:app",
    "pepper": "pepper:app",
    "bench": "bench:app",
}
"""Name and place in this package of each command; loaded when it is used, which keeps completion quick."""

for name, place in COMMANDS.items():
    app.command(f"{__package__}.{place}", name=name)
add_completion(app)


def load_all() -> None:
    """Load every command: the list of all of them shows what each one says of itself."""
    for name in COMMANDS:
        app[name]
