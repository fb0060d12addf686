"""A desk's letter by e-mail: asked for on a page, sent by the notices, and what becomes of it told there."""

import json
from dataclasses import dataclass, field
from functools import partial

import pytest
import trio
import trio.lowlevel

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.postgres.locks import REGISTRY_WRITE
from ledger.postgres.session import Session
from ledger.registry.applications import Which
from ops.notices.addresses import addresses
from ops.notices.channels import Message
from ops.notices.letters import A_DAY_MAX, Asked, ask
from ops.notices.sender import Sender
from tests.patience import HANG_S
from tests.web.desk_counter import let_days_pass
from tests.web.office_stage import Client, OfficeStage
from tests.web.test_desk import PERSON, take

REASON = "The PIT page is missing: <b>page 3</b>."


@dataclass
class Post:
    """Takes what is sent by e-mail."""

    taken: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        self.taken.append(message)

    async def close(self) -> None:
        """There is nothing open."""


@pytest.fixture(scope="module")
def clerk(office: OfficeStage) -> Client:
    """A clerk at no desk."""
    office.officer(3, "clerk-of-letters", "clerk", desk="")
    return office.signed_in("zgierz", "clerk-of-letters")


def called(clerk: Client, **fields: str) -> str:
    """An application whose applicant was called; its address."""
    path = take(clerk, pesel="", born_on="1975-05-06", **fields)
    clerk.get(path)
    assert clerk.post(path, act="call", reason=REASON).status == 303
    return path


def mail(clerk: Client, path: str) -> int:
    clerk.get(path)
    return clerk.post(path, act="mail").status


class Notices:
    """The sender of the city's notices, of which there is one, and what went by e-mail."""

    def __init__(self, office: OfficeStage) -> None:
        self._office = office
        self._post = Post()

        async def made(owner: Database) -> Sender:
            return Sender(owner, addresses(office.master.vault), {"email": self._post}, only=3)

        self._sender = office.run(made)

    def sent(self, to: str) -> list[Message]:
        """Let them send all they have; return the letters that went to an address."""
        self._post.taken.clear()

        async def run(_owner: Database) -> None:
            while (turn := await self._sender.turn()).read or turn.sent:
                pass

        self._office.run(run)
        titles = ("Call to complete", "Wezwanie", "Refusal", "Odmowa", "Potwierdzenie wycofania")
        return [
            each
            for each in self._post.taken
            if each.to == to and any(word in each.subject for word in titles)
        ]


@pytest.fixture(scope="module")
def notices(office: OfficeStage) -> Notices:
    """The one sender of the city."""
    return Notices(office)


def test_a_letter_goes_once_to_whoever_asked(office: OfficeStage, notices: Notices, clerk: Client) -> None:
    """With the reason and the name as text, in the language of the page, and without the postal address."""
    path = called(clerk, email="letter@poczta.example", channel="email")
    assert mail(clerk, path) == 303
    assert "waits to be sent" in clerk.get(path).text
    assert mail(clerk, path) == 409, "one waits already"
    (message,) = notices.sent("letter@poczta.example")
    assert message.subject.endswith(": Call to complete an application")
    assert REASON in message.text
    assert PERSON["name"] in message.text
    assert PERSON["address"] not in message.text
    assert notices.sent("letter@poczta.example") == [], "once"
    page = clerk.get(path).text
    assert ": sent<" in page
    clerk.get(f"/pl{path[3:]}")
    assert clerk.post(f"/pl{path[3:]}", act="mail").status == 303
    (message,) = notices.sent("letter@poczta.example")
    assert message.subject.endswith(": Wezwanie do uzupełnienia wniosku")


async def ask_at_once(owner: Database, asked: Asked) -> list[str]:
    """Ask twice at once, each over a connection of its own: both have come before either may write. Return
    what each was told; "": nothing.
    """
    first, told = owner.session(), list[str]()
    sessions = [first, owner.session(), owner.session()]
    waiting = """select count(*) from pg_locks l join pg_database d on d.oid = l.database
      where d.datname = current_database() and l.locktype = 'advisory' and not l.granted"""

    async def one(session: Session) -> None:
        try:
            await session.run(lambda c: ask(c, asked))
        except RegistryRefused as refused:
            told.append(str(refused))
        else:
            told.append("")

    for session in sessions:
        await session.run(lambda c: c.execute("set lock_timeout = 0"))  # the machine may be slow
    try:
        await first.run(lambda c: c.execute(f"select pg_advisory_lock({REGISTRY_WRITE})"))
        async with trio.open_nursery() as nursery:
            for session in sessions[1:]:
                nursery.start_soon(one, session)
            with trio.fail_after(HANG_S):
                while await owner.run(lambda c: c.fetchval(waiting)) < 2:
                    await trio.lowlevel.checkpoint()
            await first.run(lambda c: c.execute(f"select pg_advisory_unlock({REGISTRY_WRITE})"))
    finally:
        for session in sessions:
            session.terminate()
    return told


