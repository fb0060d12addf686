"""The site's letters: by a mail server or into a folder, the same mail either way."""

import email
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast

import pytest
import structlog.testing
import trio.testing
from aiosmtpd.controller import Controller

from ops.cli import main
from ops.cli.mail_options import MailOptions
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.notices.channels import ChannelDown, Message
from ops.web.identity.mail import AGAIN_S, POSTED_MAX, Mail, MailFailed
from switch.metrics.text import write_text
from tests.ops.mail_server import Mailbox, mail_server, port_of

LETTER = ("ala@example.org", "Wniosek o kartę", "Łącze: https://karta.example.org/pl/apply")


@pytest.fixture
def server() -> Iterator[tuple[Mailbox, Controller]]:
    mailbox = Mailbox()
    controller = mail_server(mailbox)
    controller.start()
    yield mailbox, controller
    controller.stop()


def by_server(controller: Controller) -> Mail:
    options = MailOptions(
        smtp_host="localhost", smtp_port=port_of(controller), smtp_security="none", from_="karta@example.org"
    )
    way = options.way()
    assert way is not None
    return Mail(way)


async def test_a_letter_goes_by_the_server_and_into_the_folder_alike(
    server: tuple[Mailbox, Controller], tmp_path: Path
) -> None:
    """From, To, Date, a Message-ID of its own, subject and text: what the folder has is what is sent."""
    await by_server(server[1]).send(*LETTER)
    way = MailOptions(mail=tmp_path / "mail", from_="karta@example.org").way()
    assert way is not None
    for _ in range(2):
        await Mail(way).send(*LETTER)
    files = [path.read_bytes() for path in (tmp_path / "mail").iterdir()]
    kept = [cast(EmailMessage, email.message_from_bytes(data, policy=default)) for data in files]
    (sent,) = server[0].messages
    for mail in (sent, *kept):
        assert (mail["From"], mail["To"], mail["Subject"]) == ("karta@example.org", LETTER[0], LETTER[1])
        assert mail["Date"].datetime is not None
        assert mail.get_content().strip() == LETTER[2]
    assert len({str(mail["Message-ID"]) for mail in (sent, *kept)}) == 3
    assert server[0].recipients == [[LETTER[0]]]


@pytest.mark.parametrize("to", ["never@example.org", "later@example.org", "nobody", "a@b\r\nBcc: c@d"])
async def test_a_letter_that_is_not_taken_is_said(server: tuple[Mailbox, Controller], to: str) -> None:
    """Refused for good or for now, or an address that is none: MailFailed, and nothing of the address."""
    with pytest.raises(MailFailed) as failed:
        await by_server(server[1]).send(to, *LETTER[1:])
    assert "@" not in str(failed.value)
    assert server[0].messages == []


async def test_a_server_that_is_away_is_said() -> None:
    """Nobody listens: MailFailed."""
    way = MailOptions(
        smtp_host="127.0.0.1", smtp_port=1, smtp_security="none", from_="karta@example.org"
    ).way()
    assert way is not None
    with pytest.raises(MailFailed):
        await Mail(way).send(*LETTER)


class Away:
    """A server that is away for so many tries."""

    def __init__(self, tries: int, failure: Exception | None = None) -> None:
        self.left = tries
        self.failure = failure or ChannelDown("smtp 421")
        self.taken: list[Message] = []
        self.seen: list[str] = []

    async def send(self, message: Message) -> None:
        self.seen.append(message.name)
        if self.left:
            self.left -= 1
            raise self.failure
        self.taken.append(message)

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("away", range(len(AGAIN_S) + 1))
async def test_a_posted_letter_is_tried_again_and_then_given_up(
    away: int, autojump_clock: trio.testing.MockClock
) -> None:
    """The same mail each time; given up, a line says the problem and nothing of whom it was for."""
    server = Away(away)
    mail = Mail(lambda: server)
    with structlog.testing.capture_logs() as lines:
        async with mail.going():
            mail.post(*LETTER)
            mail.post("nobody", *LETTER[1:])
            await mail.settled()
    assert len(server.taken) == (away < len(AGAIN_S))
    assert len(set(server.seen)) == 1
    problems = sorted(line["problem"] for line in lines if line["event"] == "letter_not_sent")
    assert problems == ["no address", *(["smtp 421"] if away == len(AGAIN_S) else [])]
    assert LETTER[0] not in str(lines)


async def test_a_letter_that_fails_in_an_unforeseen_way_ends_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Logged by the error's name alone, and counted; the next letter goes."""
    server = Away(1, KeyError(LETTER[0]))
    mail = Mail(lambda: server)
    with structlog.testing.capture_logs() as lines:
        async with mail.going():
            mail.post(*LETTER)
            await mail.settled()
            mail.post(*LETTER)
            await mail.settled()
    assert [line["problem"] for line in lines if line["event"] == "letter_not_sent"] == ["KeyError"]
    assert LETTER[0] not in str(lines)
    assert len(server.taken) == 1
    assert b"cityswitch_letters_not_sent_total 1.0\n" in write_text(mail.families())


async def test_no_more_letters_are_posted_than_can_wait(autojump_clock: trio.testing.MockClock) -> None:
    """Whoever floods is told; what waits when the site ends is waited for so long, and no longer."""
    server = Away(10**9)
    mail = Mail(lambda: server)
    assert not mail.takes_more
    async with mail.going():
        for _ in range(POSTED_MAX):
            assert mail.takes_more
            mail.post(*LETTER)
        assert not mail.takes_more
        mail.post(*LETTER)
        assert b"cityswitch_letters_not_sent_total 1.0\n" in write_text(mail.families())
    assert not mail.takes_more
    assert len(set(server.seen)) <= POSTED_MAX
    told = f"cityswitch_letters_not_sent_total {POSTED_MAX + 1}.0\n"
    assert told.encode() in write_text(mail.families())


def test_the_office_does_not_start_where_nothing_says_how_letters_go(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither a server nor a folder: status 2, and what to give; both: as well."""
    assert main(["office", "serve"]) == Exit.USAGE
    said = capsys.readouterr().err
    assert "--smtp-host" in said
    assert "--mail" in said
    both = MailOptions(smtp_host="localhost", mail=Path("letters"), from_="karta@example.org")
    with pytest.raises(CommandError):
        both.way()
