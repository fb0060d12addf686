"""What the demo tells people: commands that can be typed as they stand, cards that nothing else moves."""

import shutil
import sys
from pathlib import Path

import pytest

from ops.demo.fleet import Scenario, fleet_plan
from ops.demo.words import cards_for_people
from ops.place.running import RunningNote
from ops.program import called_as
from simulators.city.example import CITIES, EXAMPLE_CARD, FLEET_CARDS
from simulators.city.population import Peculiarity
from switch.config import Config

NOTE = RunningNote(1, "127.0.0.1", 7070, ["http://127.0.0.1:9170"], False)


def test_the_cards_for_people_are_out_of_the_loads_reach() -> None:
    """The fleet draws from the cards before those kept for people, so a card's sum can be checked by hand."""
    plan = fleet_plan(Config(), Scenario(1), NOTE)
    assert plan.cards == FLEET_CARDS
    for city in CITIES:
        population = city.population
        for kind, card in {**city.hand_cards(), Peculiarity.NONE: city.example_card}.items():
            index = population.index_of(card)
            assert index is not None
            assert city.fleet_cards <= index < population.cards
            assert population.peculiarity(index) is kind


def test_one_card_of_each_kind_is_printed() -> None:
    """Of each city a sound card and one of each kind there is are named, and the terminal kept for people."""
    text = "\n".join(cards_for_people())
    assert EXAMPLE_CARD in text
    for kind, word in (
        (Peculiarity.BLOCKED, "blocked"),
        (Peculiarity.EXPIRED, "expired"),
        (Peculiarity.REPLACED, "replaced"),
        (Peculiarity.RETAIN, "retained"),
        (Peculiarity.LAPSED, "entitlement ended"),
    ):
        cards = [city.hand_cards()[kind] for city in CITIES if kind in city.hand_cards()]
        assert any(word in line and all(card in line for card in cards) for line in text.splitlines())
        assert len(cards) == (1 if kind is Peculiarity.LAPSED else len(CITIES))
    assert all(str(city.hand_terminal) in text for city in CITIES)


def test_hints_name_the_command_as_it_was_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the PATH it is `cityswitch`, in a checkout `.venv/bin/cityswitch`, else the module."""
    monkeypatch.chdir(tmp_path)
    launcher = tmp_path / ".venv" / "bin" / "cityswitch"
    launcher.parent.mkdir(parents=True)
    launcher.write_text("#!/bin/sh\n")
    launcher.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(launcher)])
    monkeypatch.setenv("PATH", "/usr/bin")
    assert called_as() == ".venv/bin/cityswitch"
    monkeypatch.setenv("PATH", str(launcher.parent))
    assert shutil.which("cityswitch")
    assert called_as() == "cityswitch"
    monkeypatch.setattr(sys, "argv", ["/somewhere/ops/cli/__main__.py"])
    assert called_as().endswith("-m ops.cli")
