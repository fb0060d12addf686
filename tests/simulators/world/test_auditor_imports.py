"""The auditor shares nothing with what he audits."""

import ast
import subprocess
import sys
from pathlib import Path

import simulators.world

ROOM = Path(simulators.world.__file__).parent
ALLOWED = {"msgspec", "protocol", "simulators.world.auditor", "simulators.world.facts"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "an import says where it goes"
            names.add(node.module or "")
    return names


def is_allowed(name: str) -> bool:
    root = name.partition(".")[0]
    inside = any(name == one or name.startswith(f"{one}.") for one in ALLOWED)
    return root in sys.stdlib_module_names or inside


def test_the_auditor_imports_the_wire_and_the_facts_alone() -> None:
    """Of the project only messages, codes and facts; of the facts nothing of the project at all."""
    files = sorted((ROOM / "auditor").rglob("*.py"))
    assert len(files) > 5
    assert {name for path in files for name in imported(path) if not is_allowed(name)} == set()
    assert {name.partition(".")[0] for name in imported(ROOM / "facts.py")} <= {
        "__future__",
        "datetime",
        "msgspec",
        "typing",
    }


def test_no_module_of_the_switch_is_loaded_with_the_auditor() -> None:
    """Whoever imports the auditor has neither switch, ledger nor office in memory, not even by a detour."""
    program = (
        "import sys, simulators.world.auditor; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"switch", "ledger", "ops", "bench", "trio"} & set(done.stdout.split())
