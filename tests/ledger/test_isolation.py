"""Three organisers, three controllers: with one programme's rights no row of another's can be read or
written.
"""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from ledger.books.layout import hold_layout
from ledger.books.posting import AccountKind, account_id
from ledger.errors import DatabaseMisconfigured, NotInRegistry, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.adjustments import AdjustmentKind, NewRow, Terms, propose
from ledger.registry.audit import writing
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.invoice_billings import say_elsewhere
from ledger.registry.invoice_deliveries import record_sent
from ledger.registry.invoice_parties import City, Seller, set_city, set_seller
from ledger.registry.invoices import Order, issue
from ledger.registry.partners import NewPartner, import_partners
from ledger.registry.people import Person
from ledger.registry.programme_roles import make_role, role_name
from ledger.registry.programmes import add_programme, add_rules
from ledger.registry.terminals import NewTerminal, import_terminals
from tests.ledger.books import PARTNER, TESTER, Books, write_registry
from tests.ledger.of_a_person import OF_A_PERSON
from tests.ledger.paid_fees import PAID_FEE, PAID_FORBIDDEN, take_back
from tests.ledger.settled import SETTLED, SETTLED_FORBIDDEN, SETTLED_READABLE
from tests.ledger.told import FORBIDDEN, READABLE, rows_of
from tests.switch.memory import MASTER_KEY

A, B = 1, 2
PARTNERS = "(select p.programme from registry.partner p where p.id = {})"
TERMINALS = """(select p.programme from registry.terminal x join registry.partner p on p.id = x.partner
  where x.id = t.terminal)"""
PESELS = ("44051401359", "02070803628")
WHOSE = {
    "programme": "id",
    "outlet": PARTNERS.format("t.partner"),
    "terminal": PARTNERS.format("t.partner"),
    "terminal_key": TERMINALS,
    "terminal_presence": TERMINALS,
    "terminal_hours": TERMINALS,
}
"""How a row says whose it is, where it is not by a column `programme`."""
NOTICE_GIVEN = """insert into registry.ending (account, programme, kind, given_on, ends_on)
  values ($1, $2, 'notice', '2026-01-02', '2999-01-02')"""
SHARED = {
    "registry.card_move",
    "people.application_move",
    "registry.layout",
    "registry.installation",
    "registry.worker_presence",
}
"""Of the whole installation: what may become of any card, a number, a check value, which workers live."""


async def propose_five(c: Connection, programme: int, token: int) -> None:
    """A correction that waits for its second person."""
    actor, terms = TESTER._replace(reason="x"), Terms(1, 9, may_go_below=False)
    kind = AdjustmentKind.CORRECTION
    await propose(c, actor, [NewRow(token, 5)], programme=programme, kind=kind, terms=terms)


