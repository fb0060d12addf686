"""How help pages are laid out: the examples under every command.

Owns the look. Invariant: every command's page ends with examples, which tests/cli/test_help.py checks.
"""


def examples(*commands: str) -> str:
    """Return the closing part of a help page: one `cityswitch <command>` a line."""
    return "Examples:\n" + "\n".join(f"  cityswitch {command}" for command in commands)
