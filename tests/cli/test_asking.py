"""What a command asks somebody who sits at a terminal: a card, and whether to do it."""

import io

import pytest

from ops.cli.registry_options import BySure, digits_of
from ops.errors import CommandError
from ops.exit_codes import Exit

NUMBER = "4000000000000002"


class Terminal(io.StringIO):
    """Standard input of somebody at a terminal."""

    def isatty(self) -> bool:
        return True


def sit_down(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    """Have somebody type this."""
    monkeypatch.setattr("sys.stdin", Terminal(typed))


@pytest.mark.parametrize("answer", ["y\n", "YES\n", "t\n", "tak\n"])
def test_who_says_yes_is_obeyed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str
) -> None:
    """The question names the act, on stderr, and a yes in either language lets it be done."""
    sit_down(monkeypatch, answer)
    BySure(reason="lost").confirm("Block card ************0002")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Block card ************0002? [y/N]\n")


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "maybe\n"])
def test_anything_else_does_nothing(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """No answer, a no or a slip of the finger: status 2, nothing done."""
    sit_down(monkeypatch, answer)
    with pytest.raises(CommandError, match="nothing was done") as caught:
        BySure(reason="lost").confirm("Block it")
    assert caught.value.status is Exit.USAGE


def test_yes_on_the_command_line_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--yes asks nobody, at a terminal or in a script."""
    sit_down(monkeypatch, "")
    BySure(reason="lost", yes=True).confirm("Block it")
    assert capsys.readouterr() == ("", "")


def test_a_card_is_asked_for_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Typed or swiped at the terminal, after a prompt on stderr; the two of a replacement one by one."""
    sit_down(monkeypatch, f"{NUMBER}\n;9616000229562324=49121010000000?\n")
    assert digits_of("-") == NUMBER
    assert digits_of("-", "New card") == "9616000229562324"
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "Card (type it, or swipe it):\nNew card (type it, or swipe it):\n"