@pytest.fixture
async def two_cities(owner: Database, database: Database) -> Database:
    """Two programmes with a partner, a terminal, cards, holders and persons each; sales in the books."""
    books = await Books.open(owner, database, cards=3)
    await books.post(books.earn(1, 25))

    async def found_b(c: Connection) -> None:
        await add_programme(c, TESTER, programme=B, code="zywiec", name="Żywiec")
        await import_partners(c, TESTER, B, [NewPartner(8, "Kino")])
        await import_terminals(c, TESTER, [NewTerminal(80, 8)])
        await import_cards(c, TESTER, B, [CardRow(2000 + n, f"{n:04}") for n in range(3)])
        for programme in (A, B):
            await add_rules(
                c,
                TESTER,
                programme=programme,
                effective_from=datetime(2016, 1, 1, tzinfo=UTC),
                rules_toml="x",
                kind_steps=[(0, 1)],
            )
        for programme, first in ((A, 1000), (B, 2000)):
            rows = [NewHolder(first + n, person=Person(f"P{n}", PESELS[n])) for n in range(2)]
            await add_holders(c, TESTER, MASTER_KEY.vault, programme, rows)
            account = await c.fetchval("select account from registry.card where token = $1", first)
            for sql in (*OF_A_PERSON, *PAID_FEE, NOTICE_GIVEN):
                await write_registry(c, sql, account, programme)
            await c.execute(
                "insert into web.attempt (programme, key, count) values ($1, sha256('x'), 1)", programme
            )
            await make_role(c, programme)
            await propose_five(c, programme, first)
        for programme, partner in ((A, PARTNER), (B, 8)):
            terminal = 70 if programme == A else 80
            for sql in (
                f"insert into registry.terminal_key (terminal, generation, wrapped) "
                f"values ({terminal}, 1, decode(repeat('00', 60), 'hex'))",
                "insert into registry.card_case (terminal, stan, digest, kind, entry, happened_at, "
                f"programme, state) values ({terminal}, 9, 9, 3, 1, now(), {programme}, 3)",
                f"insert into ledger.rollup (bucket, account, balance) values (0, {partner} << 3 | 1, 5)",
                f"insert into registry.terminal_presence (terminal) values ({terminal}), ({terminal} + 1000)",
                f"insert into registry.terminal_hours (day, terminal, hours) values (now(), {terminal}, 1)",
                f"select registry.tell_v1({programme}::smallint, 'a.b', null, {partner}, '{{}}')",
                f"insert into registry.outbox_reader values ({programme}, 'app', 0)",
                *rows_of(programme),
                f"insert into registry.outlet (id, partner, name) values ({partner}, {partner}, 'x')",
                "insert into registry.offer (programme, number, version, partner, terms) "
                f"values ({programme}, 1, 1, {partner}, 'x')",
            ):
                await write_registry(c, sql)
            await invoice(c, programme, partner)
            for sql in SETTLED:
                await write_registry(c, sql, programme, partner)

    await owner.run(found_b)
    books.accounts.append(
        await owner.run(lambda c: c.fetchval("select account from registry.card where token = 2000"))
    )
    posting = books.earn(1, 25, card=3, terminal=80)
    posting.counter_account = account_id(8, AccountKind.PARTNER_ISSUED)
    await books.post(posting)
    return owner


async def invoice(c: Connection, programme: int, partner: int) -> None:
    """What a programme has of invoices: an organiser, a partner's city, a document that was sent."""
    await set_seller(c, TESTER, programme, Seller("8982145677", "Gmina", "Rynek 1"))
    await set_city(c, TESTER, partner, City("8982145677", "Gmina", "Rynek 1"))
    order = Order(programme, partner, "2026-10", "x", "invoice", 100, 23, "8982145677")
    issued, _ = await issue(c, TESTER, order, lambda *_: b"x")
    await record_sent(c, TESTER, issued.text, "file", "")
    said = ("FV/5", date(2026, 6, 2), "")
    await say_elsewhere(c, TESTER._replace(reason="x"), partner, "2026-05", said)


async def as_role(connection: Connection, role: str, sql: str) -> list[Any]:
    """Run a query with the rights of a role."""
    async with connection.transaction():
        await connection.execute(f"set local role {role}")
        rows: list[Any] = await connection.fetch(sql)
        return rows


TABLES = """select c.oid::regclass::text as name, c.relname as short,
    exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'programme') as is_owned
  from pg_class c where c.relkind in ('r', 'p', 'v', 'm')
    and c.relnamespace in ('registry'::regnamespace, 'people'::regnamespace, 'ledger'::regnamespace,
      'office'::regnamespace, 'web'::regnamespace)
  order by 1"""


async def test_a_city_s_role_reads_no_row_of_another(two_cities: Database) -> None:
    """Every table of every schema is tried: refused whole, or its visible rows are the city's own."""
    tables = await two_cities.run(lambda c: c.fetch(TABLES))
    assert len(tables) > 20
    read: dict[str, int] = {}
    for table in tables:
        name = table["name"]
        whose = "programme" if table["is_owned"] else WHOSE.get(table["short"])
        of_all = await two_cities.run(lambda c, n=name: c.fetchval(f"select count(*) from {n}"))
        try:
            rows = await two_cities.run(
                lambda c, n=name, w=whose: as_role(
                    c, role_name(A), f"select {w or 'null'} as whose from {n} t"
                )
            )
        except DatabaseMisconfigured:
            continue
        read[name] = len(rows)
        if name in SHARED:
            continue
        assert whose is not None, f"{name} says not whose its rows are, and can be read"
        assert {row["whose"] for row in rows} == {A}, (name, rows)
        assert len(rows) < of_all, name
    assert {
        "registry.card",
        "registry.holder",
        "people.key",
        "people.pesel_token",
        "people.token_key",
        "people.person",
        "people.consent",
        "people.former_contact",
        "people.application",
        "people.attachment",
        "people.acceptance",
        "people.message",
        "people.online_application",
        "web.acting_for",
        "web.login",
        "web.session",
        "registry.terminal",
        "registry.terminal_key",
        "registry.terminal_presence",
        "registry.terminal_hours",
        "registry.card_case",
        "registry.card_fee",
        "registry.card_fee_payment",
        "registry.ending",
        "registry.adjustment",
        "registry.adjustment_row",
        "registry.audit",
        "registry.outbox",
        "registry.outbox_mark",
        "registry.outbox_reader",
        *READABLE,
        *SETTLED_READABLE,
        "registry.invoice",
        "registry.invoice_city",
        "registry.invoice_delivery",
        "registry.invoice_document",
        "registry.invoice_elsewhere",
        "registry.invoice_seller",
        "registry.offer_declaration",
    } <= set(read)
    assert not any(name.startswith("ledger.") for name in read)


