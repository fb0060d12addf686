"""Whatever is typed behind an option, no command ends as a defect of ours: every option of every command."""

import functools
import io
import os
import typing
from collections.abc import Iterator
from pathlib import Path
from types import UnionType

import pytest
from cyclopts import App

from ops.cli import main
from ops.cli.app import app
from ops.exit_codes import Exit
from ops.place.state_lock import state_held
from tests.cli.office import RULES, card

INTEGERS = [
    "0",
    "-1",
    "2147483648",
    "-2147483649",
    "9223372036854775808",
    "1" + "0" * 30,
    "1e3",
    "٣",
    "1_0",
    "",
]
NUMBERS = ["-1", "0", "nan", "inf", "-inf", "1e999", "1e300", "x", ""]
TEXTS = [
    "", " ", "\0", "a\0b", "\x1b[31m", "a\nb", "\udcff", "\u202e", "\ufeff", "x" * 5000, "'", "%s{}", "-",
    "2147483648", "9999-99-99", "0" * 19,
]  # fmt: skip
SHARED = {"--config", "--dsn", "--state-dir", "--master-key-file"}
"""Options every command has: tried with one command."""
ACTOR = {"--actor", "--reason"}
TILL = {"--terminal", "--key-file", "--generation", "--switch", "--ca-file"}
TRIED_ONCE = {"cards show": SHARED, "partners add": ACTOR, "terminal earn": TILL}
NOT_RUN = {
    "bench": "it runs for minutes, and on a Postgres of its own",
    "completion": "it has a closed list of values",
}
POSITIONALS = {
    "partners": ["7", "Kino"],
    "terminals": ["17"],
    "outlets": ["12", "Rynek"],
    "offers": ["7"],
    "cards": [card(1), card(2)],
    "ledger": [card(1)],
    "balances": ["FILE"],
    "invoices": ["7", "5265877635-20250826-0100001AF629-AF"],
    "programmes": ["czestochowa", "FILE"],
}
OF_ITS_OWN = {"rebucket": ["1"], "elsewhere": ["7", "2026-05", "FV/5"]}
"""Positional values that only this command of its noun has."""
REQUIRED = {
    "--shown": "x",
    "--card": card(1),
    "--amount": "1",
    "--points": "100",
    "--stan": "1",
    "--partner": "7",
    "--generation": "1",
    "--to": "public",
    "--month": "2026-10",
    "--on": "2026-06-02",
    "--nip": "5265877635",
    "--name": "Gmina",
    "--address": "Rynek 1",
}


