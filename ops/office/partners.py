"""The office's work with partners: what the rules of a programme say of them.

Owns the number of Main Partners (Częstochowa, "Główni Partnerzy": it is limited). Must not write SQL.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.errors import NotInRegistry
from ledger.postgres.database import Database
from ledger.registry.audit import Actor
from ledger.registry.imports import Import, Mode
from ledger.registry.partners import NewPartner, import_partners
from ops.office.rules_in_force import version_in_force


async def take_on(
    database: Database,
    actor: Actor,
    programme: int,
    partners: Sequence[NewPartner],
    mode: Mode = Mode.WHOLE,
) -> Import:
    """Add partners, as many of them Main Partners as the rules in force allow. Raises RegistryRefused."""
    try:
        rules = (await version_in_force(database, programme)).rules
    except NotInRegistry:  # no rules yet, so nothing of them is limited
        main_max = None
    else:
        main_max = rules.partners.main_max if rules.partners else 0
    return await database.run(
        lambda c: import_partners(c, actor, programme, partners, mode, main_max=main_max)
    )
