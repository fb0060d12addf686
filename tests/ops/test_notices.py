"""Notices to holders: each is sent once, to the address of its holder alone, by a real SMTP server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio
from aiosmtpd.controller import Controller

from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import set_card_status
from ledger.registry.duplicates import replace_card
from ledger.registry.endings import give_notice
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.notices import NoticeState, list_notices
from ledger.registry.outbox import tell
from ledger.registry.people import Person
from ledger.registry.secrets import MasterKey
from ops.cli import main
from ops.exit_codes import Exit
from ops.notices.addresses import addresses
from ops.notices.channels import (
    ChannelDown,
    FileChannel,
    Message,
    NotTaken,
)
from ops.notices.mail import From
from ops.notices.sender import TRIES_MAX, Sender, Turn
from ops.notices.smtp import Security, Smtp, SmtpChannel
from tests.ledger.books import TESTER, found_registry
from tests.ops.mail_server import PASSWORD, USER, Mailbox, mail_server, port_of
from tests.patience import HANG_S
from tests.switch.certificates import make_certificate
from tests.switch.memory import MASTER_KEY

ROOT = Path(__file__).resolve().parents[2]
FROM = "karta@example.org"
SENDER = From(FROM)
WAITS_S = (60, 120, 240, 480, 960, 1_920, 3_840, 7_680, 15_360, *[6 * 3_600] * 4)
"""From one try to the next."""
LOOKUP = addresses(MASTER_KEY.vault)
PEOPLE = [
    Person(
        "Planted Żółty", email="planted@example.org", phone="600 700 800", channel="email", pickup="POK 1"
    ),
    Person("Sms Person", phone="600700801", channel="sms"),
    Person("Phone Person", phone="600700802", channel="phone"),
    Person("Later Person", email="later@example.org"),
    Person("Never Person", email="never@example.org"),
    Person("Policy Person", email="policy@example.org"),
    Person("Unreachable Person"),
    Person("Full Person", email="full@example.org"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Mailbox, Controller]]:
    mailbox = Mailbox()
    controller = mail_server(mailbox)
    controller.start()
    yield mailbox, controller
    controller.stop()


@pytest.fixture
def mailbox(server: tuple[Mailbox, Controller]) -> Mailbox:
    server[0].__init__()  # type: ignore[misc]
    return server[0]


@pytest.fixture
def smtp(server: tuple[Mailbox, Controller], mailbox: Mailbox) -> SmtpChannel:
    options = Smtp(host="localhost", port=port_of(server[1]), sender=SENDER, security=Security.NONE)
    return SmtpChannel(options, step_s_max=HANG_S)


@pytest.fixture
async def registry(owner: Database) -> Database:
    """Cards 1000, 1001, … of PEOPLE, one each."""
    await people(owner, MASTER_KEY)
    return owner


async def people(owner: Database, master: MasterKey) -> None:
    await owner.run(lambda c: found_registry(c, len(PEOPLE)))
    new = [NewHolder(1000 + n, person=person) for n, person in enumerate(PEOPLE)]
    await owner.run(lambda c: add_holders(c, TESTER, master.vault, 1, new))


async def block(database: Database, *numbers: int) -> None:
    for n in numbers:
        await database.run(lambda c, n=n: set_card_status(c, TESTER, 1000 + n, CardStatus.BLOCKED))


async def states(database: Database) -> list[tuple[str, str, str]]:
    """What became of each notice, the oldest first."""
    rows = await database.run(lambda c: list_notices(c, 1))
    return [(NoticeState(row["state"]).name, row["channel"], row["why"]) for row in reversed(rows)]


async def test_each_is_told_by_what_was_chosen(
    registry: Database, smtp: SmtpChannel, mailbox: Mailbox, tmp_path: Path
) -> None:
    """E-mail, SMS, or a line for the desk where somebody is to be telephoned; a second turn tells nobody."""
    sms = tmp_path / "sms.jsonl"
    sender = Sender(registry, LOOKUP, {"email": smtp, "sms": FileChannel(sms)})
    await block(registry, 0, 1, 2)
    assert await sender.turn() == Turn(read=3, sent=2, by_hand=1)
    assert await sender.turn() == Turn()
    assert await states(registry) == [
        ("SENT", "email", ""),
        ("SENT", "sms", ""),
        ("BY_HAND", "", "by telephone"),
    ]
    (mail,) = mailbox.messages
    assert mailbox.recipients == [["planted@example.org"]]
    assert (mail["From"], mail["To"]) == (FROM, "planted@example.org")
    assert mail["Subject"] == "Częstochowa: Karta została zablokowana"
    text = mail.get_content()
    assert "Dotyczy: Planted Żółty" in text
    assert "From now on the card is blocked" in text
    (line,) = sms.read_text().splitlines()
    told = json.loads(line)
    assert told["to"] == "+48600700801"
    assert told["text"].startswith("Czestochowa: Karta zostala zablokowana.")
    assert "Sms Person" not in line
    assert sms.stat().st_mode & 0o077 == 0


async def test_an_address_not_taken_keeps_no_other_waiting(
    registry: Database, smtp: SmtpChannel, mailbox: Mailbox
) -> None:
    """Later: tried again with longer waits, and given up at last. Never: given up at once, but not what an
    operator may mend. An address that would be two recipients is none.
    """
    sender = Sender(registry, LOOKUP, {"email": smtp})
    await block(registry, 3, 4, 5, 6, 7, 0)
    began, turn, ended = await timed(registry, sender)
    assert turn == Turn(read=6, sent=1, again=3, given_up=1, by_hand=1)
    assert await states(registry) == [
        ("WAITS", "email", "smtp 451"),
        ("GIVEN_UP", "email", "smtp 550"),
        ("WAITS", "email", "smtp 550"),
        ("BY_HAND", "", "no address"),
        ("WAITS", "email", "smtp 552"),
        ("SENT", "email", ""),
    ]
    assert await sender.turn() == Turn()
    assert len(WAITS_S) == TRIES_MAX - 1
    for wait_s in WAITS_S:
        rows = await registry.run(lambda c: list_notices(c, 1, state=NoticeState.WAITS))
        tried_at = rows[-1]["due_at"] - timedelta(seconds=wait_s)
        assert began <= tried_at <= ended, wait_s
        await registry.run(lambda c: c.execute("update registry.notice set due_at = now() where state = 0"))
        began, _, ended = await timed(registry, sender)
    assert (await states(registry))[0] == ("GIVEN_UP", "email", "smtp 451")


async def timed(registry: Database, sender: Sender) -> tuple[datetime, Turn, datetime]:
    """Let a sender have a turn; return what it came to, between its beginning and end by the database."""

    async def clock() -> datetime:
        now: datetime = await registry.run(lambda c: c.fetchval("select clock_timestamp()"))
        return now

    return await clock(), await sender.turn(), await clock()


async def test_a_server_that_is_away_costs_no_try(
    registry: Database, smtp: SmtpChannel, mailbox: Mailbox
) -> None:
    """Nothing is marked while no server is there, and all of it is sent when it is; the place is kept."""
    nowhere = SmtpChannel(Smtp(host="127.0.0.1", port=1, sender=SENDER, security=Security.NONE))
    await block(registry, 0, 3)
    sender = Sender(registry, LOOKUP, {"email": nowhere})
    with pytest.raises(ChannelDown, match="no connection"):
        await sender.turn()
    assert await states(registry) == [("WAITS", "", "")] * 2
    sender.channels = {"email": smtp}
    assert await sender.turn() == Turn(sent=1, again=1)


async def test_two_senders_send_nothing_twice(
    registry: Database, smtp: SmtpChannel, mailbox: Mailbox
) -> None:
    """Whoever comes second waits: one of all sends a programme's notices."""
    first, second = (Sender(registry, LOOKUP, {"email": smtp}) for _ in range(2))
    await block(registry, 0)
    assert (await first.turn()).sent == 1
    await registry.run(lambda c: replace_card(c, TESTER, 1000, 5000, "5000"))
    assert await second.turn() == Turn()
    assert (await first.turn()).sent == 1
    assert [re.sub(r".*: ", "", str(mail["Subject"])) for mail in mailbox.messages] == [
        "Karta została zablokowana",
        "Duplikat karty jest gotowy do odbioru",
    ]


