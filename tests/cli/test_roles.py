"""Every command with the role of one programme: on what is its own, and on what is another's."""

import functools
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import trio

from ledger.postgres.database import Connection, open_database
from ledger.registry.card_cases import CaseKind, Report, report_card
from ledger.registry.invoices import Order, issue
from ops.cli import main
from ops.cli.app import app
from ops.deploy.json_shapes import SHAPES
from ops.exit_codes import Exit
from protocol import ResultCode
from tests.cli.office import SURE, Run
from tests.cli.role_rows import (
    FIRST,
    MONTH_END,
    NOT_FOUND,
    OK,
    REFUSED,
    ROLE,
    TAXPAYER,
    Row,
    Whose,
    both,
    in_programme,
    offers_file,
    on_card,
    on_id,
    seen,
    the_owner_s,
)
from tests.cli.test_hostile import commands
from tests.days import today
from tests.ledger.books import TESTER, Books
from tests.ops.statements import SELLER, ksef_number
from tests.postgres import FreshDatabase, Server

ANNA: Final = "cityswitch_test_anna"
"""A member of the role of Zgierz."""


# In this order, on one registry: what ends something comes after what needs it.
TABLE: Final[dict[str, Row]] = {
    "programmes check": both(lambda w: (w.rules,), other=OK),
    "programmes diff": both(lambda w: (w.code, w.rules)),
    "programmes apply": both(lambda w: (w.rules,), other=ROLE),
    "programmes list": seen(),
    "programmes show": both(lambda w: (w.code,)),
    "roles add": both(lambda w: (w.code,)),
    "roles list": seen(),
    "partners add": Row(lambda w: (w.id(5), "Kino", "--programme", w.code), OK, NOT_FOUND),
    "partners import": both(
        lambda w: (w.file("partners.csv", "id,name", f"{w.id(6)},Basen"), "--programme", w.code)
    ),
    "partners list": seen(),
    "partners show": on_id(),
    "partners block": on_id(*SURE, number=5),
    "partners unblock": on_id(number=5),
    # Zgierz has no points, so nothing of hers is there to approve.
    "adjust propose": on_card(1, "--points", "5", "--reason", "x", own=REFUSED),
    "adjust list": seen(),
    "adjust show": Row(lambda _: ("1",), NOT_FOUND, NOT_FOUND),
    "adjust approve": Row(lambda _: ("1", "--points", "5", *SURE), NOT_FOUND, NOT_FOUND),
    "adjust refuse": Row(lambda _: ("1", *SURE), NOT_FOUND, NOT_FOUND),
    "balances import": both(
        lambda w: (
            w.file("balances.csv", "number,points,reference", f"{w.card(1)},5,x"),
            "--programme",
            w.code,
            "--reason",
            "x",
        ),
        own=REFUSED,
    ),
    "outlets add": Row(lambda w: (w.id(5), "Rynek", "--partner", w.id()), OK, Exit.USAGE),
    "outlets import": both(
        lambda w: (w.file("outlets.csv", "id,partner,name", f"{w.id(6)},{w.id()},Rynek"),),
        other=Exit.DIFFERENCES,
    ),
    "outlets list": seen(),
    "terminals add": Row(lambda w: (w.id(5), "--partner", w.id()), OK, Exit.USAGE),
    "terminals import": both(
        lambda w: (w.file("terminals.csv", "id,partner", f"{w.id(6)},{w.id()}"),), other=Exit.DIFFERENCES
    ),
    "terminals list": seen(),
    "terminals show": on_id(),
    "terminals status": on_id(),
    "terminals move": Row(lambda w: (w.id(5), "--outlet", w.id(5)), OK, NOT_FOUND),
    "terminals block": on_id(*SURE, number=5),
    "terminals unblock": on_id(number=5),
    "terminals key issue": both(lambda w: (w.id(5 if w.side == "own" else 0), "--out", w.out("key"))),
    "terminals key list": on_id(),
    "terminals key rotate": both(lambda w: (w.id(), "--out", w.out("next"))),
    "terminals key revoke": on_id("--generation", "1", *SURE),
    "offers check": both(lambda w: (offers_file(w), "--programme", w.code)),
    "offers import": both(lambda w: (offers_file(w), "--programme", w.code)),
    "offers list": in_programme(),
    "offers show": both(lambda w: ("2", "--programme", w.code)),
    "offers publish": both(
        lambda w: ("2", "--to", w.out("public"), "--second", "maria", "--programme", w.code)
    ),
    "offers withdraw": both(
        lambda w: (
            *("2", "--to", w.out("public"), "--urgent", "closed"),
            *("--second", "maria", "--programme", w.code),
        )
    ),
    "notices run": both(lambda w: ("--once", "--sms-file", w.file("sms"), "--programme", w.code)),
    "notices list": in_programme(),
    "api tokens add": both(lambda w: ("app", "--right", "events:read", "--programme", w.code)),
    "api tokens list": seen(),
    "api tokens end": Row(lambda w: ("1" if w.side == "own" else "9", *SURE), OK, NOT_FOUND),
    "api serve": both(lambda _: (), own=ROLE, other=ROLE),
    "cards add": in_programme(typed=21),
    "cards order": in_programme(typed=22),
    "cards import": both(
        lambda w: (
            w.file(
                "cards.csv", "number,expires_on", f"{w.card(23)},{today() + timedelta(100)}", f"{w.card(24)},"
            ),
            "--programme",
            w.code,
        )
    ),
    "cards generate": both(lambda w: ("--out", w.out("made.csv"), "--programme", w.code)),
    "cards list": seen(),
    "cards show": on_card(1),
    "cards ready": on_card(22),
    "cards activate": on_card(22),
    "cards block": on_card(21, *SURE),
    "cards unblock": on_card(21),
    "cards retain": on_card(21, *SURE),
    "cards carrier": Row(lambda _: (), OK, NOT_FOUND, lambda w: f"{w.card(1)}\n{w.card(25)}\n"),
    "cards import-carriers": both(
        lambda w: (
            w.file("carriers.csv", "number,of,kind", f"{w.card(26)},{w.card(2)},qr"),
            "--programme",
            w.code,
        )
    ),
    "cards renew": on_card(23, "--expires-on", f"{today() + timedelta(700)}"),
    "cards duplicate": Row(lambda _: SURE, OK, NOT_FOUND, lambda w: f"{w.there(23)}\n{w.card(27)}\n"),
    "cards fee-paid": on_card(22, "--how", "cash", own=Exit.USAGE),  # a first card costs nothing
    "cards cases": seen("--all"),
    "cards confirm": Row(lambda w: (str(1 + (w.side == "other") * 2), *SURE), OK, NOT_FOUND),
    "cards lift": Row(lambda w: (str(2 + (w.side == "other") * 2), *SURE), OK, NOT_FOUND),
    "holders add": in_programme(typed=24),
    "holders import": both(
        lambda w: (w.file("holders.csv", "number,flags", f"{w.card(21)},"), "--programme", w.code)
    ),
    "holders show": on_card(1),
    "holders update": on_card(1, more="phone: 600100201\n"),
    "holders flags": on_card(1, ""),
    "holders tax-proof": on_card(1, "--year", str(today().year - 1)),
    "holders consent": on_card(1, "newsletter"),
    "holders represent": on_card(1, "--role", "proxy", more="name: Jan\n"),
    "holders agreements": on_card(1),
    "holders erasures": seen(),
    "holders object": on_card(1, *SURE, own=NOT_FOUND),  # no change of the rules is announced
    "holders notice": on_card(1, *SURE),
    "invoices seller": in_programme(*TAXPAYER),
    "invoices city": on_id(*TAXPAYER),
    "invoices list": in_programme(),
    "invoices show": both(lambda w: (w.invoice,)),
    "invoices notes": both(lambda w: (w.out("notes"), "--month", "2026-10", "--programme", w.code)),
    "invoices make": in_programme("--month", "2026-10", own=NOT_FOUND),  # it was not settled
    "invoices send": both(lambda w: ("--to", w.out("invoices"), "--programme", w.code)),
    "invoices number": both(lambda w: (w.invoice, ksef_number())),
    "invoices outside": both(lambda w: (w.invoice, "--reason", "KSeF was away")),
    "invoices elsewhere": on_id("2026-01", "FV/1", "--on", "2026-02-01", "--reason", "before the switch"),
    "invoices withdraw-elsewhere": on_id("2026-01", "--reason", "of another partner"),
    **MONTH_END,
    "ledger balance": on_card(1, "-"),
    "ledger history": on_card(1, "-"),
    "journal find": Row(lambda w: (f"{w.id()}/1",), OK, NOT_FOUND),
    "explain": Row(lambda w: (f"{w.id()}/1",), OK, NOT_FOUND),
    "audit": Row(lambda _: ("--card", "-"), OK, NOT_FOUND, lambda w: w.card(1)),
    "ledger verify": the_owner_s(),
    "ledger redecide": the_owner_s(),
    "ledger trial-balance": the_owner_s(),
    "ledger rebucket": the_owner_s("4", *SURE),
    "init": the_owner_s(),
    "master-key status": the_owner_s(),
    "master-key new": the_owner_s(),
    "master-key rewrap": the_owner_s(),
    "master-key destroy": the_owner_s(*SURE),
    "pepper status": seen(),
    "pepper new": both(lambda w: ("--programme", w.code), own=ROLE),
    "pepper begin": both(lambda w: ("--programme", w.code), own=ROLE),
    "pepper reenter": both(
        lambda w: (w.file("made.csv", "number", w.card(23)), "--programme", w.code), own=ROLE
    ),
    "pepper retire": both(lambda w: ("--programme", w.code, *SURE), own=ROLE),
    "migrate": the_owner_s(),
    "holders anonymise": on_card(1, *SURE),
    "cards resign": on_card(24, *SURE),
    "cards void": on_card(2, *SURE),
    "cards close": on_card(3, *SURE),
    "programmes suspend": both(lambda w: (w.code, *SURE)),
    "programmes resume": both(lambda w: (w.code,)),
    "programmes call-off": both(lambda w: (w.code, *SURE)),
}
NO_OFFICE: Final = {
    "demo", "up", "serve", "board", "simulate", "terminal", "bench", "completion", "config", "doctor",
    "backup", "till-page", "workers", "reload", "drain", "office",
}  # fmt: skip
"""What does no office's work: the switch, what plays its terminals, and its settings."""


