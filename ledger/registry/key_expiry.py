"""Owns the finding of terminals that are about to have no key.

Must not know who asks. A terminal may have several generations that are not retired: the last to end counts.
"""

from typing import Final, NamedTuple

from ledger.postgres.database import Connection

_RUNNING_OUT: Final = """
select count(*) filter (where until <= now()), count(*) filter (where until > now()), min(id)
  from (
    select t.id, max(coalesce(k.not_after, 'infinity')) as until
      from registry.terminal t
      join registry.terminal_key k on k.terminal = t.id and k.retired_at is null
      where t.status <> 1 group by t.id
  ) each where until < now() + make_interval(days => $1)"""


class KeysRunningOut(NamedTuple):
    """How many terminals' last key has ended, of how many it will within the days, and one of them."""

    ended: int
    ending: int
    example: int | None


async def keys_running_out(connection: Connection, within_days: int) -> KeysRunningOut:
    """Return which active terminals will have no key within so many days unless they are given one."""
    return KeysRunningOut(*await connection.fetchrow(_RUNNING_OUT, within_days))
