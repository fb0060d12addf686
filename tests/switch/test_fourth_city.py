"""A fourth city beside Częstochowa on one switch: its rules file is all it takes, down to the receipts."""

from datetime import UTC, datetime
from pathlib import Path

from ledger.postgres.database import Connection, Database
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.keys import issue_key
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.programmes import add_programme, add_rules
from ledger.registry.terminals import NewTerminal, import_terminals
from protocol import (
    BenefitUse,
    Earn,
    EntryMode,
    Redeem,
    Request,
    ResultCode,
    SignOn,
    SignOnReply,
    TransactionReply,
)
from switch.rules.entitlement import steps_of
from switch.rules.programme import parse_rules
from tests.ledger.books import TESTER
from tests.postgres import FreshDatabase
from tests.switch.memory import CARDS, Line, terminal_key
from tests.switch.offers import an_offer, publish
from tests.switch.test_worker import Running, running_worker

TEXT = Path(__file__).with_name("fourth_city.toml").read_text(encoding="utf-8")
PONTA = parse_rules(TEXT)
CARD, TAPPED = CARDS[1], EntryMode.TAPPED
TERMINAL, PARTNER = 40, 4
WORDS = {"en": "Lamp tour"}


async def found(running: Running) -> None:
    """Apply the file, and give the city a partner with a till, a card and two offers."""
    master, number = running.master, PONTA.programme.number
    since = datetime(2020, 1, 1, tzinfo=UTC)

    async def job(connection: Connection) -> None:
        await add_programme(
            connection, TESTER, programme=number, code=PONTA.programme.code, name=PONTA.programme.name
        )
        await add_rules(
            connection,
            TESTER,
            programme=number,
            effective_from=since,
            rules_toml=TEXT,
            time_zone=PONTA.programme.time_zone,
            kind_steps=steps_of(PONTA),
        )
        await import_partners(connection, TESTER, number, [NewPartner(PARTNER, "Lighthouse")])
        await import_terminals(connection, TESTER, [NewTerminal(TERMINAL, PARTNER)])
        await issue_key(connection, TESTER, master, TERMINAL, terminal_key(TERMINAL))
        await import_cards(
            connection, TESTER, number, [CardRow(master.pepper(number).token(CARD), CARD[-4:])]
        )
        offers = (
            an_offer(1, {"kind": "percent", "percent": 25}, partner=PARTNER, words=WORDS),
            an_offer(2, {"kind": "free_entry", "for": ["pupil"]}, partner=PARTNER, words=WORDS),
        )
        await publish(connection, *offers, programme=number)

    await running.owner.run(job)


async def ask(line: Line, request: Request) -> TransactionReply:
    reply = await line.ask(request)
    assert isinstance(reply, TransactionReply)
    return reply


async def test_a_fourth_city_earns_and_grants_beside_the_others(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Points by its step, its tier, a benefit with its check, its refusals: in English, by its file alone."""
    async with running_worker(fresh, owner, tmp_path) as running:
        await found(running)
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line(TERMINAL)
        for language in ("pl", "en"):
            told = await line.ask(SignOn(1, 0, "t", language, 0))
            assert isinstance(told, SignOnReply)
            assert [offer[2] for offer in told.offers] == ["Lamp tour", "Lamp tour"]
        earned = await ask(line, Earn(1, 0, CARD, TAPPED, 24_999))
        assert (earned.code, earned.points, earned.balance) == (0, 49, 49)
        lines = earned.receipt.splitlines()
        assert lines[0] == "Ponta City Card"
        assert lines[2:] == [
            "Paid: 249.99 zł",
            "Points: 49",
            "Total: 49",
            "Not for tobacco, lottery",
            "tickets, phone top-ups.",
        ]
        redeemed = await ask(line, Redeem(2, 0, CARD, TAPPED, 40, 0))
        assert (redeemed.code, redeemed.balance) == (0, 9)
        assert "Off: 5.00 zł\nPoints: 40" in redeemed.receipt
        use = await ask(line, BenefitUse(3, 0, CARD, TAPPED, 1, 1_000, 1))
        assert (use.code, use.discount_grosze) == (0, 250)
        assert use.receipt.splitlines()[2:] == ["7.50 zł", "Left: no limit"]
        refusals = [
            (BenefitUse(4, 0, CARD, TAPPED, 2, 1_000, 1), ResultCode.BENEFIT_NOT_FOR_CARD),
            (BenefitUse(5, 0, CARD, TAPPED, 1, 1_000, 0), ResultCode.CONFIRMATION_MISSING),
            (Earn(6, 0, CARD, EntryMode.KEYED, 1_000), ResultCode.ENTRY_NOT_ALLOWED),
            (Redeem(7, 0, CARD, TAPPED, 100, 0), ResultCode.TIER_UNKNOWN),
        ]
        for request, code in refusals:
            refused = await ask(line, request)
            assert refused.code == code
            assert refused.receipt.replace("\n", " ").endswith(f"SORRY {code.text_en}")
