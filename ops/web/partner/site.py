"""The partner's pages as a part of the office's site: routes, words, menu.

Owns what it is made of. Must not know what surrounds it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from ledger.registry.logins import Kind
from ops.web.identity.part import MenuItem, Part
from ops.web.pages import Pages
from ops.web.partner.account_pages import AccountPages
from ops.web.partner.offer_pages import OfferPages
from ops.web.partner.words import PARTNER

HERE: Final = Path(__file__).parent
_PARTNER: Final[tuple[Kind, ...]] = ("partner",)
MENU: Final = (
    MenuItem("/partner", "p_outlets", _PARTNER),
    MenuItem("/partner/offers", "p_offers", _PARTNER),
    MenuItem("/partner/statements", "p_statements", _PARTNER),
)


def partner_part(pages: Callable[[], Pages]) -> Part:
    """Return what the partner's pages bring."""
    routes = [*AccountPages(pages).routes(), *OfferPages(pages).routes()]
    belongs = {"/partner/declarations/{number:int}": "/partner/offers"}
    return Part(routes, PARTNER, [HERE], MENU, belongs=belongs)