async def test_nor_does_it_write_one(two_cities: Database) -> None:
    """Its own cards it may block, another city's it does not even meet."""

    async def block(c: Connection, token: int) -> str:
        async with c.transaction():
            await c.execute(f"set local role {role_name(A)}")
            await c.execute("set local cityswitch.actor = 'anna'")
            status: str = await c.execute(f"update registry.card set status = 1 where token = {token}")
            return status

    assert await two_cities.run(lambda c: block(c, 1000)) == "UPDATE 1"
    assert await two_cities.run(lambda c: block(c, 2000)) == "UPDATE 0"
    for sql in (
        "update people.person set programme = 2",
        "insert into people.consent (account, programme, kind, given_at) "
        "select account, 2, 'newsletter', '2026-01-02' from people.person",
        "update registry.card set account = 8",
        "update web.login set programme = 2",
        "insert into web.login (programme, kind, name_key, password, shown, partner) "
        "values (1, 'partner', sha256('y'), 'x', 'x', 8)",
        "select * from ledger.journal",
        "select wrapped from registry.terminal_key",
        "update registry.audit set actor = 'x'",
        "insert into registry.audit (actor, object, key, after) values ('x', 'card', '1', '{}')",
        "insert into registry.partner (id, programme, name) values (9, 2, 'x')",
        "insert into registry.terminal (id, partner) values (9, 8)",
        "insert into registry.terminal_key (terminal, generation, wrapped) "
        "values (80, 9, decode(repeat('00', 60), 'hex'))",
        "insert into registry.programme_version (programme, version, effective_from, rules_toml) "
        "values (2, 9, now(), 'x')",
        "insert into registry.programme (id, code, name) values (9, 'x', 'x')",
        "select registry.tell_v1(2::smallint, 'a.b', null, null, '{}')",
        "select registry.tell_v1(1::smallint, 'a.b', null, 8, '{}')",
        "insert into registry.outbox (programme, number, kind, made_at) values (1, 99, 'a.b', now())",
        "insert into registry.outbox_reader values (2, 'x', 1)",
        *FORBIDDEN,
        *PAID_FORBIDDEN,
        *SETTLED_FORBIDDEN,
        "update registry.outbox_mark set last = 0",
        "insert into registry.card (token, account, programme, last4) values (9, 80000, 1, '0000')",
        "insert into ledger.account (bucket, id) values (0, 80000)",
        "update ledger.account set balance = 1",
        "insert into registry.invoice_delivery (text, programme, sink) values ('F/ZYWIEC/2026/1', 2, 'x')",
        "insert into registry.invoice_document values (2, 'F', 2026, 9, 'x')",
        "insert into registry.invoice_city (partner, programme, nip, name, address) "
        "values (8, 1, '8982145677', 'x', 'x')",
        "update registry.invoice_document set document = 'x'",
        "update registry.adjustment_row set posted_at = now(), code = 0, balance = 0",
        "insert into registry.adjustment "
        "(programme, kind, reason, rows, points_sum, may_go_below, rules_version) "
        "values (2, 1, 'x', 1, 1, false, 1)",
        "insert into registry.statement (programme, month, partner, number, due_grosze, document) "
        "values (1, '2026-11', 8, 'y', 0, '{}')",
        "insert into registry.partner_details (partner, programme) values (8, 2)",
        "insert into registry.offer_declaration (programme, partner, offer, terms) values (2, 8, 9, 'x')",
        "update registry.offer_declaration set terms = 'y'",
        "insert into registry.settlement_period "
        "(programme, month, first_id, through_id, zone, second_needed) "
        "values (2, '2026-10', 3, 4, 'x', false)",
    ):

        async def try_it(c: Connection, sql: str = sql) -> None:
            async with c.transaction():
                await c.execute(f"set local role {role_name(A)}")
                await c.execute("set local cityswitch.actor = 'anna'")
                await c.execute(sql)

        with pytest.raises(DatabaseMisconfigured, match=r"permission denied|row-level security"):
            await two_cities.run(try_it)


