"""`cityswitch office`: the site for holders and desks, and the logins it begins with.

Owns the subcommands. Must not know a page. Invariants: what is personal or secret is read from standard
input, never an argument; the packages of the extra `office` are needed by these commands alone, and said to
be missing by name.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import trio
from cyclopts import App, Group, Parameter

from ledger.registry.bounds import ID_MAX
from ledger.registry.logins import ROLES, Kind
from ops.cli.bounds import between
from ops.cli.ending import until_end
from ops.cli.help_texts import examples
from ops.cli.logins import app as logins_app
from ops.cli.mail_options import NO_MAIL, MailOptions
from ops.cli.office_packages import office_packages
from ops.cli.registry_options import (
    NOBODY,
    By,
    CardNumber,
    Json,
    digits_of,
    master_key,
    pick_programme,
    tell_done,
)
from ops.cli.secret_lines import secret_lines
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import print_json, print_line
from ops.place.database import Purpose, changing, database_server
from ops.place.options import HERE, Place
from switch.logs import configure_logs
from switch.process.descriptors import raise_descriptor_limit
from switch.process.priority import put_behind

PORT = 9181
NICE = 10
"""A page that comes later is waited for; a terminal that is answered later is a queue at a till."""

app = App(
    name="office",
    help="The site for holders and desks (needs the extra `office`: make venv-office).",
    help_epilogue=examples(
        "office serve --mail letters",
        "office serve --proxy 127.0.0.1 --name karta.example.org --smtp-host mail.example.org "
        "--from karta@example.org",
        "office demo",
        "office officer zgierz --shown 'Anna K.' --roles clerk,admin < login-and-password",
        "office logins list",
        "office code --reason 'identity card seen' < card-number",
    ),
)
app.command(logins_app)


@Parameter(name="*", group=Group("Where it writes", sort_key=4))
@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the site writes what it publishes and hands on."""

    public: Annotated[
        Path | None, Parameter(help="Folder of the public lists of offers, one for each city (STATE/public).")
    ] = None
    invoices: Annotated[
        Path | None, Parameter(help="Folder of sent invoices and notes, one for each city (STATE/invoices).")
    ] = None
    invoice_sink: Annotated[
        str, Parameter(help="Where the desk sends them: file, or what an installed package brings.")
    ] = "file"


STATE: Final = Places()


@Parameter(name="*", group=Group("Where it is", sort_key=3))
@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where the site listens, and by which names it is known."""

    host: Annotated[str, Parameter(help="Address to listen on; anything but loopback needs TLS.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Parameter(help="Port (0: any free).", validator=between(0, 65_535))] = PORT
    name: Annotated[tuple[str, ...], Parameter(help="A name the site is known by; again for more.")] = ()
    proxy: Annotated[
        tuple[str, ...],
        Parameter(
            help="Address of a proxy that ends TLS and names who asks (X-Forwarded-For); again for more."
        ),
    ] = ()
    origin: Annotated[
        str,
        Parameter(
            help="The address people type, to which passkeys are bound (https:// and the first --name)."
        ),
    ] = ""
    metrics_port: Annotated[
        int,
        Parameter(
            help="Port on 127.0.0.1 where Prometheus reads who signs in (0: none).",
            validator=between(0, 65_535),
        ),
    ] = 0


LOCALLY: Final = Listening()


@app.command(
    help_epilogue=examples(
        "office serve --smtp-host mail.example.org --from karta@example.org", "office serve --mail letters"
    )
)
async def serve(
    *,
    listening: Listening = LOCALLY,
    mail: MailOptions = NO_MAIL,
    places: Places = STATE,
    contact: Annotated[str, Parameter(help="Whom the accessibility statement names.")] = "",
    nice: Annotated[
        int,
        Parameter(
            help="How far it stands behind the switch where both want the processor (0: not at all).",
            validator=between(0, 19),
        ),
    ] = NICE,
    until_eof: Annotated[bool, Parameter(show=False)] = False,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Serve the pages of holders and desks, until Ctrl-C or SIGTERM.

    Each programme's pages use a pool of connections with the rights of its role, which is made where it is
    not there. A programme that is added later is served after the next start.

    Its letters (links to apply, what becomes of an application, codes for another login) go at once by the
    mail server of --smtp-host, as those of `notices run` do; or, with --mail, into a folder from which
    somebody else sends them. One of both has to be told.
    """
    with office_packages():
        from ops.web.identity.mail import Mail  # noqa: PLC0415
        from ops.web.office_run import OfficeOptions, running_office  # noqa: PLC0415 the extra's packages
    way = mail.way()
    if way is None:
        raise CommandError(
            Exit.USAGE,
            "nothing says how the site's letters go: nobody could apply on line.",
            "Name a mail server (--smtp-host, --from), or a folder that somebody sends from (--mail).",
        )
    config = place.settings()
    configure_logs(config.log_level)
    options = OfficeOptions(
        host=listening.host, port=listening.port, names=listening.name, proxies=listening.proxy,
        origin=listening.origin, metrics_port=listening.metrics_port, contact=contact,
        public=places.public, invoices=places.invoices,
        invoice_sink=places.invoice_sink,
    )  # fmt: skip
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with (
            database_server(place, config, Purpose.LOOK) as dsns,
            running_office(config, dsns.owner, Mail(way), options) as url,
        ):
            put_behind(nice)
            raise_descriptor_limit()
            if json:
                print_json({"url": url})
            else:
                print_line(f"Office: {url}")
            await until_end(signals, until_eof=until_eof)