async def test_a_sender_killed_tells_nobody_twice_whom_it_had_marked(
    owner: Database, ledger_dsn: str, server: tuple[Mailbox, Controller], mailbox: Mailbox, tmp_path: Path
) -> None:
    """SIGKILL three times: all are told, one on its way at each kill at most twice, under one Message-ID."""
    mailbox.slow_s = 0.02
    count, kills = 30, 3

    async def many(c: Connection) -> None:
        account = await c.fetchval("select account from registry.card where token = 1000")
        for _ in range(count):
            await tell(c, 1, "card.blocked", account=account)

    key = tmp_path / "master.key"
    await people(owner, MasterKey.create(key))
    await owner.run(many)
    command = [
        *(sys.executable, "-m", "ops.cli", "notices", "run", "--dsn", ledger_dsn),
        *("--master-key-file", str(key), "--smtp-host", "localhost", "--smtp-security", "none"),
        *("--smtp-port", str(port_of(server[1])), "--from", FROM),
    ]
    environment = {**os.environ, "CITYSWITCH_LOG_LEVEL": "error"}
    for kill in range(kills + 1):
        wanted = count if kill == kills else 8 * (kill + 1)
        with subprocess.Popen(command, cwd=ROOT, env=environment) as process:  # noqa: ASYNC220
            try:
                with trio.fail_after(HANG_S):
                    while len(set(mailbox.names())) < wanted:
                        assert process.poll() is None
                        await trio.sleep(0.005)
                    while kill == kills and [row[0] for row in await states(owner)].count("SENT") < count:  # noqa: ASYNC110
                        await trio.sleep(0.01)
            finally:
                process.kill()
    names = mailbox.names()
    assert len(set(names)) == count
    assert len(names) - count <= kills