async def test_a_city_pays_no_other_s_fee(two_cities: Database) -> None:
    """It meets its own fees alone, and what is paid of one is said to be of its city."""

    await two_cities.run(lambda c: take_back(c, A, by=A))
    with pytest.raises(StatementRefused, match="whole and once"):
        await two_cities.run(lambda c: take_back(c, B, by=A))


async def test_nobody_is_put_on_another_city_s_holder(two_cities: Database) -> None:
    """A person belongs to a holder of the same programme, whoever writes: an account number is no way
    across.
    """
    account = await two_cities.run(
        lambda c: c.fetchval("select account from registry.card where token = 2002")
    )
    holder = "insert into registry.holder (account, programme) values ($1, {})"

    async def hold(c: Connection) -> None:
        async with writing(c, TESTER):
            await c.execute(f"set local role {role_name(A)}")
            await c.execute(holder.format(A), account)

    with pytest.raises(DatabaseMisconfigured, match="row-level security"):
        await two_cities.run(hold)
    await two_cities.run(lambda c: write_registry(c, holder.format(B), account))

    async def put(c: Connection, role: str) -> None:
        async with writing(c, TESTER):
            await c.execute(f"set local role {role}")
            await c.execute(
                "insert into people.person (account, programme, name) values ($1, 1, $2)",
                account,
                bytes(38),
            )

    for role in (role_name(A), "none"):
        with pytest.raises(StatementRefused, match="foreign key"):
            await two_cities.run(lambda c, r=role: put(c, r))


async def test_the_service_serves_all(two_cities: Database, database: Database) -> None:
    """The policies take nothing from the switch: it reads every programme's cards and holders."""
    for table in ("card", "holder", "partner", "terminal", "programme_version"):
        counts = [
            await db.run(lambda c, t=table: c.fetchval(f"select count(*) from registry.{t}"))
            for db in (two_cities, database)
        ]
        assert counts[0] == counts[1] > 1


async def test_a_role_is_made_once_and_for_a_programme(two_cities: Database) -> None:
    """Made again it is passed over; for no programme there is none."""
    assert await two_cities.run(lambda c: make_role(c, A)) is False
    with pytest.raises(NotInRegistry):
        await two_cities.run(lambda c: make_role(c, 77))


async def test_a_role_is_made_while_a_switch_serves(two_cities: Database, database: Database) -> None:
    """Beside a worker that holds the books' layout for as long as it lives: nothing waits for anything."""
    worker = database.session()
    await worker.run(hold_layout)

    async def found_c(c: Connection) -> bool:
        await add_programme(c, TESTER, programme=3, code="zgierz", name="Zgierz")
        return await make_role(c, 3)

    assert await two_cities.run(found_c) in (True, False)  # roles are the server's, not the database's


async def test_no_card_joins_another_city_s_account(two_cities: Database) -> None:
    """Nor does the owner put one there: an account is one programme's, whoever writes."""
    account = await two_cities.run(
        lambda c: c.fetchval("select account from registry.card where token = 2002")
    )
    joining = (
        "insert into registry.card (token, account, programme, last4, carrier) values (9, $1, 1, '0000', 3)"
    )
    with pytest.raises(StatementRefused, match="another programme"):
        await two_cities.run(lambda c: write_registry(c, joining, account))


async def test_postings_meet_no_policy(two_cities: Database, database: Database) -> None:
    """What the switch posts and reads of the books has no filter: no table of schema ledger has a policy."""
    policies = "select count(*) from pg_class where relnamespace = 'ledger'::regnamespace and relrowsecurity"
    assert await two_cities.run(lambda c: c.fetchval(policies)) == 0
    for table in ("ledger.account", "ledger.journal", "ledger.posting", "registry.card", "registry.holder"):
        plan = await database.run(lambda c, t=table: c.fetch(f"explain select * from {t}"))
        assert not any("Filter" in row[0] for row in plan), plan
