"""Every page of help: there, with examples, and quick to find from a mistyped command."""

import functools
import re
from collections.abc import Iterator

import pytest
from cyclopts import App

from ops.cli import main
from ops.cli.app import app
from ops.exit_codes import Exit


def commands(at: App, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command of the tree, groups too, as the words that name it."""
    yield words
    for name in at:
        if not name.startswith("-"):
            yield from commands(at[name], (*words, name))


COMMANDS = list(commands(app))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "cityswitch")
def test_every_command_has_help_with_examples(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` of every command says what it does and ends with examples of that very command."""
    assert main([*words, "--help"]) == Exit.OK
    page = capsys.readouterr().out
    assert page.startswith("Usage: cityswitch")
    _, _, shown = page.partition("Examples:\n")
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    assert lines
    assert lines[0].startswith(" ".join(("cityswitch", *words)))


def test_the_nouns_of_the_field_are_all_there() -> None:
    """The command has every noun an operator looks for."""
    nouns = {words[0] for words in COMMANDS if words}
    assert nouns >= {
        "serve", "demo", "up", "simulate", "terminal", "cards", "partners", "terminals", "programmes",
        "ledger", "migrate", "init", "config", "completion",
    }  # fmt: skip


def test_examples_are_command_lines_that_parse() -> None:
    """Every example on every page is accepted by the parser."""
    parsed = 0
    for words in COMMANDS:
        at = functools.reduce(lambda group, word: group[word], words, app)
        epilogue = str(at.help_epilogue)
        for line in epilogue.splitlines():
            example = re.split(" [<>] ", line.strip())[0]
            if example.startswith("cityswitch "):
                app.parse_args(example.removeprefix("cityswitch "), exit_on_error=False, print_error=False)
                parsed += 1
    assert parsed >= len(COMMANDS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_made_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`cityswitch completion` prints a script that names the command."""
    assert main(["completion", shell]) == Exit.OK
    assert "cityswitch" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("crads", "cards"),
        ("cards shwo", "show"),
        ("partners show", "NUMBER"),
        ("cards list --limt 3", "--lim"),
    ],
)
def test_a_mistyped_command_line_is_one_line_with_a_way_out(
    line: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong command line ends in status 2 and one line that names the problem and where help is."""
    assert main(line.split()) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert named in err
    assert "--help" in err


def test_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the version alone, for scripts."""
    assert main(["--version"]) == Exit.OK
    assert capsys.readouterr().out.strip().replace(".", "").isdigit()
