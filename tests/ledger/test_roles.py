"""What the service's database role may do, and nothing else: the books are append-only by grant."""

import pytest

from ledger.errors import DatabaseMisconfigured
from ledger.postgres.database import Database
from ledger.registry.keys import note_use
from tests.ledger.books import Books

FORBIDDEN = [
    "update ledger.journal set points = 0",
    "delete from ledger.journal",
    "truncate ledger.journal",
    "update ledger.posting set points = 1",
    "delete from ledger.posting",
    "update ledger.reversal set stan = 1",
    "delete from ledger.reversal",
    "update ledger.refund set points = 0",
    "delete from ledger.refund",
    "update ledger.quota set owner = 1",
    "delete from ledger.quota",
    "delete from ledger.share_move",
    "update ledger.share_move set uses = 1",
    "update ledger.account set floor = -100",
    "delete from ledger.account",
    "insert into ledger.account (bucket, id) values (0, 8)",
    "insert into ledger.rollup (bucket, account, balance) values (0, 9, 1)",
    "update registry.card set status = 0",
    "insert into registry.card select * from registry.card",
    "update registry.terminal_key set not_after = null",
    "insert into registry.terminal_key select * from registry.terminal_key",
    "update registry.terminal set status = 0",
    "update registry.layout set buckets = 2",
    "update registry.installation set master_key_check = ''",
    "insert into registry.audit (actor, object, key, after) values ('x', 'card', '1', '{}')",
    "select from registry.audit",
    "create table ledger.mine (x int)",
    "create table registry.mine (x int)",
    "drop table ledger.journal",
    "select setval('registry.change_number', 1)",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_service_may_not(database: Database, statement: str) -> None:
    """Every statement that would change what was posted, or the registry, is refused."""
    with pytest.raises(DatabaseMisconfigured, match=r"permission denied|must be owner"):
        await database.run(lambda connection: connection.execute(statement))


async def test_the_service_may_post_and_note_the_use_of_a_key(owner: Database, database: Database) -> None:
    """What it needs it may: post a batch, read, and note the first use of a key generation."""
    books = await Books.open(owner, database, cards=1)
    assert (await books.post(books.earn(1, 5))).code == 0
    await database.run(lambda connection: note_use(connection, 70, 2))


async def test_others_may_not_post(owner: Database) -> None:
    """The posting function is the service's and the owner's alone."""
    grantees = await owner.run(
        lambda connection: connection.fetchval(
            "select array_agg(distinct x.grantee::regrole::text) from pg_proc p, aclexplode(p.proacl) x "
            "where p.oid = 'ledger.post_batch_v1'::regproc and x.grantee <> p.proowner"
        )
    )
    assert grantees == ["cityswitch_service"]