async def test_nothing_of_a_person_is_logged(
    registry: Database, smtp: SmtpChannel, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server says repeats the address; no line of ours does, nor any name, also of what fails."""
    lines: list[str] = []
    said = SimpleNamespace(info=lambda event, **fields: lines.append(f"{event} {fields}"))
    monkeypatch.setattr("ops.notices.sender.log", said)
    await block(registry, *range(len(PEOPLE)))
    await Sender(registry, LOOKUP, {"email": smtp}).turn()
    text = repr(lines) + repr(await registry.run(lambda c: c.fetch("select * from registry.notice")))
    assert "notice_done" in text
    for person in PEOPLE:
        for value in (person.name, person.email, person.phone):
            assert not value or value not in text


async def test_by_tls_with_a_log_in_and_by_nothing_less(tmp_path: Path) -> None:
    """STARTTLS, the certificate checked, user and password; a certificate nobody vouches for, a wrong
    password, and a server without TLS are refused before a message is sent.
    """
    certificate = make_certificate(tmp_path)
    mailbox, plain = Mailbox(), Mailbox()
    message = Message("n-1", "planted@example.org", "S", "text")
    servers = mail_server(mailbox, certificate), mail_server(plain)
    for each in servers:
        each.start()
    try:
        port, plain_port = map(port_of, servers)

        def channel(at: int, password: str = PASSWORD, ca: Path | None = certificate[0]) -> SmtpChannel:
            options = Smtp(host="localhost", port=at, sender=SENDER, user=USER, password=password, ca_file=ca)
            return SmtpChannel(options, step_s_max=HANG_S)

        for wrong, code in (
            (channel(port, ca=None), "tls failed"),
            (channel(port, "wrong"), "smtp 535"),
            (channel(port, "zażółć"), "not in ASCII"),
            (channel(plain_port), "no starttls or login there"),
        ):
            with pytest.raises(ChannelDown, match=code):
                await wrong.send(message)
        right = channel(port)
        await right.send(message)
        await right.close()
    finally:
        for each in servers:
            each.stop()
    assert mailbox.names() == ["<n-1@example.org>"]
    assert plain.messages == []


async def test_a_server_that_says_nothing_is_left(tmp_path: Path) -> None:
    """A server that takes connections and is silent is left after the time of a step."""
    listener = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener[0].socket.getsockname()[1]
    silent = SmtpChannel(
        Smtp(host="127.0.0.1", port=port, sender=SENDER, security=Security.NONE), step_s_max=0.05
    )
    with pytest.raises(ChannelDown, match="no answer in time"), trio.fail_after(HANG_S):
        await silent.send(Message("n", "a@example.org", "S", "t"))
    await listener[0].aclose()


async def test_headers_cannot_be_injected(smtp: SmtpChannel, mailbox: Mailbox) -> None:
    """A subject with line breaks is one line; what is no single address is not sent to at all."""
    await smtp.send(
        Message("n", "a@example.org", "x\r\nBcc: b@example.org\r\n\r\nhello", "text\r\n.\r\nmore")
    )
    await smtp.close()
    (mail,) = mailbox.messages
    assert mail["Bcc"] is None
    assert mailbox.recipients == [["a@example.org"]]
    assert mail.get_content().splitlines() == ["text", ".", "more"]


class Refusing:
    """A plug of somebody else's, which takes nothing."""

    async def send(self, message: Message) -> None:
        raise NotTaken("gateway 12", for_good=True)

    async def close(self) -> None:
        pass


async def test_a_plug_of_ones_own(registry: Database) -> None:
    """Whatever has `send` and `close` is a gateway for SMS; what it refuses for good is given up."""
    await block(registry, 1)
    turn = await Sender(registry, LOOKUP, {"sms": Refusing()}).turn()
    assert turn == Turn(read=1, given_up=1)
    assert await states(registry) == [("GIVEN_UP", "sms", "gateway 12")]


async def test_what_is_old_is_no_news(registry: Database, smtp: SmtpChannel, mailbox: Mailbox) -> None:
    """After a long outage, or at a first start: what happened more than seven days ago is passed over."""
    day = date(2199, 1, 31)
    await registry.run(lambda c: give_notice(c, TESTER, 1000, given_on=day, ends_on=day))

    async def age(c: Connection) -> None:
        async with c.transaction():
            await c.execute("set local session_replication_role = replica")
            await c.execute("update registry.outbox set made_at = now() - interval '8 days'")

    await registry.run(age)
    await block(registry, 0)
    assert await Sender(registry, LOOKUP, {"email": smtp}).turn() == Turn(read=2, sent=1)


def test_the_command_sends_once_and_lists(
    ledger_dsn: str, server: tuple[Mailbox, Controller], mailbox: Mailbox,
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Wrong options end in a line; `--once` says what it did, and `list` whom the desk has to tell."""
    key = tmp_path / "master.key"
    place = ["--dsn", ledger_dsn, "--state-dir", str(tmp_path), "--master-key-file", str(key)]
    for wrong in (
        ["run"],
        ["run", "--smtp-host", "mail.example.org"],
        ["run", "--smtp-host", "mail.example.org", "--from", "a@b\nc"],
        ["run", "--smtp-host", "192.0.2.1", "--from", FROM, "--smtp-security", "none"],
        ["run", "--smtp-host", "192.0.2.1", "--from", FROM, "--smtp-user", "x"],
        ["run", "--sms-plug", "no.such:thing"],
    ):
        assert main(["notices", *wrong, "--once", *place]) in (Exit.USAGE, Exit.CONFIGURATION)
        assert len(capsys.readouterr().err.splitlines()) == 1
    mail = ["--smtp-host", "localhost", "--smtp-port", str(port_of(server[1])), "--smtp-security", "none"]
    trio.run(block_two, ledger_dsn, MasterKey.create(key))
    assert main(["notices", "run", "--once", *mail, "--from", FROM, *place, "--json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told == {"read": 2, "sent": 1, "again": 0, "given_up": 0, "by_hand": 1}
    assert main(["notices", "list", "--state", "by-hand", *place, "--json"]) == Exit.OK
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["kind"], row["why"]) == ("card.blocked", "by telephone")


async def block_two(dsn: str, master: MasterKey) -> None:
    """The registry of these tests, with two cards blocked."""
    async with open_database(dsn) as database:
        await people(database, master)
        await block(database, 0, 2)


async def test_a_full_disk_takes_no_part_of_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file takes only a part of is taken back and counts as not sent."""
    file, whole = tmp_path / "sms.jsonl", os.write
    channel = FileChannel(file)
    await channel.send(Message("n-1", "600100200", "", "first"))
    kept = file.read_bytes()
    monkeypatch.setattr("ops.notices.channels.os.write", lambda fd, data: whole(fd, data[:9]))
    with pytest.raises(ChannelDown, match="no space left"):
        await channel.send(Message("n-2", "600100200", "", "second"))
    assert file.read_bytes() == kept
