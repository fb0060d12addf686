"""`cityswitch notices`: tell holders by e-mail and SMS what happened, and see what was told.

Owns the subcommands and the options of a mail server. Must not know what is told, nor how it is sent
(`ops.notices`).
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import trio
from cyclopts import App, Group, Parameter

from ledger.postgres.database import open_database
from ledger.registry.bounds import INT64_MAX
from ledger.registry.notices import NoticeState, list_notices
from ops.cli.bounds import between
from ops.cli.help_texts import examples
from ops.cli.registry_options import Json, Programme, master_key, pick_programme
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.notices.addresses import addresses
from ops.notices.channels import Channel, ChannelDown, FileChannel, email_address, load_plug
from ops.notices.sender import Sender
from ops.notices.smtp import Security, Smtp, SmtpChannel, read_password
from ops.notices.words import LANGUAGES
from ops.output import print_json, print_line, print_rows, say
from ops.place.database import Purpose, database_server, looking
from ops.place.options import HERE, Place
from switch.logs import configure_logs

CONNECTIONS: Final = 2
TEXT_MAX: Final = 200
SHOWN: Final = ("event", "kind", "account", "state", "channel", "why", "tries", "made_at", "done_at")

app = App(
    name="notices",
    help="Notices to holders: a card or a duplicate is ready, an application is to be completed or was "
    "refused, a card was blocked, notice was given, a renewal is due.",
    help_epilogue=examples(
        "notices run --smtp-host mail.example.org --from karta@example.org", "notices list --state by-hand"
    ),
)


@Parameter(name="*", group=Group("Mail", sort_key=5))
@dataclass(frozen=True, kw_only=True)
class Mail:
    """By which mail server, and from whom."""

    smtp_host: Annotated[str, Parameter(help="Mail server; without it nothing goes by e-mail.")] = ""
    smtp_port: Annotated[
        int, Parameter(help="Its port (0: 587, with tls 465).", validator=between(0, 65_535))
    ] = 0
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"], Parameter(help="none: to this machine only.")
    ] = "starttls"
    smtp_user: Annotated[str, Parameter(help="User there, if it asks for one.")] = ""
    smtp_password_file: Annotated[
        Path | None, Parameter(help="File with the user's password: one line, chmod 600.")
    ] = None
    smtp_ca_file: Annotated[
        Path | None, Parameter(help="Certificates that vouch for the server; else the system's.")
    ] = None
    from_: Annotated[str, Parameter(name="--from", help="Address the mail is from.")] = ""
    from_name: Annotated[str, Parameter(help="Name beside it.")] = ""

    def channel(self) -> Channel | None:
        """Return the way by e-mail, if a server is named. Raises `CommandError`."""
        if not self.smtp_host:
            return None
        sender = email_address(self.from_)
        texts = (self.smtp_host, self.smtp_user, self.from_name)
        if not sender or not all(text.isprintable() and len(text) <= TEXT_MAX for text in texts):
            raise CommandError(
                Exit.USAGE,
                "mail needs a sender's address, and texts of one line.",
                "Name it: --from karta@example.org.",
            )
        if bool(self.smtp_user) != bool(self.smtp_password_file):
            raise CommandError(
                Exit.USAGE, "user and password go together.", "Give --smtp-user and --smtp-password-file."
            )
        security = Security(self.smtp_security)
        smtp = Smtp(
            host=self.smtp_host,
            port=self.smtp_port or (465 if security is Security.TLS else 587),
            sender=sender,
            sender_name=self.from_name,
            security=security,
            user=self.smtp_user,
            password=read_password(self.smtp_password_file) if self.smtp_password_file else "",
            ca_file=self.smtp_ca_file,
        )
        smtp.check()
        return SmtpChannel(smtp)


NO_MAIL: Final = Mail()


@app.command(
    help_epilogue=examples(
        "notices run --smtp-host mail.example.org --from karta@example.org",
        "notices run --smtp-host 127.0.0.1 --smtp-port 25 --smtp-security none --from k@example.org --once",
        "notices run --sms-file sms.jsonl --programme zgierz",
    )
)
async def run(
    *,
    mail: Mail = NO_MAIL,
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


def _channels(mail: Mail, sms_file: Path | None, sms_plug: str) -> Mapping[str, Channel]:
    found: dict[str, Channel] = {}
    if by_mail := mail.channel():
        found["email"] = by_mail
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
            "Name a mail server (--smtp-host), or --sms-file FILE.",
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