def commands(at: App, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command that does something, as the words that name it."""
    if at.default_command is not None and words:
        yield words
    for name in at:
        if not name.startswith("-"):
            yield from commands(at[name], (*words, name))


COMMANDS = [words for words in commands(app) if words[0] not in NOT_RUN]


def arguments(words: tuple[str, ...]) -> list[typing.Any]:
    """Return the arguments of a command that take a value."""
    at = functools.reduce(lambda group, word: group[word], words, app)
    found = [a for a in at.assemble_argument_collection() if a.names != ("*",) and a.hint is not bool]
    once = set().union(*(names for command, names in TRIED_ONCE.items() if command != " ".join(words)))
    return [argument for argument in found if not once & set(argument.names)]


def hostile(hint: typing.Any) -> list[str]:
    """Return values that a type of argument should not break on."""
    kinds = set(typing.get_args(hint)) if isinstance(hint, UnionType) else {hint}
    if int in kinds or kinds & {tuple}:
        return INTEGERS
    return NUMBERS if float in kinds else TEXTS


def base(words: tuple[str, ...], folder: Path) -> tuple[list[str], list[str]]:
    """Return a command line that is in order: its positional values, and its options."""
    at = functools.reduce(lambda group, word: group[word], words, app)
    found = list(at.assemble_argument_collection())
    names = {name for argument in found for name in argument.names}
    count = sum(argument.index is not None for argument in found)
    values = POSITIONALS.get(words[0], ["1"])[:count]
    if "FILE" in names:
        values[-1:] = [str(RULES if words[0] == "programmes" else folder / f"{words[0]}.csv")]
    if words[-1] == "world":
        return values, ["--operations", "20"]
    values = OF_ITS_OWN.get(words[-1], values)
    options = [
        text
        for argument in found
        if argument.required and argument.index is None and argument.names[0] in REQUIRED
        for text in (argument.names[0], REQUIRED[argument.names[0]])
    ]
    if "--yes" in names:
        options.append("--yes")
    if "--reason" in names:
        options += ["--reason", "a test"]
    if "--switch" in names:
        options += ["--switch", "127.0.0.1:1"]
    if words in (("board",), ("office", "serve")):  # where it refuses to serve without a token
        options += ["--host", "192.0.2.1"]
    if words == ("notices", "run"):  # a folder for its letters is all it wants to go on for ever
        options += ["--once"]
    if words == ("office", "serve"):
        options += ["--mail", "letters"]
    return values, options


def in_turn(values: list[str], turn: int) -> list[str]:
    """Return the values to try: the first, every third, with another argument the next; all on demand."""
    return values if os.environ.get("CITYSWITCH_EVERY_VALUE") else values[:1] + values[1 + turn % 3 :: 3]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with files to import; its state directory is held, so that nothing begins to serve there."""
    (tmp_path / "partners.csv").write_text("id,name\n1,Kino\n", encoding="utf-8")
    (tmp_path / "outlets.csv").write_text("id,partner,name\n1,1,Rynek\n", encoding="utf-8")
    offers = "number,partner,name_pl,name_en,text_pl,text_en,kind\n7,1,a,a,a,a,free_entry\n"
    (tmp_path / "offers.csv").write_text(offers, encoding="utf-8")
    (tmp_path / "terminals.csv").write_text("id,partner\n1,1\n", encoding="utf-8")
    (tmp_path / "balances.csv").write_text(f"number,points,reference\n{card(3)},5,x\n", encoding="utf-8")
    (tmp_path / "cards.csv").write_text(f"number\n{card(3)}\n", encoding="utf-8")
    with state_held(tmp_path / "state", "up"):
        yield tmp_path


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_value_of_any_option_is_a_defect_of_ours(
    words: tuple[str, ...],
    folder: Path,
    ledger_dsn: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bounds, control characters, NUL, other digits, endless texts: never 70, and one line on stderr.

    A third of the values for each argument, in turn; CITYSWITCH_EVERY_VALUE=1 tries all with all.
    """
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    place = ["--dsn", ledger_dsn, "--state-dir", str(folder / "state")]
    place += ["--master-key-file", str(folder / "master.key")]
    assert main(["init", *place]) == Exit.OK
    capsys.readouterr()
    values, options = base(words, folder)
    for turn, argument in enumerate(arguments(words), start=COMMANDS.index(words)):
        for value in in_turn(hostile(argument.hint), turn):
            if argument.index is None:
                line = [*words, *values, *options, *place, f"{argument.names[0]}={value}"]
            else:
                tried = [*values[: argument.index], value, *values[argument.index + 1 :]]
                line = [*words, *options, *place, "--", *tried]
            status = main(line)
            out, err = capsys.readouterr()
            told = (argument.names[0], value[:40], status, err)
            assert status in set(Exit) - {Exit.INTERNAL}, told
            assert "Traceback" not in out + err, told
            assert err.count("\n") == 1 or status == Exit.OK, told


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e999"])
@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--seconds"],
        ["up", "--rate"],
        ["simulate", "fleet", "--seconds"],
        ["simulate", "fleet", "--rate"],
        ["simulate", "fleet", "--cut-offs"],
    ],
    ids=" ".join,
)
def test_a_number_that_is_none_is_refused_before_anything_begins(
    words: list[str], value: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """NaN, infinities and what lies out of bounds are a matter of usage, though their type is right."""
    assert main([*words, value, "--state-dir", str(folder / "state")]) == Exit.USAGE
    assert "between" in capsys.readouterr().err
