"""The rules of this house, kept by tests: direction of imports, sizes, docstrings, clean lock files.

Each rule is a fact about the text of the repository, so these tests read files and run nothing of the switch.
CONTRIBUTING.md gives the reasons.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("protocol", "ledger", "switch", "simulators", "bench", "ops")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
# One by name counts twice. Past it CPython 3.11 to 3.13 packs a call's arguments into a dictionary first.
ARGUMENT_SLOTS_MAX = 30
# The bridge from trio to asyncpg; nobody else may know that asyncio exists.
ASYNCIO_IMPORTER = "ledger/postgres/database.py"
# But for the programs the switch is measured against: each runs alone, and nothing imports them.
PEERS = "bench/peers/"
# What code without I/O, clock, randomness and logs has no use for.
FORBIDDEN_IN_PROTOCOL = {
    "socket", "ssl", "select", "selectors", "trio", "asyncio", "threading", "subprocess", "os", "io",
    "time", "datetime", "random", "secrets", "uuid", "logging", "structlog", "pathlib",
}  # fmt: skip
SQL = re.compile(
    r"\s*(select\s|insert into\s|update\s+[\w.{]+\s+(\w+\s+)?set\s|delete from\s|with \w+ as\b|truncate\s|"
    r"vacuum\b|analyze\s|checkpoint$|grant\s|revoke\s|"
    r"(create|alter|drop) (table|database|function|role|schema|index|trigger)\b)"
)
# The programs the switch is measured against; auditors, who would share the ledger's faults if they shared
# its reads; the bench's made data, which no ledger ever wrote; who compares two ledgers table by table;
# who breaks the books, or ends sessions, on purpose.
SQL_ELSEWHERE = (
    PEERS, "simulators/audit/books.py", "bench/probes/fleet.py", "bench/probes/last_use.py",
    "bench/probes/lost_server.py", "bench/probes/servers.py", "bench/probes/uses_left.py",
    "bench/throughput/growth_data.py", "simulators/world/differential/sides.py",
    "ops/monitoring/drill/faults_books.py", "ops/torture/oracle.py", "ops/torture/faults.py",
)  # fmt: skip
REGISTRY_WRITE = re.compile(
    r"(insert into|update|delete from|truncate|alter table)\s+(registry\.(?!(node|migration)\b)|people\.)"
)
"""Every table but two that nobody decides about: the books' counter of ids, the list of migrations."""
OF_THE_MACHINE = re.compile(
    r"(secrets|random)\.\w+|time\.(time|monotonic|perf_counter)\w*|(datetime|date)\.(now|today)"
)
# What decides nothing of a transaction (the log, an operator's imports, figures of the process), and what the
# worker seeds or replaces from outside.
MACHINES_OWN = {
    "ledger/books/node.py: random.Random", "ledger/books/node.py: time.time_ns",
    "ledger/postgres/pooling.py: secrets.randbits", "ledger/registry/key_ring.py: secrets.token_bytes",
    "switch/logs.py: datetime.now", "switch/logs.py: time.monotonic", "switch/metrics/meters.py: time.time",
    "switch/process/worker.py: random.Random",
}  # fmt: skip
LOCKS = (
    "requirements/runtime.txt",
    "requirements/dev.txt",
    "requirements/office.txt",
    "requirements/ha.txt",
    "requirements/fuzz.txt",
    "requirements/audit.txt",
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*folders: str) -> list[Path]:
    """Return every Python file below the folders, sorted, so failures read the same everywhere."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    """Return a path as it reads in a failure: relative to the repository."""
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(module: ast.Module) -> Iterator[Function]:
    """Yield every function and method of a module, nested ones too."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported_roots(module: ast.Module) -> set[str]:
    """Return the top-level names a module imports, wherever in the file it does so."""
    roots: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            roots.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.partition(".")[0])
    return roots


def pins(lock: str) -> dict[str, str]:
    """Return package -> version of a lock file."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_imports_go_one_way() -> None:
    """ops → bench → simulators → switch → {ledger | protocol}; the contract stands in pyproject.toml."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as c; c()",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_module_knows_asyncio() -> None:
    """Exactly one module imports asyncio or trio_asyncio, so no cancellation rule of theirs spreads."""
    importers = {name(p) for p in sources(*PACKAGES) if imported_roots(tree(p)) & {"asyncio", "trio_asyncio"}}
    assert {importer for importer in importers if not importer.startswith(PEERS)} == {ASYNCIO_IMPORTER}


def test_time_and_chance_come_by_one_way() -> None:
    """Nothing of the switch draws or reads the wall clock past what a simulated world can replace."""
    found = {
        f"{name(path)}: {ast.unparse(node.func)}"
        for path in sources("switch", "ledger")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and OF_THE_MACHINE.fullmatch(ast.unparse(node.func))
    }
    assert found == MACHINES_OWN


def test_protocol_has_no_input_output_clock_or_chance() -> None:
    """Whatever is not a function of its arguments comes into protocol/ as an argument."""
    found = {name(p): imported_roots(tree(p)) & FORBIDDEN_IN_PROTOCOL for p in sources("protocol")}
    assert {file: roots for file, roots in found.items() if roots} == {}