@pytest.fixture
def anna(postgres_server: Server, fresh: FreshDatabase, run: Run, tmp_path: Path) -> str:
    """Two programmes with all that a command may name; returns the DSN of a member of the role of one."""
    assert run("programmes", "apply", Whose("own", tmp_path).rules)[0] == OK
    assert run("roles", "add", "zgierz")[0] == OK
    postgres_server.execute(
        f"do $$ begin create role {ANNA} login in role cityswitch_programme_3; "
        "exception when duplicate_object then null; end $$"
    )
    for side in ("other", "own"):
        w = Whose(side, tmp_path)
        programme = ("--programme", w.code)
        for words, typed in (
            (("partners", "add", w.id(), "Kino", *programme), ""),
            (("terminals", "add", w.id(), "--partner", w.id()), ""),
            (("terminals", "key", "issue", w.id(), "--out", w.out("first")), ""),
            *((("cards", "add", *programme), w.card(number)) for number in (1, 2, 3, 4)),
        ):
            status, _, err = run(*words, typed=typed)
            assert status == OK, err
    holder = f"{Whose('own', tmp_path).card(1)}\nname: Anna\nphone: 600100200\nemail: a@example.org\n"
    assert run("holders", "add", "--programme", "zgierz", typed=holder)[0] == OK
    trio.run(sell_and_report, fresh)
    return postgres_server.dsn(fresh.name, ANNA)


