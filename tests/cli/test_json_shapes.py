"""What is printed with --json has one schema: every command is in it, and the page says the same."""

import functools
import json
from pathlib import Path

import pytest

from ops.cli.app import app
from ops.deploy.json_fields import fields, rows
from ops.deploy.json_shapes import SHAPES, schema
from tests.cli.office import RULES, Run
from tests.cli.test_hostile import commands
from tests.json_schema import faults

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "console.schema.json"


def test_every_command_that_prints_json_has_its_shape() -> None:
    """A new command says here what its document holds."""
    with_json = set()
    for words in commands(app):
        at = functools.reduce(lambda group, word: group[word], words, app)
        if "--json" in {name for argument in at.assemble_argument_collection() for name in argument.names}:
            with_json.add(" ".join(words))
    assert set(SHAPES) == with_json


def test_the_page_is_what_the_commands_are_held_to() -> None:
    """`make references` writes it."""
    assert json.loads(PAGE.read_text(encoding="utf-8")) == schema()


@pytest.mark.parametrize(
    ("document", "is_right"),
    [
        ([{"a": 1, "b": None}], True),
        ([{"a": 1, "b": "x", "c": "y"}], True),
        ([{"a": True, "b": None}], False),
        ([{"a": "1", "b": None}], False),
        ([{"b": None}], False),
        ([{"a": 1, "b": None, "d": 1}], False),
        ({"a": 1, "b": None}, False),
    ],
)
def test_a_document_of_another_shape_is_told(document: object, is_right: bool) -> None:
    """A rule that cannot fail proves nothing: another type, a member too few or too many."""
    assert (list(faults(document, rows("a int, b text?, c? x|y"))) == []) == is_right
    assert list(faults({"e": "z"}, fields("e x|y"))) != []


def test_what_is_asked_seldom_has_its_shape_too(run: Run, tmp_path: Path) -> None:
    """Installing, looking and changing rules print what the page says (fixture `documents`)."""
    for words in (
        ["init"], ["migrate"], ["migrate", "--dry-run"], ["config", "check"], ["doctor"],
        ["programmes", "check", str(RULES)], ["programmes", "show"], ["programmes", "diff", "1", str(RULES)],
        ["programmes", "apply", str(RULES)], ["backup", "key", "--to", str(tmp_path / "copy.key")],
    ):  # fmt: skip
        status, out, err = run(*words, "--json")
        assert out, (words, status, err)
