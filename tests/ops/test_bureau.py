"""Cards to be made: numbers nobody can guess, never twice, in a file of their maker's alone."""

import csv
import io
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.cards import list_cards
from ledger.registry.installation import adopt_master_key
from ledger.registry.secrets import MasterKey
from ops.office import bureau
from ops.office.bureau import Order, as_csv, for_maker, generate, new_number
from ops.office.validity import Validity
from protocol import parse_card
from switch.rules.programme import CardRules
from tests.ledger.books import TESTER, found_registry

RULES = CardRules(source=("tests",), prefix="96162")
VALIDITY = Validity(RULES, date(2026, 11, 26))


@pytest.fixture
async def master(owner: Database, tmp_path: Path) -> MasterKey:
    key = MasterKey.create(tmp_path / "master.key")
    await owner.run(lambda c: found_registry(c, 0))
    await owner.run(lambda c: adopt_master_key(c, TESTER, key))
    return key


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_number_is_random_between_prefix_and_luhn_digit() -> None:
    """Every digit of the body takes every value about as often as any other; none is counted up."""
    numbers = [new_number(RULES) for _ in range(5_000)]
    assert all(parse_card(number) == number and number.startswith("96162") for number in numbers)
    assert len(set(numbers)) == len(numbers)
    for place in range(5, 15):
        counts = Counter(number[place] for number in numbers)
        assert len(counts) == 10
        # 500 each on average; six times the deviation of a fair draw is never seen.
        assert all(abs(count - 500) < 6 * 21.3 for count in counts.values())
    assert sum(a < b for a, b in pairwise(numbers)) < 3_000


@pytest.mark.parametrize("expires_on", [None, date(2028, 11, 26)])
def test_what_the_maker_puts_on_a_card_is_read_as_its_number(expires_on: date | None) -> None:
    """Stripe, QR code and print give the terminal the same number, whatever their ends say."""
    number = new_number(RULES)
    (row,) = csv.DictReader(io.StringIO(as_csv([for_maker(number, expires_on, 2)])))
    assert {parse_card(row[name]) for name in ("number", "track2", "qr")} == {number}
    assert (row["issue"], row["expires_on"]) == ("2", expires_on.isoformat() if expires_on else "")
    assert row["track2"] == f";{number}={'2811' if expires_on else '9912'}0000002?"


async def test_cards_are_ordered_and_their_file_is_private(
    owner: Database, master: MasterKey, tmp_path: Path
) -> None:
    """Each card of the file is in the registry, ordered, by its token alone; a second run makes others."""
    seen: set[str] = set()
    for name in ("first.csv", "second.csv"):
        place = tmp_path / name
        await generate(owner, master, TESTER, Order(1, VALIDITY, 200, date(2028, 1, 1), place))
        assert place.stat().st_mode & 0o777 == 0o600
        rows = list(csv.DictReader(io.StringIO(place.read_text(encoding="utf-8"))))
        seen |= {row["number"] for row in rows}
    cards = await owner.run(lambda c: list_cards(c, limit=1_000))
    assert len(seen) == len(cards) == 400
    assert {card["token"] for card in cards} == {master.pepper(1).token(number) for number in seen}
    assert {(card["status"], card["expires_on"]) for card in cards} == {(4, date(2028, 1, 1))}
    with pytest.raises(RegistryRefused, match="is there already"):
        await generate(owner, master, TESTER, Order(1, VALIDITY, 1, None, tmp_path / "first.csv"))
    assert [name for name in listed(tmp_path) if name.startswith(".")] == []


async def test_a_number_that_is_taken_is_made_anew(
    owner: Database, master: MasterKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never twice: a draw that hits a number of an earlier card, or of the same run, is drawn again."""
    first, second = new_number(RULES), new_number(RULES)
    draws = iter([first, first, first, second])
    monkeypatch.setattr(bureau, "new_number", lambda rules: next(draws))
    for name in ("one.csv", "two.csv"):
        place = tmp_path / name
        await generate(owner, master, TESTER, Order(1, VALIDITY, 1, None, place))
    assert second in (tmp_path / "two.csv").read_text()
    assert first not in (tmp_path / "two.csv").read_text()


@pytest.mark.parametrize("count", [0, -1, 1_000_001])
async def test_a_count_out_of_bounds_is_refused(
    owner: Database, master: MasterKey, tmp_path: Path, count: int
) -> None:
    """None, fewer, a million and one: one line, no card, no file."""
    place = tmp_path / "cards.csv"
    with pytest.raises(RegistryRefused, match="at a time"):
        await generate(owner, master, TESTER, Order(1, VALIDITY, count, None, place))
    assert not place.exists()


async def test_what_the_registry_refuses_leaves_no_file(
    owner: Database, master: MasterKey, tmp_path: Path
) -> None:
    """A programme there is not, another installation's key: no card, and no numbers on the disk."""

    async def count(connection: Connection) -> int:
        found: int = await connection.fetchval("select count(*) from registry.card")
        return found

    place = tmp_path / "cards.csv"
    with pytest.raises(RegistryRefused, match="no programme 9"):
        await generate(owner, master, TESTER, Order(9, VALIDITY, 5, None, place))
    assert (await owner.run(count), listed(tmp_path)) == (0, ["master.key"])