async def sell_and_report(fresh: FreshDatabase) -> None:
    """A sale with each side's first card, declined as its programme declines it, and two cases a side."""
    async with open_database(fresh.service_dsn) as database:
        rows = await database.run(
            lambda c: c.fetch(
                "select token, account, programme, (select max(changed) from registry.card) as newest "
                "from registry.card order by programme desc, account"
            )
        )
        for side, programme in (("own", 3), ("other", 1)):
            cards = [row for row in rows if row["programme"] == programme]
            books = await Books.of(database, [row["account"] for row in cards])
            order = Order(programme, FIRST[side], "2026-09", "x", "invoice", 100, 23, SELLER.nip)
            await invoice(fresh, order)
            posting = books.earn(1, 0, code=int(ResultCode.NOT_SUPPORTED), terminal=FIRST[side])
            posting.registry_number = cards[0]["newest"]
            await books.post(posting)
            for stan, row in enumerate(cards[2:4], 2):
                report = Report(FIRST[side], stan, stan, CaseKind.ATTEMPT, 1, 1_800_000_000, row["token"], 7)

                async def file(connection: Connection, report: Report = report) -> int:
                    return await report_card(connection, report)

                assert await database.run(file) == 0


async def invoice(fresh: FreshDatabase, order: Order) -> None:
    """A document of a side."""
    async with open_database(fresh.owner_dsn) as database:
        await database.run(lambda c: issue(c, TESTER, order, lambda *_: b"<x/>"))


