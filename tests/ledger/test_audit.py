"""No write to the registry without an actor, and none without its row in the trail, whoever writes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import RegistryRefused, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, Wanted, list_audit, list_card_audit, writing
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, find_card, import_cards, set_card_status
from ledger.registry.installation import adopt_master_key
from ledger.registry.keys import issue_key, note_use
from ledger.registry.programmes import add_rules, resume_programme
from ledger.registry.secrets import MasterKey
from tests.ledger.books import PARTNER, TERMINAL, TESTER, found_registry, write_registry

WRITES = [
    "insert into registry.programme (id, code, name) values (9, 'x', 'x')",
    "update registry.programme set ended_from = now()",
    "insert into registry.programme_version (programme, version, effective_from, rules_toml) "
    "values (1, 9, now(), 'x')",
    "insert into registry.partner (id, programme, name) values (9, 1, 'x')",
    "update registry.partner set name = 'x'",
    "insert into registry.terminal (id, partner) values (9, 7)",
    "update registry.terminal set status = 1",
    "insert into registry.terminal_key (terminal, generation, wrapped) "
    "values (70, 9, repeat('x', 60)::bytea)",
    "update registry.terminal_key set retired_at = now()",
    "insert into registry.card (token, account, programme, last4) values (9, 8000, 1, '0009')",
    "update registry.card set status = 1",
    "update registry.layout set buckets = 2",
    "update registry.installation set master_key_check = repeat('x', 32)::bytea",
]
KEYS = [
    "update registry.programme set id = id + 1",
    "update registry.partner set id = id + 1",
    "update registry.terminal set id = id + 10",
    "update registry.terminal_key set generation = generation + 1",
    "update registry.card set issue = issue + 1",
    "update registry.layout set only_row = null",
]
STAYS = [
    "delete from registry.card",
    "truncate registry.partner cascade",
    "update registry.programme_version set rules_toml = 'y'",
    "update registry.audit set actor = 'somebody else'",
    "delete from registry.audit",
    "truncate registry.audit",
]


WATCHED = {
    "change_lock take_change_lock",
    "record_insert record_change",
    "record_update record_change",
    "key_stays keep_key",
    "nothing_deleted refuse_change",
}


@pytest.fixture
async def registry(owner: Database, tmp_path: Path) -> Database:
    master = MasterKey.create(tmp_path / "master.key")
    await owner.run(lambda c: found_registry(c, 3))
    await owner.run(lambda c: adopt_master_key(c, TESTER, master))
    await owner.run(lambda c: issue_key(c, TESTER, master, TERMINAL, bytes(32)))
    return owner


async def newest(database: Database) -> Any:
    """Return the newest row of the trail."""
    return (await database.run(lambda c: list_audit(c, limit=1)))[0]


@pytest.mark.parametrize("statement", WRITES)
async def test_a_write_names_its_actor_and_leaves_its_row(registry: Database, statement: str) -> None:
    """The owner's own hand is refused without an actor; with one, before and after are in the trail."""
    with pytest.raises(StatementRefused, match="must name its actor"):
        await registry.run(lambda c: c.execute(statement))
    before = await newest(registry)
    await registry.run(lambda c: write_registry(c, statement))
    row = await newest(registry)
    assert row["id"] > before["id"]
    assert row["object"] == statement.split("registry.")[1].split()[0]
    role = await registry.run(lambda c: c.fetchval("select session_user"))
    assert (row["actor"], row["role"]) == ("tests", role)
    assert (row["before"] is None) == statement.startswith("insert")
    assert json.loads(row["after"])
    assert not {"wrapped", "rules_toml", "changed", "past"} & set(json.loads(row["after"]))


async def test_no_table_of_the_registry_is_left_out(registry: Database) -> None:
    """Every table there is refuses to be written at all, or leaves a row in the trail and keeps its keys; but
    for the list of migrations, the books' counter of ids, who is on line, what is told of changes, what
    is computed anew until its month is closed (test_settlement.py), and the rows of an adjustment, which stay
    as proposed and are noted posted once (test_adjustments.py).
    """
    rows = await registry.run(
        lambda c: c.fetch("""
            select t.relname, array_agg(g.tgname::text || ' ' || p.proname) as triggers,
                bool_or(p.proname = 'refuse_change' and g.tgtype & 24 = 24) as never_changes
              from pg_class t left join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
              left join pg_proc p on p.oid = g.tgfoid
              where t.relnamespace = 'registry'::regnamespace and t.relkind = 'r' group by 1 order by 1""")
    )
    left_out = [
        row["relname"] for row in rows if not row["never_changes"] and not set(row["triggers"]) >= WATCHED
    ]
    told = ["notice", "outbox", "outbox_mark", "outbox_reader", "renewal_reminder"]
    computed = ["settlement_summary", "statement"]
    online = ["terminal_hours", "terminal_presence", "worker_presence"]
    kept = ["adjustment_row", "api_answer", "closed_ids", "former_token", "migration", "node"]
    assert left_out == [*kept, *told, *computed, *online]


@pytest.mark.parametrize("statement", KEYS)
async def test_a_row_keeps_its_key(registry: Database, statement: str) -> None:
    """No key changes, by the owner's hand either: what was before would be lost to the trail."""
    with pytest.raises(StatementRefused, match="keep"):
        await registry.run(lambda c: write_registry(c, statement))


