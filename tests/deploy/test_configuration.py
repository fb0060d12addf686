"""The reference of settings and the annotated example: nothing missing, nothing false."""

import re
from pathlib import Path

import pytest

from ops.cli import main
from ops.deploy.configuration import example_file, reference_page, settings
from ops.deploy.references import pages
from ops.deploy.settings_text import SETTINGS
from ops.exit_codes import Exit
from switch.config import RELOADABLE, Config, ConfigError, load_config

ROOT = Path(__file__).resolve().parents[2]


def test_every_setting_has_its_words_and_no_other() -> None:
    """A new setting wants a meaning and when to change it; one that is gone takes them along."""
    assert tuple(SETTINGS) == Config.__struct_fields__
    assert all(said.meaning.endswith(".") and said.change.endswith(".") for said in SETTINGS.values())


def test_page_and_file_are_what_the_settings_say() -> None:
    """The committed pages are the ones that are made; `make references` writes them."""
    made = pages()
    assert made
    assert {name: (ROOT / name).read_text(encoding="utf-8") for name in made} == made


def test_the_command_prints_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    """`cityswitch config example` prints the file to begin with."""
    assert main(["config", "example"]) == Exit.OK
    assert capsys.readouterr().out == example_file()


@pytest.mark.parametrize("uncommented", [False, True])
def test_the_example_loads_and_gives_the_defaults(tmp_path: Path, uncommented: bool) -> None:
    """As it is and with every setting uncommented it is what a switch without a file has."""
    text = example_file()
    if uncommented:
        text = re.sub(r"^#(\w+ = )", r"\1", text, flags=re.MULTILINE)
        assert len(re.findall(r"^\w+ = ", text, re.MULTILINE)) == len(Config.__struct_fields__)
    path = tmp_path / "cityswitch.toml"
    path.write_text(text, encoding="utf-8")
    assert load_config(path, environment={}) == Config()


def test_the_bounds_that_are_told_are_those_that_hold(tmp_path: Path) -> None:
    """The ends of every range that a row names are taken, and what lies past them is refused."""
    tried = 0
    for each in settings():
        if found := re.fullmatch(r"(more than )?([\d,.]+) to ([\d,]+)", each.bounds):
            least, most = (float(bound.replace(",", "")) for bound in found.groups()[1:])
            inside = most if found[1] else least
            for value, is_taken in ((inside, True), (most, True), (most + 1, False), (least - 1, False)):
                alone = {each.name: int(value)}
                if is_taken:
                    alone |= {"http_port": 0} if each.name == "workers" else {}
                    assert getattr(load_config(None, environment={}, options=alone), each.name) == value
                else:
                    with pytest.raises(ConfigError, match=each.name):
                        load_config(None, environment={}, options=alone)
            tried += 1
    assert tried >= 20


def test_what_a_reload_changes_is_told() -> None:
    """What is told to be read on SIGHUP is what `Config.adopt` takes."""
    told = {each.name for each in settings() if each.read == "on SIGHUP"}
    assert told == RELOADABLE
    assert (
        f"| `idle_s` | {SETTINGS['idle_s'].meaning} | `120` | more than 0 to 86,400 seconds | on SIGHUP |"
        in (reference_page())
    )
