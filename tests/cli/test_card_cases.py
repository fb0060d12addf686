"""`cityswitch cards cases`, `confirm`, `lift` against a real Postgres."""

import json
from typing import Any

import trio

from ledger.postgres.database import open_database
from ledger.registry.card_cases import CaseKind, Report, report_card
from ops.exit_codes import Exit
from tests.cli.office import SURE, Run, card


def listed(run: Run, *words: str) -> list[dict[str, Any]]:
    status, out, _ = run("cards", "cases", "--json", *words)
    assert status == Exit.OK
    rows: list[dict[str, Any]] = json.loads(out)
    return rows


async def file_reports(dsn: str) -> None:
    """One report of each kind, of every card there is."""

    async def job(connection: Any) -> None:
        tokens = [
            row["token"] for row in await connection.fetch("select token from registry.card order by account")
        ]
        for stan, (kind, token) in enumerate(zip(CaseKind, tokens, strict=True), 1):
            assert (
                await report_card(connection, Report(17, stan, stan, kind, 1, 1_800_000_000, token, 7)) == 0
            )

    async with open_database(dsn) as database:
        await database.run(job)


def test_cases_are_listed_confirmed_and_lifted(run: Run, service_dsn: str) -> None:
    """Oldest first; a decision wants a reason, is told with the card's state, and is made once."""
    run("partners", "add", "7", "Kino Na Rogu")
    run("terminals", "add", "17", "--partner", "7")
    for number in (1, 2, 3):
        run("cards", "add", typed=card(number))
    assert listed(run) == []
    assert "No case waits." in run("cards", "cases")[2]
    trio.run(file_reports, service_dsn)
    rows = listed(run)
    assert [(row["kind"], row["state"], row["status"]) for row in rows] == [
        ("retained", "open", "retained"), ("attempt", "open", "blocked"), ("doubt", "open", "active"),
    ]  # fmt: skip
    assert (rows[0]["terminal"], rows[0]["partner"], rows[0]["entry"]) == (17, 7, "swiped")
    first, second, third = (str(row["case"]) for row in rows)
    status, _, err = run("cards", "lift", second, "--yes")
    assert status == Exit.USAGE
    assert "--reason" in err
    assert "the card is again active" in run("cards", "lift", second, *SURE)[1]
    done = json.loads(run("cards", "confirm", first, "--json", *SURE)[1])
    assert done == {
        "case": int(first),
        "state": "confirmed",
        "status": "retained",
        "status_before": "retained",
    }
    assert [row["case"] for row in listed(run)] == [int(third)]
    assert [row["state"] for row in listed(run, "--all")] == ["confirmed", "lifted", "open"]
    assert run("cards", "lift", second, *SURE)[0] != Exit.OK
    assert run("cards", "lift", "99", *SURE)[0] == Exit.NOT_FOUND
    assert card(1) not in run("cards", "cases", "--all")[1]
    trail = json.loads(run("audit", "--object", "cases", "--json")[1])
    assert {row["actor"] for row in trail} >= {"terminal 17"}
    assert all("token" not in row["after"] for row in trail)
