"""What the service and everybody may do, from Postgres' own catalogue: a grant too many fails."""

import pytest

from ledger.postgres.database import Database

SCHEMAS = "('ledger', 'registry', 'people', 'office', 'web', 'public')"
RIGHTS = f"""
  select g.grantee::regrole::text as role, n.nspname || '.' || c.relname as object,
      case when c.relkind = 'S' then 'sequence' else 'table' end as kind, g.privilege_type as right
    from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) g
    where n.nspname in {SCHEMAS} and g.grantee <> c.relowner
  union all
  select g.grantee::regrole::text, n.nspname || '.' || c.relname || '.' || a.attname, 'column',
      g.privilege_type
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace,
      aclexplode(a.attacl) g
    where n.nspname in {SCHEMAS} and g.grantee <> c.relowner
  union all
  select g.grantee::regrole::text, n.nspname || '.' || p.proname, 'function', g.privilege_type
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
      aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
    where n.nspname in {SCHEMAS} and g.grantee <> p.proowner and p.prorettype <> 'trigger'::regtype
  union all
  select g.grantee::regrole::text, n.nspname, 'schema', g.privilege_type
    from pg_namespace n, aclexplode(n.nspacl) g
    where n.nspname in {SCHEMAS} and g.grantee <> n.nspowner
"""
WRITES = {
    "INSERT": {
        "ledger.bonus", "ledger.bonus_mark", "ledger.claim", "ledger.expiry", "ledger.journal",
        "ledger.posting", "ledger.quota", "ledger.refund", "ledger.reversal", "ledger.share_move",
        "registry.node", "registry.terminal_hours",
        "registry.terminal_presence", "registry.worker_presence", "registry.outbox.account",
        "registry.outbox.data", "registry.outbox.kind", "registry.outbox.partner",
        "registry.outbox.programme",
    },
    "UPDATE": {
        "ledger.account.balance", "ledger.account.last_stan", "ledger.account.last_terminal",
        "ledger.account.previous_balance", "ledger.account.previous_stan", "ledger.account.previous_terminal",
        "ledger.bonus_mark", "ledger.expiry", "ledger.quota.allowed", "ledger.quota.balance",
        "ledger.quota.is_short",
        "ledger.quota.moved", "ledger.share_move.is_taken", "registry.adjustment_row.balance",
        "registry.adjustment_row.code", "registry.adjustment_row.posted_at", "registry.card.pepper",
        "registry.card.token", "registry.node",
        "registry.terminal_hours", "registry.terminal_key.retired_at", "registry.terminal_key.used_at",
        "registry.terminal_presence", "registry.worker_presence",
    },
    "DELETE": {"registry.terminal_hours", "registry.terminal_presence", "registry.worker_presence"},
}  # fmt: skip
"""All the service may write: what a posting enters, and what says that terminals and workers live."""
SERVICE, EVERYBODY = "cityswitch_service", "-"
BELOW_SUPERUSER = (
    "select rolname from pg_roles where rolname like 'cityswitch%' and rolname <> 'cityswitch_owner' "
    "and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)"
)
LENT = f"""select n.nspname || '.' || p.proname as object, p.proconfig::text as settings
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.prosecdef and n.nspname in {SCHEMAS}"""


@pytest.fixture
async def rights(owner: Database) -> list[tuple[str, str, str, str]]:
    """Every right that is not its owner's: role, object, kind of object, right."""
    return [tuple(row) for row in await owner.run(lambda c: c.fetch(RIGHTS))]


async def test_the_service_has_these_rights_and_no_other(rights: list[tuple[str, str, str, str]]) -> None:
    """What it may write is listed, whole; it truncates and triggers nothing, and meets no person."""
    of_service = [row for row in rights if row[0] == SERVICE]
    written: dict[str, set[str]] = {}
    for _, name, kind, right in of_service:
        if kind in ("table", "column") and right != "SELECT":
            written.setdefault(right, set()).add(name)
        assert not name.startswith(("people", "web")), name
    assert written == WRITES
    assert {right for _, _, kind, right in of_service if kind == "schema"} == {"USAGE"}


async def test_everybody_has_no_rights(owner: Database, rights: list[tuple[str, str, str, str]]) -> None:
    """Who may only connect reads and writes nothing; no function open to all lends its owner's rights."""
    open_to_all = [row for row in rights if row[0] == EVERYBODY]
    assert {(kind, right) for _, _, kind, right in open_to_all} <= {
        ("function", "EXECUTE"),
        ("schema", "USAGE"),
    }
    assert [name for _, name, kind, _ in open_to_all if kind == "schema"] == ["public"]
    lent = {row["object"] for row in await owner.run(lambda c: c.fetch(LENT))}
    assert lent
    assert {name for _, name, kind, _ in open_to_all if kind == "function"} & lent == set()


async def test_who_lends_its_rights_fixes_where_it_looks(owner: Database) -> None:
    """A function that runs with its owner's rights names its search path: nobody's table comes before."""
    lent = await owner.run(lambda c: c.fetch(LENT))
    assert [row["object"] for row in lent if "search_path" not in (row["settings"] or "")] == []


async def test_no_role_but_the_owner_is_above_a_policy(owner: Database) -> None:
    """No other role makes roles or databases, replicates, or passes by row security."""
    assert await owner.run(lambda c: c.fetch(BELOW_SUPERUSER)) == []


async def test_no_role_but_people_s_meets_a_person(rights: list[tuple[str, str, str, str]]) -> None:
    """Tables of persons and of logins are one role's alone, and that role meets no books."""
    met = {
        role for role, name, kind, _ in rights if name.startswith(("people.", "web.")) and kind != "function"
    }
    assert met == {"cityswitch_people"}
    assert not [row for row in rights if row[0] == "cityswitch_people" and row[1].startswith("ledger")]
