"""`cityswitch office logins`: the logins of officers and partners, listed, set anew and ended.

Owns the subcommands. Must not know how a password is kept. Invariants: a password is read from standard
input, never an argument; a holder's login is none of these: a code sets it anew (`office code`).
"""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import App, Parameter

from ledger.registry import logins
from ops.cli.bounds import between
from ops.cli.help_texts import examples
from ops.cli.office_packages import office_packages
from ops.cli.registry_options import UNSURE, BySure, Json, Programme, pick_programme, tell_done
from ops.cli.secret_lines import secret_lines
from ops.output import print_rows
from ops.place.database import changing, looking
from ops.place.options import HERE, Place

LOGIN_MAX: Final = 2**63 - 1
SHOWN: Final = ("id", "kind", "shown", "partner", "desk", "roles", "has_second", "created_at", "ended_at")
AGAIN: Final = "office logins list"
Login = Annotated[
    int, Parameter(help="The login's number, of `office logins list`.", validator=between(1, LOGIN_MAX))
]

app = App(
    name="logins",
    help="Logins of officers and partners: which there are, a lost password or second factor, an end.",
    help_epilogue=examples(
        "office logins list --programme zgierz", "office logins end 7 --reason 'left the office' --yes"
    ),
)


@app.command(name="list", help_epilogue=examples("office logins list", "office logins list --json"))
async def list_(*, programme: Programme = None, json: Json = False, place: Place = HERE) -> None:
    """List the logins of a programme's officers and partners, ended ones too."""
    async with looking(place) as database:
        number = await database.run(lambda c: pick_programme(c, programme))
        rows = await database.run(lambda c: logins.list_logins(c, number))
    shown = [{**{name: row[name] for name in SHOWN}, "roles": " ".join(row["roles"])} for row in rows]
    print_rows(shown, SHOWN, as_json=json, empty="No officer or partner has a login there.")


@app.command(help_epilogue=examples("office logins end 7 --reason 'left the office' --yes"))
async def end(login: Login, /, *, by: BySure = UNSURE, json: Json = False, place: Place = HERE) -> None:
    """End a login at once, for good, and whatever it has open. Nobody else gets its name."""
    actor = by.told()
    by.confirm(f"login {login} will open nothing any more")
    async with changing(place) as database:
        await database.run(lambda c: logins.end_login(c, actor, login))
    tell_done(f"Login {login} has ended.", {"login": login}, as_json=json, again=AGAIN)


@app.command(help_epilogue=examples("office logins reset 7 --reason 'telephone lost' --yes < password"))
async def reset(login: Login, /, *, by: BySure = UNSURE, json: Json = False, place: Place = HERE) -> None:
    """Set a login anew: standard input has its new password, in one line.

    Its second factor, recovery codes, passkeys and sessions end; a second factor is set up again at the next
    sign-in.
    """
    with office_packages():
        from ops.web.identity.making import reset_login  # noqa: PLC0415 the extra's packages
        from ops.web.identity.passwords import Passwords  # noqa: PLC0415
    actor = by.told()
    (password,) = secret_lines(1, "the new password in its first line")
    by.confirm(f"login {login} gets another password, and loses its second factor and passkeys")
    async with changing(place) as database:
        await reset_login(database, Passwords(), actor, login, password)
    tell_done(f"Login {login} is set anew.", {"login": login}, as_json=json, again=AGAIN)
