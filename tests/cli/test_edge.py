"""What comes in from a command line: no number, text or card in any form ends in a defect or is repeated."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.cli import main
from ops.cli.failures import report
from ops.errors import CommandError
from ops.exit_codes import Exit
from protocol import luhn_digit
from tests.cli.office import RULES, SURE, Run, card

cards = st.integers(10**11, 10**18 - 1).map(lambda payload: f"{payload}{luhn_digit(str(payload))}")
NUMBER = card(2)
around = st.text(st.characters(exclude_categories=("Nd",)), max_size=20)


def forms(card: str) -> list[str]:
    """A number as it is typed, printed, swiped and keyed."""
    groups = [card[at : at + 4] for at in range(0, len(card), 4)]
    return [card, " ".join(groups), "-".join(groups), f";{card}=49121010000000?", f"x{card}y"]


def tells(text: str, card: str) -> bool:
    """Whether a text tells a card: more of its digits than the last four, through whatever separates them."""
    return card[:-4] in re.sub(r"[ \-]", "", text)


@given(card=cards, before=around, after=around)
def test_no_failure_repeats_a_card_number(card: str, before: str, after: str) -> None:
    """Cause and cure are masked wherever they come from, in every form a number has."""
    for form in forms(card):
        error = CommandError(Exit.USAGE, f"{before}{form}{after}", f"{after}{form}{before}")
        assert not tells(str(error), card)
        assert not tells(error.cause + error.cure, card)


@given(card=cards)
def test_no_file_of_a_defect_holds_a_card_number(card: str) -> None:
    """The details of an unexpected failure are masked, too, its causes and notes included."""
    for form in forms(card):
        error = ZeroDivisionError(form)
        error.add_note(form)
        error.__cause__ = ValueError(form)
        told = report(error)
        match = re.search(r"Details: (\S+\.log)", str(told))
        assert match
        file = Path(match[1])
        details = file.read_text(encoding="utf-8")
        file.unlink()
        assert "ZeroDivisionError" in details
        assert not tells(str(told) + details, card)


@pytest.mark.parametrize(
    "words",
    [
        ("cards", "show", "{card}"),
        ("cards", "show", "{card}", "{card}"),
        ("cards", "shwo", "{card}"),
        ("cards", "list", "--account", "{card}x"),
        ("partners", "show", "{card}"),
        ("partners", "add", "7", "{card}", "--points-step", "{card}x"),
        ("terminals", "add", "{card}", "--partner", "{card}"),
        ("audit", "--partner", "{card}"),
        ("cards", "import", "{card}.csv"),
        ("terminal", "balance", "--card", "{card}1"),
        ("ledger", "balance", "{card}1"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("json", [(), ("--json",)])
def test_no_command_repeats_a_card_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], json: tuple[str, ...]
) -> None:
    """A number in the wrong place of a command line is not told in the error, as a line or as JSON."""
    typed = [word.format(card=NUMBER) for word in words]
    status = main([*typed, *json, "--state-dir", str(tmp_path / "none")])
    out, err = capsys.readouterr()
    assert status not in (Exit.OK, Exit.INTERNAL)
    assert not tells(out + err, NUMBER)


def test_a_card_is_read_from_input_wherever_one_is_wanted(run: Run) -> None:
    """No card on the command line, or `-`: it comes from standard input, for terminals and books as well."""
    assert run("cards", "add", typed=NUMBER + "\n")[0] == Exit.OK
    for words in (("cards", "show"), ("ledger", "balance", "-"), ("ledger", "history", "-")):
        assert run(*words, typed=NUMBER)[0] == Exit.OK
        assert run(*words, typed="")[0] == Exit.USAGE
    nobody = ("--switch", "127.0.0.1:1")
    for words in (("earn", "--amount", "1"), ("redeem", "--points", "100"), ("balance", "--card", "-")):
        assert run("terminal", *words, *nobody, typed=NUMBER)[0] == Exit.CANNOT_CONNECT
        status, _, err = run("terminal", *words, *nobody, typed="123")
        assert status == Exit.USAGE
        assert "no card" in err
    status, _, err = run("cards", "show", "--jsn", typed=NUMBER)
    assert status == Exit.USAGE
    assert "--jsn" in err


numbers = st.one_of(st.integers(), st.sampled_from([0, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64])).map(
    str
)
texts = st.text(st.characters(exclude_characters="\0"), max_size=70)


def wild_lines(number: str, other: str, text: str) -> list[list[str]]:
    """Command lines of the registry with wild numbers and texts in every place there is."""
    return [
        ["partners", "add", number, text, f"--points-step={other}"],
        ["partners", "show", number],
        ["partners", "block", number, f"--actor={text}", f"--reason={text}", "--yes"],
        ["partners", "list", f"--after={number}", f"--limit={other}"],
        ["terminals", "add", number, f"--partner={other}", f"--label={text}"],
        ["terminals", "show", number],
        ["terminals", "unblock", number, f"--reason={text}"],
        ["terminals", "list", f"--partner={number}", f"--after={other}"],
        ["terminals", "key", "issue", number],
        ["terminals", "key", "rotate", number, f"--overlap-days={other}"],
        ["terminals", "key", "revoke", number, f"--generation={other}", *SURE],
        ["terminals", "key", "list", number],
        ["cards", "list", f"--account={number}", f"--after={other}"],
        ["cards", "show", text],
        ["cards", "add", NUMBER, f"--expires-on={text}"],
        ["programmes", "show", text, f"--version={number}"],
        ["programmes", "suspend", text, *SURE],
        ["programmes", "apply", str(RULES), f"--from={text}", f"--urgent={text}"],
        ["audit", f"--partner={number}", f"--before={other}", f"--by={text}", f"--since={text}"],
        ["audit", f"--object={text}", f"--limit={number}"],
    ]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(number=numbers, other=numbers, text=texts)
def test_no_command_line_is_a_defect(run: Run, number: str, other: str, text: str) -> None:
    """Whatever stands on it: done, refused or not found, in one line; never status 70."""
    for line in wild_lines(number, other, text):
        status, _, err = run(*line)
        assert status in (Exit.OK, Exit.USAGE, Exit.NOT_FOUND), (line, err)
