"""`cityswitch ledger redecide` from the command line."""

import json

import trio

from ledger.postgres.database import Connection, open_database
from ops.exit_codes import Exit
from tests.cli.office import Run

ROW = """insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id, account,
    counter_account, points, balance, amount_grosze, digest, accepted_at_ms, terminal_time, rules_version,
    previous_terminal, previous_stan, kind, code, last4)
  values (0, 77, 5, 0, 1, 0, 0, 0, 0, 100, 1, 1790000000000, 0, 1, 0, 0, 1, 41, 15)"""


async def write_row(dsn: str) -> None:
    async def job(connection: Connection) -> None:
        await connection.execute(ROW)

    async with open_database(dsn) as database:
        await database.run(job)


def test_rows_and_differences_are_counted_and_tell_the_exit_status(run: Run, ledger_dsn: str) -> None:
    """0 while all is as decided; 1 with the row and what is wrong; a window without the row has none."""
    assert run("ledger", "redecide") == (Exit.OK, "0 rows decided again, 0 differences.\n", "")
    trio.run(write_row, ledger_dsn)
    status, out, _ = run("ledger", "redecide")
    assert status == Exit.DIFFERENCES
    assert out.splitlines()[0].startswith("77/5: the registry of then knows no such terminal")
    status, out, _ = run("ledger", "redecide", "--from", "2020-01-01", "--to", "2020-02-01", "--json")
    assert (status, json.loads(out)) == (Exit.OK, {"rows": 0, "differences": []})
    assert run("ledger", "redecide", "--from", "then")[0] == Exit.USAGE