@pytest.mark.parametrize("folder", [*PACKAGES, "tests"])
def test_files_and_functions_fit_in_the_head(folder: str) -> None:
    """A file stays under 400 lines and a function under 70."""
    too_long: list[str] = []
    for path in sources(folder):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines >= FILE_LINES_MAX:
            too_long.append(f"{name(path)}: {lines} lines")
        for function in functions(tree(path)):
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length >= FUNCTION_LINES_MAX:
                too_long.append(f"{name(path)}:{function.lineno} {function.name}: {length} lines")
    assert too_long == []


def test_no_call_on_the_way_of_a_transaction_packs_its_arguments() -> None:
    """No call has more arguments than Python hands over as they are: a posting took 0.88 us, not 0.2."""
    packed = [
        f"{name(path)}:{node.lineno} {ast.unparse(node.func)}"
        for path in sources("protocol", "ledger", "switch")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and len(node.args) + 2 * len(node.keywords) > ARGUMENT_SLOTS_MAX
    ]
    assert packed == []


def test_every_module_says_what_it_owns() -> None:
    """Every module opens with a docstring."""
    silent = [name(p) for p in sources(*PACKAGES, "tests") if not ast.get_docstring(tree(p))]
    assert silent == []


def test_every_test_states_its_promise() -> None:
    """Every test has a docstring whose first line is the promise it keeps."""
    silent = [
        f"{name(path)}:{function.lineno} {function.name}"
        for path in sources("tests")
        for function in functions(tree(path))
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []


def test_no_test_waits_by_a_number_of_its_own() -> None:
    """Tests count, don't time: whoever waits for what must happen waits `tests.patience.HANG_S`, no less."""
    waits = re.compile(r"\bfail_after\((?!HANG_S\b)|\btimeout=\d|\bprocess\.wait\(\d")
    impatient = [
        f"{name(path)}:{number}"
        for path in sources("tests")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if waits.search(line)
    ]
    assert impatient == []


def test_sql_stands_in_the_ledger() -> None:
    """No SQL outside ledger/, but for a few places: where to look when a table changes."""
    found = [
        f"{name(path)}:{node.lineno}"
        for path in sources(*PACKAGES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
        if not name(path).startswith(("ledger/", *SQL_ELSEWHERE))
    ]
    assert found == []


def test_csv_is_written_in_one_place() -> None:
    """What is quoted, and what is a formula to a spreadsheet, is known to ops/csv_text.py alone."""
    writers = [
        name(path)
        for path in sources(*PACKAGES)
        if re.search(r"\bcsv\.(writer|DictWriter)\b", path.read_text(encoding="utf-8"))
    ]
    assert writers == ["ops/csv_text.py"]


def test_writes_to_the_registry_stand_in_one_place() -> None:
    """Only ledger/registry/ writes registry tables: everybody else goes through its door, which asks who."""
    found = [
        name(path)
        for path in sources(*PACKAGES)
        if REGISTRY_WRITE.search(path.read_text(encoding="utf-8"))
        if not name(path).startswith("ledger/registry/")
    ]
    assert found == []


def test_no_sql_asks_the_session_which_day_it_is() -> None:
    """A day is a programme's (registry.today_of); the session's own would be the server's time zone's. In
    Python the linter sees to it (DTZ).
    """
    day_of_session = re.compile(
        r"\b(current_date|localtimestamp|localtime)\b|now\(\)\s*::\s*date", re.IGNORECASE
    )
    files = [
        path for folder in PACKAGES for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".sql")
    ]
    assert len(files) > len(PACKAGES)
    assert [name(path) for path in files if day_of_session.search(path.read_text(encoding="utf-8"))] == []


def test_nothing_is_left_for_later() -> None:
    """No stub and no note to do something some day stands in the code."""
    later = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|NotImplemented" r"Error)\b")
    found = [
        name(path) for path in sources(*PACKAGES, "tests") if later.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_carry_hashes_and_no_hosts(lock: str) -> None:
    """Every pin has a hash, and no index, host or URL is named, so any mirror serves."""
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host|\bfile:", strip_command(text))
    pinned = len(re.findall(r"^[A-Za-z0-9_.-]+==", text, re.MULTILINE))
    assert pinned > 0
    assert (
        len(re.findall(r"^[A-Za-z0-9_.-]+==[^\n]*\\\n(?:    --hash=sha256:)", text, re.MULTILINE)) == pinned
    )


def strip_command(lock_text: str) -> str:
    """Drop the header in which uv repeats its command line: its options name what is left out."""
    return "\n".join(line for line in lock_text.splitlines() if not line.startswith("#"))


def test_runtime_lock_is_part_of_the_dev_lock() -> None:
    """The tests run on the very versions that the switch runs on."""
    dev = pins(LOCKS[1])
    assert {package: dev.get(package) for package in pins(LOCKS[0])} == pins(LOCKS[0])