@pytest.mark.parametrize("statement", STAYS)
async def test_nothing_is_deleted_and_the_trail_never_changes(registry: Database, statement: str) -> None:
    """Rows of the registry are never deleted, rules never rewritten, the trail never touched, by the owner
    either.
    """
    with pytest.raises(StatementRefused, match="what is written there stays"):
        await registry.run(lambda c: write_registry(c, statement))


async def test_the_actor_of_one_transaction_is_not_the_next_one_s(registry: Database) -> None:
    """Who writes is said for one transaction: the same connection's next write is refused without a name."""
    session = registry.session()
    await session.run(lambda c: set_card_status(c, TESTER, 1000, CardStatus.BLOCKED))
    with pytest.raises(StatementRefused, match="must name its actor"):
        await session.run(lambda c: c.execute("update registry.card set expires_on = now()"))


async def test_a_status_shows_before_and_after_with_the_reason(registry: Database) -> None:
    """What was, what is, who and why: the row an organiser asks for."""
    anna = Actor("anna", "lost by the holder")
    await registry.run(lambda c: set_card_status(c, anna, 1000, CardStatus.BLOCKED))
    row = await newest(registry)
    card = await registry.run(lambda c: find_card(c, 1000))
    assert (row["actor"], row["reason"], row["object"]) == (*anna[:2], "card")
    assert row["key"] == f"{card['account']}/1/1"
    statuses = [json.loads(row[side])["status"] for side in ("before", "after")]
    assert statuses == [CardStatus.ACTIVE, CardStatus.BLOCKED]


async def test_an_import_is_a_row_a_chunk_and_each_card_finds_it(registry: Database) -> None:
    """Many cards of one statement are one row with their count and file; a card's trail leads to it."""
    sheet = Actor("tests", "", "cards.csv sha256 ab")
    rows = [CardRow(5000 + n, "0000") for n in range(6_000)]
    await registry.run(lambda c: import_cards(c, sheet, 1, rows))
    found = await registry.run(lambda c: list_audit(c, Wanted("card")))
    bulk = [(row["rows"], row["source"]) for row in found if row["source"]]
    assert bulk == [(1_000, "cards.csv sha256 ab"), (5_000, "cards.csv sha256 ab")]

    async def trail(c: Connection, token: int) -> list[Any]:
        card = await find_card(c, token)
        return await list_card_audit(c, card)

    for token, count in ((5000, 5_000), (10_999, 1_000)):
        (row,) = await registry.run(lambda c, token=token: trail(c, token))
        assert row["rows"] == count
    (row,) = await registry.run(lambda c: trail(c, 1000))
    assert row["key"].endswith("/1/1")


async def test_the_service_leaves_its_row_as_the_switch(registry: Database, database: Database) -> None:
    """What the service writes unasked is in the trail under its own name and login, without a right to
    write there.
    """
    await database.run(lambda c: note_use(c, TERMINAL, 1))
    row = await newest(registry)
    assert (row["actor"], row["role"], row["object"], row["key"]) == (
        "switch", "cityswitch_service", "terminal_key", "70/1",
    )  # fmt: skip
    assert json.loads(row["after"])["used_at"] is not None


@pytest.mark.parametrize(
    "actor",
    [
        Actor(""),
        Actor("x" * 65),
        Actor("a\nb"),
        Actor("x", "r" * 201),
        Actor("x", "a\0b"),
        Actor("x", "", "\n"),
    ],
)
async def test_a_name_or_reason_out_of_bounds_is_refused(registry: Database, actor: Actor) -> None:
    """A nameless actor, a line break, a NUL, a novel: refused with one line before anything is written."""
    with pytest.raises(RegistryRefused):
        await registry.run(lambda c: resume_programme(c, actor, 1, datetime.now(UTC)))


async def test_the_trail_is_paged_and_asked(registry: Database) -> None:
    """Pages follow one another, newest first; by object, key, actor and moment."""
    rows = await registry.run(list_audit)
    first = await registry.run(lambda c: list_audit(c, limit=2))
    rest = await registry.run(lambda c: list_audit(c, before=first[-1]["id"]))
    assert [row["id"] for row in first + rest] == [row["id"] for row in rows]
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    (partner,) = await registry.run(lambda c: list_audit(c, Wanted("partner", str(PARTNER))))
    assert json.loads(partner["after"])["name"] == "Piekarnia"
    assert await registry.run(lambda c: list_audit(c, Wanted(actor="nobody"))) == []
    assert await registry.run(lambda c: list_audit(c, Wanted(since=rows[0]["at"]))) == rows[:1]


async def test_a_refused_act_leaves_no_row(registry: Database) -> None:
    """What is rolled back leaves no trace: the trail tells what happened, not what was tried."""
    before = await newest(registry)

    async def job(c: Connection) -> None:
        async with writing(c, TESTER):
            await set_card_status(c, TESTER, 1000, CardStatus.BLOCKED)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await registry.run(job)
    assert (await newest(registry))["id"] == before["id"]
    with pytest.raises(RegistryRefused):
        await registry.run(
            lambda c: add_rules(c, TESTER, programme=1, effective_from=before["at"], rules_toml="a\0b")
        )
