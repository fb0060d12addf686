"""Says why somebody may not migrate.

Owns the questions. The words of a refusal name no cause ("must be superuser to alter …" where nobody alters a
role), so the database is asked what would have to be there, in the order in which it is to be mended. Knows
nothing of what migrations hold but the roles that they make.
"""

from typing import Final

from ledger.postgres.database import Connection
from ledger.postgres.errors import first_line

ROLES: Final = ("cityswitch_service", "cityswitch_people", "cityswitch_programme")
_FACTS: Final = """
select quote_ident(current_user) as me, quote_ident(current_database()) as here,
    has_database_privilege(current_database(), 'create') as may_create,
    rolsuper or rolcreaterole as may_make_roles,
    array(select name from unnest($1::text[]) as name
            where not exists (select from pg_roles where rolname = name)) as missing,
    (select quote_ident(pg_get_userbyid(nspowner)) from pg_namespace
       where nspname = 'registry' and not pg_has_role(nspowner, 'usage')) as other,
    to_regclass('pg_catalog.pg_dist_object') is not null as has_citus
  from pg_roles where rolname = current_user"""
# Citus makes at each server what is made at the coordinator, as the same user. What a new object rests on,
# its owner first, comes with it, in words that only a superuser may say, unless Citus knows the role; one
# that was made before Citus was there, or in another database, it does not.
_MAY_NOT_AT_SERVERS: Final = """
select not rolsuper and exists (select from pg_dist_node where groupid > 0) and (
      not exists (select from pg_dist_object where classid = 'pg_authid'::regclass and objid = r.oid)
      or exists (
        select from run_command_on_workers(
            format('select has_database_privilege(%L, current_database(), ''create'')', rolname)) as told
          where told.result is distinct from 't'))
  from pg_roles r where rolname = current_user"""


async def why_refused(connection: Connection, refusal: str) -> str:
    """Cause and cure of a migration that Postgres refused for want of rights; the words of the refusal where
    none is known, or where the question fails itself.
    """
    try:
        return await _cause(connection) or refusal
    except Exception as error:
        return f"{refusal} (and why could not be asked: {first_line(error)})"


async def _cause(connection: Connection) -> str:
    facts = await connection.fetchrow(_FACTS, ROLES)
    me, here = facts["me"], facts["here"]
    owned = f"as an administrator run `alter database {here} owner to {me}`"
    if facts["other"]:
        return f"the books are {facts['other']}'s and not {me}'s: migrate with the owner's DSN"
    if not facts["may_create"]:
        return f"{me} may not create in database {here}: name the owner's DSN, or {owned}, then migrate again"
    if facts["missing"] and not facts["may_make_roles"]:
        return (
            f"{me} may not create roles: as an administrator run `create role cityswitch_service login; "
            "create role cityswitch_people; create role cityswitch_programme` (those of them that are "
            "missing, and set the first one's password), then migrate again"
        )
    if facts["has_citus"] and await connection.fetchval(_MAY_NOT_AT_SERVERS):
        return (
            f"Citus makes at each server what is made here, and {me} may not there, or Citus does not know "
            f"{me}: at the coordinator, {owned}, then migrate again"
        )
    return ""
