"""scenarios.json: the committed file is what the code makes, and the real switch does what it says."""

import json
import time
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import trio

import protocol
from ledger.books.posting import no_effect
from ledger.postgres.database import Connection, Database
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.programmes import add_programme, add_rules
from protocol import (
    Balance,
    Earn,
    EarnAdvice,
    Redeem,
    ResultClass,
    ResultCode,
    Reversal,
    TransactionReply,
    luhn_digit,
)
from protocol.published.field_matrix import MATRIX, row_of
from protocol.published.make_scenarios import make_scenarios
from protocol.reply_figures import Fill
from switch.flow.operations import OPERATIONS
from tests.entries import SWIPED
from tests.ledger.books import TESTER, write_registry
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.memory import CARD, Line, running_front
from tests.switch.offers import publish_published
from tests.switch.scenario_player import Player, rows_met
from tests.switch.test_worker import Running, running_worker

PATH = Path(protocol.__file__).parent / "scenarios.json"
SCENARIOS: list[dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))["scenarios"]
CARDS_EACH = 5


ELSEWHERE = 10**10  # digits of another programme: its prefix is 96161
ZYWIEC = files("switch").joinpath("rules/programmes/zywiec.toml").read_text()


def digits(number: int) -> str:
    payload = f"9616{number:011d}"
    return payload + luhn_digit(payload)


def names(index: int) -> dict[str, Any]:
    """What a scenario's names stand for: cards of its own, and the time."""
    kinds = ("$card", "$other", "$blocked", "$elsewhere", "$unknown")
    cards = {kind: digits(1_000 + CARDS_EACH * index + n) for n, kind in enumerate(kinds)}
    cards["$elsewhere"] = digits(ELSEWHERE + index)
    return {"$now": int(time.time()), "$terminal": 1, **cards}


async def issue_cards(running: Running) -> None:
    """Put every scenario's cards into the registry, and wait until the switch knows them."""

    def row(card: str, status: CardStatus = CardStatus.ACTIVE, programme: int = 1) -> CardRow:
        return CardRow(running.master.pepper(programme).token(card), card[-4:], status=status)

    async def job(connection: Connection) -> None:
        everybody = [names(index) for index in range(len(SCENARIOS))]
        await add_programme(connection, TESTER, programme=2, code="zywiec", name="Żywiec")
        await add_rules(
            connection,
            TESTER,
            programme=2,
            effective_from=datetime(2019, 1, 1, tzinfo=UTC),
            rules_toml=ZYWIEC,
        )
        await import_cards(
            connection, TESTER, 2, [row(cards["$elsewhere"], programme=2) for cards in everybody]
        )
        await import_cards(
            connection, TESTER, 1, [row(cards["$blocked"], CardStatus.BLOCKED) for cards in everybody]
        )
        await import_cards(
            connection, TESTER, 1, [row(cards[name]) for cards in everybody for name in ("$card", "$other")]
        )
        long_ago = (
            "update registry.card set added_at = now() - interval '1 year'"  # sales of days ago are told of
        )
        await write_registry(connection, long_ago)

    await running.owner.run(job)
    await running.owner.run(publish_published)
    line = await running.line()
    last = names(len(SCENARIOS) - 1)["$other"]
    with trio.fail_after(HANG_S):
        while (await line.ask(Balance(1, 0, last, SWIPED))).code == ResultCode.CARD_UNKNOWN:
            pass


@pytest.mark.usefixtures("within_a_day")
async def test_the_switch_does_what_the_scenarios_say(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Every published dialogue, played against a worker with real books; every row of the matrix is met."""
    async with running_worker(fresh, owner, tmp_path) as running:
        await issue_cards(running)
        met: set[tuple[str, int]] = set()
        base = 1
        for index, scenario in enumerate(SCENARIOS):
            player = Player(running.line, names(index), base, met)
            try:
                await player.play(scenario["steps"])
            except AssertionError as error:
                raise AssertionError(f"scenario {scenario['name']!r}: {error}") from error
            base = player.last_stan
    never = {ResultClass.RETRY, ResultClass.FAULT}
    decided = [
        row
        for row in MATRIX
        if not all(ResultCode(code).result_class in never for code in row.held.codes)
        and any(OPERATIONS[request].decide for request in row.requests)
    ]
    assert {row.held.what for row in decided} - {row.what for row, _ in rows_met(met)} == set()


def test_committed_file_is_what_the_code_makes() -> None:
    """Whoever changes a scenario sees it in scenarios.json (make published)."""
    assert PATH.read_text(encoding="utf-8") == make_scenarios()


def test_every_reply_has_one_row_of_the_matrix() -> None:
    """No code of a request has two rows, and no code is left without one in all of them."""
    requests = {request for row in MATRIX for request in row.requests}
    for request in requests:
        codes = [code for row in MATRIX if request in row.requests for code in row.held.codes]
        assert len(set(codes)) == len(codes)
    with_a_row = {code for row in MATRIX for code in row.held.codes}
    assert {code.name for code in ResultCode} - {ResultCode(code).name for code in with_a_row} == {
        "STAN_UNKNOWN",
        "TOTALS_DIFFER",
    }
    with pytest.raises(LookupError):
        row_of(Balance, ResultCode.STAN_CONFLICT)


@pytest.mark.parametrize("code", [ResultCode.TRY_AGAIN, ResultCode.SYSTEM_ERROR], ids=lambda code: code.name)
async def test_what_is_not_decided_tells_nothing(code: ResultCode) -> None:
    """A reply of which nothing is kept has no figures: it is not mistaken for a decision."""
    async with running_front() as memory:
        memory.ledger.automatic = False
        line = Line(await memory.connect())
        assert await line.sign_in()
        requests = [
            Earn(1, 0, CARD, SWIPED, 12_345),
            EarnAdvice(2, int(time.time()), CARD, SWIPED, 12_345),
            Redeem(3, 0, CARD, SWIPED, 100, 0),
            Reversal(4, 0, CARD, SWIPED, 1),
            Balance(5, 0, CARD, SWIPED),
        ]
        await line.send(*requests)
        with trio.fail_after(HANG_S):
            while len(memory.ledger.waiting) < len(requests):
                await trio.lowlevel.checkpoint()
        memory.front.flow.on_outcomes([(p, no_effect(p, code)) for p in memory.ledger.waiting])
        for request in requests:
            reply = await line.reply()
            assert isinstance(reply, TransactionReply)
            row = row_of(type(request), reply.code)
            assert {row.transaction_id, row.amount_grosze, row.points, row.balance} == {Fill.ZERO}
            assert (reply.transaction_id, reply.amount_grosze, reply.points, reply.balance) == (0, 0, 0, 0)
            assert reply.code == code
            assert reply.receipt
