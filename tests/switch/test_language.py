"""A reply is printed in the language its terminal asked for, and stays as it was first given."""

from pathlib import Path

import pytest

from ledger.postgres.database import Database
from protocol import Earn, Redeem, ResultCode, SignOn, Status, StatusReply, TransactionReply
from tests.entries import SWIPED
from tests.postgres import FreshDatabase
from tests.switch.memory import CARD, Line, running_front
from tests.switch.test_worker import running_worker

TIME = 1_700_000_000


async def speak(line: Line, stan: int, language: str) -> None:
    await line.ask(SignOn(stan, TIME, "t", language, 0))


async def test_a_replay_is_in_the_language_it_was_first_given_in(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Printed in English, then asked for again by a Polish session, repeated and by STATUS: byte for byte."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        await speak(line, 1, "en")
        earn, redeem = Earn(2, TIME, CARD, SWIPED, 12_345), Redeem(3, TIME, CARD, SWIPED, 500, 0)
        first = [await line.ask(request) for request in (earn, redeem)]
        assert isinstance(first[0], TransactionReply)
        assert isinstance(first[1], TransactionReply)
        assert "Points" in first[0].receipt
        assert ResultCode.POINTS_INSUFFICIENT.text_en in first[1].receipt
        polish = await running.line()
        await speak(polish, 4, "pl")
        assert [await polish.ask(request) for request in (earn, redeem)] == first
        for stan, (original, told) in enumerate(zip((earn, redeem), first, strict=True), 5):
            status = await polish.ask(Status(stan, TIME, CARD, SWIPED, original.stan))
            assert isinstance(status, StatusReply)
            assert status.original == told
        new = await polish.ask(Earn(7, TIME, CARD, SWIPED, 12_345))
        assert isinstance(new, TransactionReply)
        assert "punkty" in new.receipt


@pytest.mark.parametrize(
    ("asked", "language"), [("", "pl"), ("pl", "pl"), ("en", "en"), ("de", "pl"), ("zz", "pl")]
)
async def test_an_unknown_language_is_the_programme_s_first(asked: str, language: str) -> None:
    """No sign-on, or one that asks for a language nobody knows: the first of the programme's rules."""
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        if asked:
            await speak(line, 1, asked)
        [connection] = memory.front.connections.snapshot()
        assert connection.language == ("pl", "en").index(language)


async def test_what_comes_behind_a_sign_on_is_in_its_language() -> None:
    """A sale in the same write as the sign-on is printed in what the sign-on asks for, not in what was."""
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        for stan, (language, text) in enumerate((("en", "text_en"), ("pl", "text_pl"))):
            refused = Earn(2 * stan + 2, TIME, "12", SWIPED, 1_000)
            await line.stream.send_all(
                line.session.seal(SignOn(2 * stan + 1, TIME, "t", language, 0)) + line.session.seal(refused)
            )
            while (reply := await line.reply()).stan != refused.stan:
                pass
            assert getattr(ResultCode.CARD_NUMBER_INVALID, text) in reply.receipt
