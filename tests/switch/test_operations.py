"""The table of operations: complete, and a new operation is a handful of places and nothing else."""

import re
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

from ledger.books.posting import NOT_JOURNALLED, TOTALLED, Kind
from protocol import REQUEST_OF
from switch.flow.operations import OPERATIONS, Operation
from switch.rules.receipts import SECTIONS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("protocol", "ledger", "switch", "simulators", "bench", "ops", "tests")
PUBLISHED = {
    "protocol/SPEC.md", "protocol/vectors.json", "protocol/scenarios.json", "docs/reference/metrics.md",
}  # fmt: skip
"""What `make published` writes: no place of thought."""
PLACES_MAX = 6

ADDED = {
    "protocol/requests.py": [
        ("__all__ = [\n", '    "Gift",\n'),
        (
            "\n\n@listed(0x20,",
            '\n\n@listed(0x2F, iso="0200", nexo="Loyalty: Award", holds=POINTS_GIVEN)\n'
            "class Gift(CardMessage, frozen=True):\n"
            '    """A gift of points from the partner."""\n\n'
            "    gift: Bits\n",
        ),
    ],
    "ledger/books/posting.py": [
        ("    QUOTE = 12\n", "    GIFT = 13\n"),
        ("    (Kind.EARN, Kind.EARN_ADVICE", ", Kind.GIFT"),
    ],
    "switch/flow/operations.py": [
        ("from switch.rules.decide import (\n", "    decide_gift,\n"),
        ("from protocol import (\n", "    Gift,\n"),
        (
            "OPERATIONS: dict[type[Request], Operation] = {\n",
            "    Gift: Operation(\n"
            "        kind=int(Kind.GIFT),\n"
            "        decide=decide_gift,\n"
            "        again=lambda row: Gift(*_read(row), row.amount_grosze),\n"
            "        is_new_business=True,\n"
            "    ),\n",
        ),
    ],
    "switch/rules/decide/__init__.py": [
        ("switch.rules.decide.earn import decide_earn, decide_earn_advice\n",
         "from switch.rules.decide.gift import decide_gift\n"),
        ("__all__ = [\n", '    "decide_gift",\n'),
    ],
    "switch/rules/reasons.py": [
        ("APPROVALS: Final[dict[Kind, Reason]] = {\n",
         '    Kind.GIFT: Reason("Prezent od partnera.", "A gift of the partner.", ("earn.step_grosze",)),\n'),
    ],
    "switch/rules/receipts.py": [("SECTIONS: dict[int, str] = {\n", '    int(Kind.GIFT): "earn",\n')],
}  # fmt: skip
"""Lines of existing files: what stands before them, and they."""
NEW = {
    "switch/rules/decide/gift.py": '''"""A gift of points. Pure."""

from __future__ import annotations

from protocol import Gift
from switch.rules.decide.decision import Decision, Moment
from switch.rules.decide.refusals import refuse
from switch.rules.cards import Card
from switch.rules.directory import Terminal


def decide_gift(message: Gift, terminal: Terminal, card: Card | int, at: Moment) -> Decision:
    """Points for any card that could be used now."""
    if code := refuse(terminal, card, message.entry, at):
        return Decision(code)
    return Decision(0, message.gift, message.gift, terminal.partner.issued_account)
''',
    "tests/switch/test_gift.py": '''"""A gift is posted once, printed and told again."""

from pathlib import Path

from ledger.postgres.database import Database
from ops.office.redecide import Redecided, redecide
from protocol import Balance, Gift, Reversal, TransactionReply
from tests.entries import SWIPED
from tests.postgres import FreshDatabase
from tests.switch.test_worker import CARD, running_worker


async def test_a_gift_is_in_the_books(fresh: FreshDatabase, owner: Database, tmp_path: Path) -> None:
    """Points are given, a repeat gets the stored reply, a reversal takes them back."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        gift = Gift(stan=1, terminal_time=0, card=CARD, entry=SWIPED, gift=7)
        given = await line.ask(gift)
        assert isinstance(given, TransactionReply)
        assert (given.code, given.points, given.balance) == (0, 7, 7)
        assert "Przyznane punkty: 7" in given.receipt
        assert given.transaction_id > 0
        assert await line.ask(gift) == given
        taken = await line.ask(Reversal(stan=2, terminal_time=0, card=CARD, entry=SWIPED, original_stan=1))
        assert isinstance(taken, TransactionReply)
        assert (taken.code, taken.points) == (0, -7)
        told = await line.ask(Balance(stan=3, terminal_time=0, card=CARD, entry=SWIPED))
        assert isinstance(told, TransactionReply)
        assert told.balance == 0
        assert await running.owner.run(lambda c: redecide(c, 0, 2**50)) == Redecided(2, [])
''',
}
HELD = [
    "tests/protocol/test_spec.py",
    "tests/protocol/test_vectors.py",
    "tests/protocol/test_properties.py",
    "tests/protocol/test_bounds.py",
    "tests/switch/test_gift.py",
    "tests/switch/test_operations.py::test_every_request_has_a_row",
    "tests/switch/test_operations.py::test_kinds_are_the_ledgers_and_stand_once",
    "tests/switch/test_reasons.py",
    "tests/switch/test_scenarios.py::test_every_reply_has_one_row_of_the_matrix",
]
"""The tests that hold an operation to all that is said of it elsewhere, and its own."""


