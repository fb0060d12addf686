"""How a rules file is read: TOML, the shapes of its tables, then what contradicts itself.

Owns the words an operator gets for a file that cannot be used: the file, the key, the reason, on one line.
"""

from __future__ import annotations

import msgspec

from switch.rules.programme.contradictions import contradictions
from switch.rules.programme.parts import RulesError
from switch.rules.programme.rules import Rules
from switch.toml_text import TomlError, parse_toml


def parse_rules(text: str | bytes, *, source: str = "programme rules") -> Rules:
    """Parse and check one rules file. Raises `RulesError` naming `source` and the key."""
    try:
        rules = msgspec.convert(parse_toml(text, is_composed=True), Rules)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        key = where.strip(".`") or "(top level)"
        raise RulesError(f"{source}: key '{key}': {problem}") from None
    except TomlError as error:
        raise RulesError(f"{source}: {error}") from None
    for fault in contradictions(rules):
        raise RulesError(f"{source}: key '{fault.key}': {fault.reason}")
    return rules
