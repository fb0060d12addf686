"""A card of another programme is told by its number's beginning, and by nothing else of it."""

from importlib.resources import files

import pytest

from protocol import Balance, Earn, ResultCode
from switch.rules.cards import Cards
from switch.rules.directory import Programme
from switch.rules.programme import parse_rules
from switch.rules.versions import Version
from tests.entries import SWIPED
from tests.switch.memory import (
    CARD,
    MASTER_KEY,
    UNKNOWN_CARD,
    Line,
    card_digits,
    make_directory,
    running_front,
)

ZYWIEC = parse_rules(files("switch").joinpath("rules/programmes/zywiec.toml").read_text(encoding="utf-8"))
ISSUED, NEVER = card_digits(10_000_000_001), card_digits(10_000_000_002)
"""Two numbers that begin as Żywiec's do: one is a card's."""


def add_zywiec(programmes: dict[int, Programme], cards: Cards) -> None:
    """A second programme on the same switch, with one card."""
    other = programmes[2] = Programme(2, MASTER_KEY.pepper(2).token)
    other.add_version(Version.of(1, 0, ZYWIEC))
    other.choose_version(1)
    cards.put([(other.token_of(ISSUED), 8_000, 2, 1, None, None, None, None)])


def test_a_programme_does_not_meet_another_s_cards() -> None:
    """The same digits are another token there: a look-up cannot find them, whatever the programme has."""
    directory = make_directory()
    add_zywiec(directory.programmes, directory.cards)
    one, two = directory.programmes[1], directory.programmes[2]
    assert directory.find_card(one, CARD) is not None
    assert directory.find_card(two, ISSUED) is not None
    for programme, digits in ((two, CARD), (one, ISSUED), (one, NEVER)):
        assert directory.find_card(programme, digits) is None


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        (ISSUED, ResultCode.CARD_OTHER_PROGRAMME),
        (NEVER, ResultCode.CARD_OTHER_PROGRAMME),
        (UNKNOWN_CARD, ResultCode.CARD_UNKNOWN),
    ],
)
async def test_issued_or_not_the_answer_is_the_same(digits: str, code: ResultCode) -> None:
    """By the prefix of its rules a number is another programme's; blocked, unknown or sound there: no
    word.
    """
    async with running_front() as memory:
        add_zywiec(memory.directory.programmes, memory.directory.cards)
        line = Line(await memory.connect())
        assert await line.sign_in()
        reply = await line.ask(Earn(stan=1, terminal_time=0, card=digits, entry=SWIPED, amount=1_000))
        assert reply.code == code
        balance = await line.ask(Balance(stan=2, terminal_time=0, card=digits, entry=SWIPED))
        assert (balance.code, balance.balance) == (reply.code, 0)
