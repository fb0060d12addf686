"""`cityswitch notices`: tell holders by e-mail and SMS what happened, and see what was told.

Owns the subcommands. Must not know what is told, nor how it is sent
(`ops.notices`).
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import trio
from cyclopts import App, Parameter

from ledger.postgres.database import open_database
from ledger.registry.bounds import INT64_MAX
from ledger.registry.notices import NoticeState, list_notices
from ops.cli.help_texts import examples
from ops.cli.mail_options import NO_MAIL, TEXT_MAX, MailOptions
from ops.cli.registry_options import Json, Programme, master_key, pick_programme
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.notices.addresses import addresses
from ops.notices.channels import Channel, ChannelDown, FileChannel, load_plug
from ops.notices.sender import Sender
from ops.notices.words import LANGUAGES
from ops.output import print_json, print_line, print_rows, say
from ops.place.database import Purpose, database_server, looking
from ops.place.options import HERE, Place
from switch.logs import configure_logs

CONNECTIONS: Final = 2
SHOWN: Final = ("event", "kind", "account", "state", "channel", "why", "tries", "made_at", "done_at")

app = App(
    name="notices",
    help="Notices to holders: a card or a duplicate is ready, an application is to be completed or was "
    "refused, a card was blocked, notice was given, a renewal is due.",
    help_epilogue=examples(
        "notices run --smtp-host mail.example.org --from karta@example.org", "notices list --state by-hand"
    ),
)


@app.command(
    help_epilogue=examples(
        "notices run --smtp-host mail.example.org --from karta@example.org",
        "notices run --smtp-host 127.0.0.1 --smtp-port 25 --smtp-security none --from k@example.org --once",
        "notices run --sms-file sms.jsonl --programme zgierz",
    )
)
async def run(
    *,
    mail: MailOptions = NO_MAIL,
    sms_file: Annotated[
        Path | None, Parameter(help="File, there already, that each SMS is added to, a line of JSON.")
    ] = None,
    sms_plug: Annotated[
        str, Parameter(help="package.module:factory of a gateway's own plug, instead of the file.")
    ] = "",
    language: Annotated[
        Literal["both", "pl", "en"], Parameter(help="An SMS has the first of both: Polish.")
    ] = "both",
    page: Annotated[str, Parameter(help="Address of the holders' page, named in an e-mail.")] = "",
    once: Annotated[bool, Parameter(help="Send what is due, then end.")] = False,
    programme: Programme = None,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Tell holders what happened, until Ctrl-C or SIGTERM: by the channel each has chosen.

    It follows the outbox and keeps its place there: end it at any time, and what was missed is told when it
    begins again, if it is no older than seven days. Who has no address, or wants to be telephoned, is listed
    by `notices list --state by-hand`.
    """
    channels = _channels(mail, sms_file, sms_plug)
    if not page.isprintable() or len(page) > TEXT_MAX:
        raise CommandError(
            Exit.USAGE, "that is no address of a page.", "Name one, like https://example.org/."
        )
    config = place.settings()
    configure_logs(config.log_level)
    master = master_key(place)
    async with (
        database_server(place, config, Purpose.CHANGE) as dsns,
        open_database(
            dsns.owner, connections_max=CONNECTIONS, application_name="cityswitch notices"
        ) as database,
    ):
        only = await database.run(lambda c: pick_programme(c, programme)) if programme is not None else None
        languages = LANGUAGES if language == "both" else (language,)
        sender = Sender(database, addresses(master.vault), channels, languages, page, only)
        if once:
            await _once(sender, json)
        else:
            say("notices are sent; Ctrl-C ends it")
            await _until_signal(sender)


def _channels(mail: MailOptions, sms_file: Path | None, sms_plug: str) -> Mapping[str, Channel]:
    found: dict[str, Channel] = {}
    if by_mail := mail.way():
        found["email"] = by_mail()
    if sms_plug:
        found["sms"] = load_plug(sms_plug)
    elif sms_file is not None:
        if not sms_file.is_file():  # a name mistyped would swallow what holders are told
            raise CommandError(
                Exit.CONFIGURATION,
                f"there is no file {str(sms_file)[:100]}.",
                "Make it first, closed to others: touch FILE; chmod 600 FILE.",
            )
        found["sms"] = FileChannel(sms_file)
    if not found:
        raise CommandError(
            Exit.USAGE,
            "nothing says how notices go.",
            "Name a mail server (--smtp-host), a folder (--mail), or --sms-file FILE.",
        )
    return found


async def _once(sender: Sender, as_json: bool) -> None:
    total = {"read": 0, "sent": 0, "again": 0, "given_up": 0, "by_hand": 0}
    try:
        while True:
            turn = vars(await sender.turn())
            total = {name: total[name] + turn[name] for name in total}
            if not any(turn[name] for name in total):
                break
    except ChannelDown as error:
        raise CommandError(
            Exit.CANNOT_CONNECT,
            f"not all could be sent: {error.code}.",
            "Try again when the server is there.",
        ) from None
    if as_json:
        print_json(total)
    else:
        print_line(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in total.items()))


async def _until_signal(sender: Sender) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sender.run)
            async for _ in signals:
                break
            nursery.cancel_scope.cancel()


@app.command(name="list", help_epilogue=examples("notices list --state by-hand --programme zgierz"))
async def list_(
    *,
    state: Annotated[
        Literal["waits", "sent", "given-up", "by-hand"] | None, Parameter(help="Those of one state.")
    ] = None,
    before: Annotated[int, Parameter(help="Of events with a lower number.")] = INT64_MAX,
    limit: Annotated[int, Parameter(help="At most so many rows, up to 1000.")] = 100,
    programme: Programme = None,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """List notices, newest first: what became of each. By hand: somebody at a desk has to tell the holder."""
    wanted = None if state is None else NoticeState[state.upper().replace("-", "_")]
    async with looking(place) as database:
        number = await database.run(lambda c: pick_programme(c, programme))
        rows = await database.run(lambda c: list_notices(c, number, state=wanted, before=before, limit=limit))
    shown = [
        {**{name: row[name] for name in SHOWN}, "state": NoticeState(row["state"]).name.lower()}
        for row in rows
    ]
    print_rows(shown, SHOWN, as_json=json, empty="No notice there.")