def test_every_request_has_a_row() -> None:
    """Whatever the protocol decodes the flow can carry out."""
    assert set(OPERATIONS) == set(REQUEST_OF.values())


def test_kinds_are_the_ledgers_and_stand_once() -> None:
    """An operation that posts has a kind of its own; its approvals have a receipt, or a reply of its own.

    What is journalled can be made again of its row, and counts in one of a terminal's totals.
    """
    kinds = [operation.kind for operation in OPERATIONS.values() if operation.decide]
    assert len(set(kinds)) == len(kinds)
    posted = {row.kind for row in OPERATIONS.values() if row.decide and row.kind not in NOT_JOURNALLED}
    assert {row.kind for row in OPERATIONS.values() if row.again} == posted
    assert sorted(map(int, chain.from_iterable(TOTALLED))) == sorted(posted)
    with_receipt = {row.kind for row in OPERATIONS.values() if row.reply is Operation().reply and row.kind}
    assert with_receipt | {int(Kind.VERIFY)} == set(SECTIONS)


def places() -> list[str]:
    """Return the places of a new operation, as CONTRIBUTING.md names them."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.partition("## A new operation\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def place_of(name: str, named: list[str]) -> str:
    """Return the narrowest of the places that a file lies in; the file itself where it lies in none."""
    return max((place for place in named if name.startswith(place)), key=len, default=name)


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file of a source tree."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def run(folder: Path, *arguments: str) -> None:
    """Run Python on a source tree; it must end in status 0."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]


def add(folder: Path) -> None:
    """Add the operation to a source tree, as a programmer would."""
    for name, text in NEW.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, insertions in ADDED.items():
        text = (folder / name).read_text(encoding="utf-8")
        for before, lines in insertions:
            assert text.count(before) == 1, f"{name}: {before!r}"
            if before.startswith("\n\n@"):
                text = text.replace(before, lines + before)
            else:
                text = text.replace(before, before + lines)
        (folder / name).write_text(text, encoding="utf-8")


def remove(folder: Path) -> None:
    """Remove it again, line by line."""
    for name in NEW:
        (folder / name).unlink()
    for name, insertions in ADDED.items():
        text = (folder / name).read_text(encoding="utf-8")
        for _, lines in insertions:
            assert text.count(lines) == 1
            text = text.replace(lines, "")
        (folder / name).write_text(text, encoding="utf-8")


def test_a_new_operation_is_added_in_six_places_and_removed_again(tmp_path: Path) -> None:
    """GIFT, added to a copy of the sources in CONTRIBUTING's places alone, passes every test there is of it.

    It goes over the wire, through the flow, into a real ledger and out again, and into SPEC.md and the
    vectors; taken out, it leaves no trace.
    """
    for name in (*PACKAGES, "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    before = tree(tmp_path)
    add(tmp_path)
    run(tmp_path, "-m", "tests.publish")
    after = tree(tmp_path)
    changed = {name for name in after if after[name] != before.get(name)}
    assert b"| GIFT | 0x2f | 0200 |" in after["protocol/SPEC.md"]
    run(tmp_path, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *HELD)
    named = places()
    assert {place_of(name, named) for name in changed - PUBLISHED} == set(named)
    assert len(named) <= PLACES_MAX
    remove(tmp_path)
    run(tmp_path, "-m", "tests.publish")
    assert {n: t for n, t in tree(tmp_path).items() if not n.startswith(".")} == before
