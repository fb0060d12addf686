"""The reference of settings, and the annotated example, made of the settings themselves.

Owns how both look. Names, defaults, bounds and what SIGHUP changes are read off `switch.config`; the words
stand in `settings_text`. Must not know what a setting does. Invariant: the example, as it is and with every
line uncommented, gives the defaults.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from msgspec import inspect

from ops.deploy.settings_text import SETTINGS
from switch.config import RELOADABLE, Config

WIDTH: Final = 100
OF_COMMANDS: Final = frozenset({"owner_dsn", "second_person_over_rows"})
"""What a running switch has no use for."""
UNITS: Final = {"_ms": "milliseconds", "_s": "seconds", "_bytes_max": "bytes"}
PAGE: Final = """# Settings

<!-- Made by `make references` of switch/config.py and ops/deploy/settings_text.py: do not edit. -->

A switch reads its settings from a TOML file (`--config`, else `./cityswitch.toml`), then from environment
variables, then from the command line; the later ones win. `cityswitch config check` prints what is in force
and where it comes from, `cityswitch config example` prints the file to begin with
([cityswitch.example.toml]({root}ops/deploy/cityswitch.example.toml)).

What is read on SIGHUP changes while the switch serves (`systemctl reload cityswitch`); the log line
`reloaded` says what has changed and what needs a restart. A file that cannot be used changes nothing.

| setting | meaning | default | bounds | read | when to change it |
| --- | --- | --- | --- | --- | --- |
"""
HEAD: Final = """\
# Settings of cityswitch, each with its default: take the # away where another value is wanted.
# Made by `cityswitch config example`. An environment variable wins over this file: CITYSWITCH_ and the name
# in capitals, CITYSWITCH_LISTEN_PORT. `cityswitch config check --config FILE` says what is in force.
"""


class Setting(NamedTuple):
    """One setting as the reference tells it."""

    name: str
    meaning: str
    default: str
    unit: str
    bounds: str
    read: str
    change: str


def settings() -> Iterator[Setting]:
    """Yield every setting in the order of `Config`."""
    described = inspect.type_info(Config)
    assert isinstance(described, inspect.StructType)
    for field in described.fields:
        said = SETTINGS[field.name]
        unit = next((unit for suffix, unit in UNITS.items() if field.name.endswith(suffix)), "")
        yield Setting(
            field.name, said.meaning, json.dumps(field.default), unit, bounds_of(field.type),
            read_when(field.name), said.change,
        )  # fmt: skip


def read_when(name: str) -> str:
    """Return when a setting is read."""
    if name in OF_COMMANDS:
        return "by each command"
    return "on SIGHUP" if name in RELOADABLE else "at the start"


def bounds_of(kind: Any) -> str:
    """Return in words what values a type takes; nothing to say of a text without bounds."""
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(map(str, kind.values))
    if isinstance(kind, inspect.BoolType):
        return "true, false"
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        least = f"{kind.ge:,}" if kind.ge is not None else f"more than {kind.gt:,}"
        return f"{least} to {kind.le:,}"
    if isinstance(kind, inspect.StrType) and kind.max_length is not None:
        return f"{kind.min_length} to {kind.max_length} characters"
    return ""


def reference_page(root: str = "../../") -> str:
    """Return docs/reference/configuration.md; `root` leads from there to the repository's."""
    rows = (
        f"| `{each.name}` | {each.meaning} | `{each.default}` | "
        f"{' '.join(filter(None, (each.bounds, each.unit)))} | {each.read} | {each.change} |"
        for each in settings()
    )
    return PAGE.format(root=root) + "\n".join(rows) + "\n"


def example_file() -> str:
    """Return the annotated settings file."""
    return HEAD + "".join(map(_example_of, settings()))


def _example_of(each: Setting) -> str:
    bounds = f"Bounds: {' '.join(filter(None, (each.bounds, each.unit)))}. " if each.bounds else ""
    told = [
        *_wrapped(each.meaning),
        f"# {bounds}Read {each.read}.",
        *_wrapped(f"When to change: {each.change}"),
    ]
    return "\n" + "\n".join([*told, f"#{each.name} = {each.default}"]) + "\n"


def _wrapped(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH - 2)]