@app.command(help_epilogue=examples("office demo", "office demo --state-dir /tmp/office"))
async def demo(*, place: Place = HERE) -> Exit:
    """Run the switch, three simulated cities, a light load and the office's site, until Ctrl-C; print logins.

    Development only: the passwords are known to everybody.
    """
    with office_packages():
        from ops.cli.office_demo import play_office  # noqa: PLC0415 the extra's packages
    return await play_office(place)


@app.command(help_epilogue=examples("office officer zgierz --shown 'Anna K.' < login-and-password"))
async def officer(
    programme: str | None = None,
    /,
    *,
    shown: Annotated[str, Parameter(help="The name the trail and colleagues know the officer by.")],
    desk: Annotated[str, Parameter(help="The desk.")] = "",
    roles: Annotated[str, Parameter(help=f"What for, with commas between: {', '.join(ROLES)}.")] = "clerk",
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Make a login for an officer: standard input has the login in one line, the password in the next.

    The second factor is set up at the first sign-in.
    """
    named = [each for each in roles.split(",") if each]
    await _make("officer", programme, by, json, place, shown=shown, desk=desk, roles=named)


@app.command(
    help_epilogue=examples("office partner zgierz --partner 201001 --shown Kino < login-and-password")
)
async def partner(
    programme: str | None = None,
    /,
    *,
    partner: Annotated[int, Parameter(help="Whose it is.", validator=between(1, ID_MAX))],
    shown: Annotated[str, Parameter(help="The name the trail knows it by.")],
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Make a login for a partner: standard input has the login in one line, the password in the next."""
    await _make("partner", programme, by, json, place, shown=shown, partner=partner)


async def _make(kind: Kind, programme: str | None, by: By, as_json: bool, place: Place, **more: Any) -> None:
    with office_packages():
        from ops.web.identity.making import make_login  # noqa: PLC0415 the extra's packages
        from ops.web.identity.passwords import Passwords  # noqa: PLC0415
        from ops.web.offices import Office  # noqa: PLC0415
    login, password = secret_lines(2, "a login in its first line and a password in its second")
    key = master_key(place)
    async with changing(place) as database:
        number = await database.run(lambda c: pick_programme(c, programme))
        office = Office(number, "", "", database, key)
        made = await make_login(
            office, Passwords(), by.told(), kind, login.strip(), password=password, **more
        )
    told = {"login": made, "programme": number}
    tell_done(f"Login {made} is made.", told, as_json=as_json, again="office logins list")


@app.command(help_epilogue=examples("office code --reason 'identity card seen' < card-number"))
async def code(
    number: CardNumber = "-",
    /,
    *,
    representative: Annotated[
        int, Parameter(help="For this guardian or proxy of the holder's, by number (holders agreements).")
    ] = 0,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Make a code with which a card's holder makes a login, once, within two weeks. An older one is void.

    It wants a reason (--reason), which is kept with who gave it out; the holder is told of it.
    With --representative: one with which a guardian or proxy acts for the holder, under the own login or,
    without a card, under one made with it.
    """
    with office_packages():
        from ops.web.identity.making import (  # noqa: PLC0415 the extra's packages
            activation_code,
            representative_code,
        )
    digits, key = digits_of(number), master_key(place)
    async with changing(place) as database:
        if representative:
            made = await representative_code(database, key, by.told(), digits, representative)
        else:
            made = await activation_code(database, key, by.told(), digits)
    whose = "representative" if representative else "holder"
    tell_done(
        f"Activation code: {made}. Give it to nobody but the {whose}.",
        {"code": made},
        as_json=json,
        again="",
    )
