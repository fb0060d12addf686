"""A programme's pepper is rotated while it is used: killed anywhere, with an old file, with cards left."""

import csv
import re
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from ledger.errors import NotInRegistry, RegistryRefused, SecretsError, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, Wanted, list_audit
from ledger.registry.card_cases import CaseKind, Report, report_card
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.installation import adopt_master_key
from ledger.registry.numbers import Numbers
from ledger.registry.peppers import Peppers, peppers_of, reenter
from ledger.registry.secrets import MasterKey
from ops.office import pepper as rotation
from ops.office.bureau import Order, generate
from ops.office.cards import CardDesk
from ops.office.holder_file import HolderFile
from ops.office.pepper import PepperState, begin, make_pepper, read_states, retire
from ops.office.validity import Validity
from switch.rules.programme import CardRules
from tests.ledger.books import TERMINAL, TESTER, found_registry, write_registry
from tests.ops.test_master_key import put, text_of, try_killed_at
from tests.switch.city import RULES
from tests.switch.memory import card_digits

WHY = Actor("anna", "seen with a backup")
NUMBERS = [card_digits(number) for number in range(1, 8)]


@pytest.fixture
async def path(owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with seven cards, and batches of two; workers forget at once, for there are none."""
    monkeypatch.setattr(rotation, "CARDS_A_BATCH", 2)
    monkeypatch.setattr(rotation, "FORGET_S", 0)
    master = MasterKey.create(tmp_path / "master.key")

    async def job(connection: Connection) -> None:
        await found_registry(connection, 0)
        await write_registry(
            connection,
            "insert into registry.programme_version (programme, version, effective_from, rules_toml) "
            "values (1, 1, '2016-12-19', $1)",
            RULES,
        )
        await adopt_master_key(connection, TESTER, master)
        numbers = await Numbers.of(connection, master, 1)
        rows = [CardRow(numbers.token(digits), digits[-4:]) for digits in NUMBERS]
        await import_cards(connection, TESTER, 1, rows, pepper=numbers.pepper)

    await owner.run(job)
    return tmp_path / "master.key"


async def overlap(owner: Database, path: Path) -> None:
    """The next pepper is made, and holds."""
    await make_pepper(owner, path, MasterKey.load(path), 1)
    await begin(owner, WHY, MasterKey.load(path), 1)


async def accounts(owner: Database, master: MasterKey) -> list[int]:
    """The account of each number, as a process with this key finds it."""

    async def job(connection: Connection) -> list[int]:
        numbers = await Numbers.of(connection, master, 1)
        tokens = [numbers.tokens(digits) for digits in NUMBERS]
        rows = await connection.fetch(
            "select token, account from registry.card where token = any ($1::bigint[])",
            [token for each in tokens for token in each],
        )
        account = {row["token"]: row["account"] for row in rows}
        return [next(account[token] for token in each if token in account) for each in tokens]

    return await owner.run(job)


async def rows_with(owner: Database, token: int) -> list[str]:
    """The tables that a token stands in, whatever column it is in."""
    tables = await owner.run(
        lambda c: c.fetch(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables "
            "where schemaname in ('registry', 'ledger', 'people', 'web')"
        )
    )
    found = []
    for (name,) in tables:
        query = f"select true from {name} t where to_jsonb(t)::text ~ $1 limit 1"
        if await owner.run(lambda c, query=query: c.fetchval(query, rf"(^|[^0-9-]){token}([^0-9]|$)")):
            found.append(name)
    return found


def cards_of(states: list[PepperState]) -> list[tuple[int, str, int]]:
    """The number of each pepper, its state, and how many cards are under it."""
    return [(one.number, one.state, one.cards) for one in states]


async def test_a_rotation_killed_at_every_step_comes_to_its_end(
    owner: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it ends every card is found, by a process from before and by one that begins; done again, it
    comes through; what was left is listed and blocked, and no former token stands anywhere.
    """
    long_before = MasterKey.load(path)
    before = await accounts(owner, long_before)
    former = [long_before.pepper(1).token(digits) for digits in NUMBERS]

    async def whole() -> None:
        if (await owner.run(lambda c: peppers_of(c, 1))).former is None:
            await make_pepper(owner, path, MasterKey.load(path), 1)
            await begin(owner, WHY, MasterKey.load(path), 1)
        await rotation.reenter(owner, WHY, MasterKey.load(path), 1, NUMBERS[:4])

    step = 0
    while not await try_killed_at(step := step + 1, monkeypatch, whole):
        for master in (long_before, MasterKey.load(path)):
            assert await accounts(owner, master) == before
    assert step > 10
    assert cards_of(await read_states(owner, MasterKey.load(path))) == [(0, "former", 3), (1, "newest", 4)]

    async def ended() -> None:
        with suppress(RegistryRefused):  # all was done, and the process died after its last step
            await retire(owner, WHY, path, MasterKey.load(path), 1)

    step = 0
    while not await try_killed_at(step := step + 1, monkeypatch, ended):
        pass
    with pytest.raises(RegistryRefused, match="no former pepper"):
        await retire(owner, WHY, path, MasterKey.load(path), 1)
    assert step > 5
    assert cards_of(await read_states(owner, MasterKey.load(path))) == [(1, "newest", 7)]
    for token in former:
        assert await rows_with(owner, token) == []
    states = await owner.run(lambda c: c.fetch("select account, status, token from registry.card"))
    blocked = {row["account"] for row in states if row["status"] == CardStatus.BLOCKED}
    assert blocked == {before[index] for index in (4, 5, 6)}
    trail = await owner.run(lambda c: list_audit(c, Wanted("card", actor="anna")))
    assert len(trail) == 4 + 3
    assert {row["reason"] for row in trail} == {WHY.reason}


async def test_the_second_rotation_destroys_what_the_first_one_made(owner: Database, path: Path) -> None:
    """A pepper of its own leaves the file; `new` refuses in an overlap; out of turn nothing ends."""
    with pytest.raises(RegistryRefused, match="no pepper is prepared"):
        await begin(owner, WHY, MasterKey.load(path), 1)
    with pytest.raises(RegistryRefused, match="no former pepper"):
        await retire(owner, WHY, path, MasterKey.load(path), 1)
    with pytest.raises(RegistryRefused, match="nothing to re-enter"):
        await rotation.reenter(owner, WHY, MasterKey.load(path), 1, NUMBERS)
    for number in (1, 2):
        master = MasterKey.load(path)
        for _ in range(2):
            assert await make_pepper(owner, path, master, 1) == number
        assert await begin(owner, WHY, MasterKey.load(path), 1) == Peppers(number, number - 1)
        assert await begin(owner, WHY, MasterKey.load(path), 1) == Peppers(number, number - 1)
        with pytest.raises(RegistryRefused, match="in overlap yet"):
            await make_pepper(owner, path, MasterKey.load(path), 1)
        made = MasterKey.load(path).ring.peppers[1, number]
        assert await rotation.reenter(owner, WHY, MasterKey.load(path), 1, NUMBERS) == len(NUMBERS)
        assert await rotation.reenter(owner, WHY, MasterKey.load(path), 1, NUMBERS) == 0
        assert await retire(owner, WHY, path, MasterKey.load(path), 1) == []
        if number == 1:
            first = made
    assert list(MasterKey.load(path).ring.peppers) == [(1, 2)]
    text = text_of(path).decode()
    assert first.hex() not in text
    assert made.hex() in text


async def test_a_number_has_one_card(owner: Database, path: Path, tmp_path: Path) -> None:
    """In an overlap a number that stands under the former pepper is not added again, by import, desk or
    bureau; new ones are under the newest.
    """
    await overlap(owner, path)
    master = MasterKey.load(path)
    desk = CardDesk(owner, master)
    with pytest.raises(RegistryRefused, match="it is there already"):
        await desk.add(WHY, 1, NUMBERS[0])
    await desk.add(WHY, 1, card_digits(20))
    duplicate, _ = await desk.duplicate(WHY, NUMBERS[1], card_digits(21), lost=True, handed_over=True)
    assert duplicate.issue == 2
    with pytest.raises(RegistryRefused, match="card"):
        await desk.duplicate(WHY, NUMBERS[2], NUMBERS[3], lost=True, handed_over=True)
    place = tmp_path / "made.csv"
    rules = CardRules(source=("tests",), prefix="96160")
    await generate(owner, master, WHY, Order(1, Validity(rules, date(2026, 11, 26)), 5, None, place))
    made = [row["number"] for row in csv.DictReader(text_of(place).decode().splitlines())]
    # The named ones: 0 by `add`, 1 as the old card, 3 as the new number of 2, and 2 as its old card.
    assert cards_of(await read_states(owner, master)) == [(0, "former", 3), (1, "newest", 4 + 2 + 5)]
    for digits in [*NUMBERS, *made, card_digits(20), card_digits(21)]:
        assert (await desk.find(digits))["last4"] == digits[-4:]
    count = await owner.run(lambda c: c.fetchval("select count(*) from registry.card"))
    assert count == len(NUMBERS) + 2 + 5


async def test_the_desk_finds_a_card_under_either_pepper(owner: Database, path: Path) -> None:
    """By its number, before it is re-entered and after; a look re-enters nothing, an act does."""
    await overlap(owner, path)
    master = MasterKey.load(path)
    file, desk = HolderFile(owner, master, 1), CardDesk(owner, master)
    (found,) = await file.find(NUMBERS[0])
    assert found.account == (await desk.find(NUMBERS[0]))["account"]
    assert cards_of(await read_states(owner, master))[0] == (0, "former", 7)
    assert await desk.set(WHY, NUMBERS[0], CardStatus.BLOCKED) is CardStatus.BLOCKED
    assert cards_of(await read_states(owner, master))[0] == (0, "former", 6)
    assert [one.account for one in await file.find(NUMBERS[0])] == [found.account]
    assert (await desk.find(NUMBERS[0]))["status"] == CardStatus.BLOCKED
    assert len(await desk.history(NUMBERS[0])) == 3  # blocked, re-entered, added


async def test_a_token_stands_in_one_place(owner: Database, path: Path) -> None:
    """Whatever is done with a card, its token is in no trail, case or fee: else the trail would keep it."""
    master = MasterKey.load(path)
    desk, token = CardDesk(owner, master), master.pepper(1).token(NUMBERS[0])
    await desk.set(WHY, NUMBERS[0], CardStatus.BLOCKED)
    await desk.set(WHY, NUMBERS[0], CardStatus.ACTIVE)
    report = Report(TERMINAL, 1, 1, CaseKind.DOUBT, 1, 1_800_000_000, token, int(NUMBERS[0][-4:]))
    await owner.run(lambda c: report_card(c, report))
    await desk.duplicate(WHY, NUMBERS[0], card_digits(21), lost=True, handed_over=True)
    for digits in (NUMBERS[0], card_digits(21)):
        assert await rows_with(owner, master.pepper(1).token(digits)) == ["registry.card"]
    cases = await owner.run(lambda c: c.fetch("select account, carrier, issue from registry.card_case"))
    assert [tuple(row)[1:] for row in cases] == [(1, 1)]


async def test_the_database_takes_the_newest_pepper_alone(owner: Database, path: Path) -> None:
    """Whatever a process with an old file believes: no card under another pepper, no token turned outside of
    an overlap, no end while a card is left.
    """
    master = MasterKey.load(path)
    former = await owner.run(lambda c: Numbers.of(c, master, 1))
    token = former.token(NUMBERS[0])
    with pytest.raises(StatementRefused, match="keeps its token"):
        await owner.run(lambda c: reenter(c, WHY, 1, 1, {token: 5}))
    await overlap(owner, path)
    row = CardRow(former.token(card_digits(20)), "0000")
    with pytest.raises(StatementRefused, match="newer pepper"):
        await owner.run(lambda c: import_cards(c, WHY, 1, [row], pepper=former.pepper))
    for sql, why in (
        ("update registry.card set token = token + 1", "keeps its token"),
        ("update registry.card set pepper = 1", "keeps its token"),
        ("update registry.programme set pepper_former = null", "under the former pepper"),
        ("update registry.programme set pepper = 2, pepper_former = 1", "two peppers"),
    ):
        with pytest.raises(StatementRefused, match=why):
            await owner.run(lambda c, sql=sql: write_registry(c, sql))
    assert cards_of(await read_states(owner, master)) == [(0, "former", 7), (1, "newest", 0)]


async def test_a_file_without_the_pepper_finds_nothing_and_says_so(owner: Database, path: Path) -> None:
    """A machine that was left out is refused before it does anything by half."""
    old = text_of(path)
    await overlap(owner, path)
    new = text_of(path)
    put(path, old)
    desk = CardDesk(owner, MasterKey.load(path))
    for act in (
        lambda: desk.find(NUMBERS[0]),
        lambda: desk.add(WHY, 1, card_digits(20)),
        lambda: make_pepper(owner, path, desk.master, 1),
    ):
        with pytest.raises((SecretsError, RegistryRefused), match="pepper"):
            await act()
    assert cards_of(await read_states(owner, desk.master)) == [(0, "former", 7), (1, "missing", 0)]
    put(path, new)
    assert (await desk.find(NUMBERS[0]))["last4"] == NUMBERS[0][-4:]
    with pytest.raises(NotInRegistry):
        await desk.find(card_digits(99))


def test_only_two_places_take_a_pepper() -> None:
    """Everything else in switch, ledger and ops has its tokens from them."""
    root = Path(__file__).parents[2]
    users = {
        str(file.relative_to(root))
        for folder in ("switch", "ledger", "ops")
        for file in (root / folder).rglob("*.py")
        if re.search(r"\.pepper\([a-z]", file.read_text())
    }
    assert users == {"ledger/registry/numbers.py", "switch/rules/directory.py", "ops/office/pepper.py"}