async def all_of(dsn: str, programme: int) -> dict[str, list[str]]:
    """Every row of a programme in registry and people, as the owner has it, and of the books all."""
    tables = """select c.oid::regclass::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid
      where a.attname = 'programme' and c.relkind = 'r' and c.relnamespace in
        ('registry'::regnamespace, 'people'::regnamespace) order by 1"""

    async def job(connection: Connection) -> dict[str, list[str]]:
        asked = {
            row["name"]: f"select t::text from {row['name']} t where t.programme = {programme} order by 1"
            for row in await connection.fetch(tables)
        }
        of_partner = f"(select id from registry.partner where programme = {programme})"
        asked["terminal"] = (
            f"select t::text from registry.terminal t where partner in {of_partner} order by 1"
        )
        asked["outlet"] = f"select t::text from registry.outlet t where partner in {of_partner} order by 1"
        asked["programme"] = f"select t::text from registry.programme t where id = {programme}"
        asked["journal"] = "select t::text from ledger.journal t order by 1"
        return {name: [row[0] for row in await connection.fetch(sql)] for name, sql in asked.items()}

    async with open_database(dsn) as database:
        return await database.run(job)


def ends(
    side: str, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, tuple[int, str]]:
    """Run the table; return what ended otherwise than it says, with what was told."""
    w = Whose(side, tmp_path)
    place = ["--dsn", dsn, "--state-dir", str(tmp_path / "state")]
    place += ["--master-key-file", str(tmp_path / "master.key")]
    wrong: dict[str, tuple[int, str]] = {}
    for name, row in TABLE.items():
        monkeypatch.setattr("sys.stdin", io.StringIO(row.typed(w)))
        options = [] if name == "programmes check" else place
        if side == "own" and name in SHAPES:  # each document is held to its shape
            options = [*options, "--json"]
        status = main([*name.split(), *row.words(w), *options])
        out, err = capsys.readouterr()
        if status != getattr(row, side):
            wrong[name] = (status, out[-200:] + err)
        if status not in (OK, Exit.DIFFERENCES):
            assert len(err.strip().splitlines()) == 1, (name, status, err)
    return wrong


def test_every_command_has_its_row() -> None:
    """A new command says here what it does with the role of one programme."""
    named = {" ".join(words) for words in commands(app) if words[0] not in NO_OFFICE}
    assert named == set(TABLE)


def test_an_administrator_does_her_programme_s_work(
    anna: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command about what is her own works; what is the whole installation's ends in one line."""
    assert ends("own", anna, tmp_path, monkeypatch, capsys) == {}


def test_and_meets_nothing_of_another_s(
    anna: str,
    ledger_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On another programme's every command ends as if it were not there, and leaves it as it was."""
    before = trio.run(functools.partial(all_of, ledger_dsn, 1))
    assert before["registry.card"]
    assert before["registry.audit"]
    assert ends("other", anna, tmp_path, monkeypatch, capsys) == {}
    assert trio.run(functools.partial(all_of, ledger_dsn, 1)) == before


def test_lists_show_her_own(anna: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What lists is not told what to list: it shows the rows of her programme, and all of them."""
    place = ["--dsn", anna, "--state-dir", str(tmp_path / "state"), "--json"]

    def told(*words: str) -> list[dict[str, object]]:
        capsys.readouterr()
        assert main([*words, *place]) == OK
        rows: list[dict[str, object]] = json.loads(capsys.readouterr().out)
        return rows

    assert [row["id"] for row in told("programmes", "list")] == [3]
    assert [row["id"] for row in told("partners", "list")] == [FIRST["own"]]
    assert [row["id"] for row in told("terminals", "list")] == [FIRST["own"]]
    assert [row["terminal"] for row in told("cards", "cases")] == [FIRST["own"]] * 2
    assert len(told("cards", "list")) == 4
    trail = told("audit")
    assert {row["object"] for row in trail} >= {"card", "partner", "terminal", "terminal_key", "holder"}
    assert not {str(FIRST["other"]), f"{FIRST['other']}/1"} & {str(row["key"]) for row in trail}