def test_two_that_ask_at_once_send_one_letter(office: OfficeStage, notices: Notices, clerk: Client) -> None:
    """A second click before the first is answered: the one who comes second is told that a letter waits."""
    path = called(clerk, email="twice@poczta.example", channel="email")
    asked = Asked(Which(3, int(path.rpartition("/")[2])), "en", 1)
    told = office.run(partial(ask_at_once, asked=asked))
    assert sorted(told) == ["", "a letter of this application waits to be sent already"]
    assert len(notices.sent("twice@poczta.example")) == 1


def test_the_outbox_holds_numbers_and_words_alone(
    office: OfficeStage, notices: Notices, clerk: Client
) -> None:
    """Other systems read it: an application's number, which letter, in which language, by which login."""
    path = called(clerk, email="outbox@poczta.example", channel="email")
    mail(clerk, path)
    (row,) = office.sql(
        "select data from registry.outbox where kind = 'application.letter' order by number desc limit 1"
    )
    told = json.loads(row["data"])
    assert (told.pop("application"), told.pop("by") > 0) == (int(path.rpartition("/")[2]), True)
    assert told == {"letter": "call", "language": "en"}
    notices.sent("")


def test_a_letter_that_is_none_any_more_is_not_sent(
    office: OfficeStage, notices: Notices, clerk: Client
) -> None:
    """Completed, or removed, before it went: nothing goes, and the page says so."""
    path = called(clerk, email="late@poczta.example", channel="email")
    mail(clerk, path)
    assert clerk.post(path, act="complete").status == 303
    assert notices.sent("late@poczta.example") == []
    assert "not sent: please hand it out on paper" in clerk.get(path).text
    assert clerk.post(path, act="refuse", reason="No.").status == 303
    assert mail(clerk, path) == 303
    let_days_pass(office, path)
    assert clerk.post(path, act="remove").status == 303
    assert notices.sent("late@poczta.example") == []


def test_a_withdrawal_at_a_desk_is_told_with_it(office: OfficeStage, notices: Notices, clerk: Client) -> None:
    """Nobody asks for the letter: it goes in both languages, once; without an address the page says so."""
    path = called(clerk, email="gone@poczta.example", channel="email")
    clerk.get(path)
    assert clerk.post(path, act="withdraw", told="telephone", reason="He <rang>.").status == 303
    assert "Confirmation of a withdrawal" in clerk.get(path).text
    (message,) = notices.sent("gone@poczta.example")
    assert message.subject.endswith(": Potwierdzenie wycofania wniosku")
    for said in ("poproszono o to telefonicznie", "asked for by telephone", "He <rang>.", PERSON["name"]):
        assert said in message.text
    assert REASON not in message.text, "what was called for once is no matter of it"
    assert ": sent<" in clerk.get(path).text
    path = called(clerk, email="", phone="600100200", channel="phone")
    clerk.get(path)
    assert clerk.post(path, act="withdraw", told="letter").status == 303
    assert notices.sent("") == []
    assert "no address: please hand it out on paper" in clerk.get(path).text


def test_what_has_no_letter_by_e_mail_is_told(office: OfficeStage, notices: Notices, clerk: Client) -> None:
    """Nothing decided, a receipt (which is signed), nobody's address, too many a day: refused in words."""
    path = take(clerk, pesel="", born_on="1975-05-06")
    assert mail(clerk, path) == 409
    assert 'id="act_mail"' not in clerk.get(path).text
    path = called(clerk, email="", phone="600100200", channel="phone")
    clerk.get(path)
    reply = clerk.post(path, act="mail")
    assert (reply.status, "on paper" in reply.text) == (409, True)
    path = called(clerk, email="many@poczta.example", channel="email")
    for _ in range(A_DAY_MAX):
        assert mail(clerk, path) == 303
        assert len(notices.sent("many@poczta.example")) == 1
    assert mail(clerk, path) == 409
    assert len(notices.sent("many@poczta.example")) == 0
