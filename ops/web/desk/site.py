"""The desk as a part of the office's site: its addresses, its menu, what may be sent to it.

Owns the list. Must not know how a page is made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from starlette.routing import Route

from ops.web.desk import (
    application_pages,
    document_pages,
    holder_pages,
    login_pages,
    month_pages,
    offer_pages,
    partner_pages,
    points_pages,
    publishing_pages,
)
from ops.web.desk.application_pages import UPLOAD_BYTES_MAX, ApplicationPages
from ops.web.desk.common import ACCOUNTS, ADMINS, CLERKS, EDITORS, OFFICERS, GetPages
from ops.web.desk.document_pages import DocumentPages, SinkOf
from ops.web.desk.holder_pages import HolderPages
from ops.web.desk.login_pages import LoginPages
from ops.web.desk.month_pages import MonthPages
from ops.web.desk.note_pages import NotePages
from ops.web.desk.offer_pages import OfferPages
from ops.web.desk.partner_pages import PartnerPages
from ops.web.desk.points_pages import PointsPages
from ops.web.desk.publishing_pages import PublishingPages
from ops.web.desk.words import DESK
from ops.web.desk.words_accounts import ACCOUNTS_WORDS
from ops.web.desk.words_holders import HOLDER_WORDS
from ops.web.desk.words_logins import LOGIN_WORDS
from ops.web.desk.words_partners import PARTNER_WORDS
from ops.web.identity import MenuItem, Part
from ops.web.identity.signing_in import Door

HERE: Final = Path(__file__).parent
MENU: Final = (
    MenuItem("/desk/applications", "dk_applications", OFFICERS, CLERKS),
    MenuItem("/desk/holders", "dk_holders", OFFICERS, CLERKS),
    MenuItem("/desk/cases", "dk_cases", OFFICERS, CLERKS),
    MenuItem("/desk/months", "dk_months", OFFICERS, ACCOUNTS),
    MenuItem("/desk/points", "dk_points", OFFICERS, ACCOUNTS),
    MenuItem("/desk/offers", "dk_offers", OFFICERS, EDITORS),
    MenuItem("/desk/declarations", "dk_declarations", OFFICERS, EDITORS),
    MenuItem("/desk/partners", "dk_partners", OFFICERS, EDITORS),
    MenuItem("/desk/logins", "dk_logins", OFFICERS, ADMINS),
)
ACTS_OF: Final[Mapping[str, Collection[str]]] = {
    "/desk/applications/{number:int}": application_pages.ACTS,
    "/desk/holders/{account:int}": holder_pages.ACTS,
    "/desk/cases/{number:int}": holder_pages.CASE_ACTS,
    "/desk/months/{month}": month_pages.ACTS,
    "/desk/months/{month}/documents": document_pages.ACTS,
    "/desk/proposals/{number:int}": month_pages.DECISIONS,
    "/desk/points": points_pages.PROPOSALS,
    "/desk/points/{number:int}": points_pages.DECISIONS,
    "/desk/offers": offer_pages.ACTS,
    "/desk/offers/proposals": publishing_pages.ACTS,
    "/desk/offers/proposals/{proposal:int}": publishing_pages.DECISIONS,
    "/desk/partners/{partner:int}": partner_pages.ACTS,
    "/desk/declarations/{number:int}": partner_pages.DECISIONS,
    "/desk/logins": login_pages.MADE,
    "/desk/logins/{login:int}": login_pages.ACTS,
}
"""What the field `act` of a form that is posted there may be."""
WORDS: Final = {**DESK, **HOLDER_WORDS, **ACCOUNTS_WORDS, **PARTNER_WORDS, **LOGIN_WORDS}
"""Of all pages of the desk."""


def desk_part(pages: GetPages, door: Door, public: Path | None = None, sink_of: SinkOf | None = None) -> Part:
    """Return what the desk brings to a site; `door`: whose passwords its logins have; `public`: where the
    public lists are written; `sink_of`: where documents are sent to.
    """
    applications, holders = ApplicationPages(pages), HolderPages(pages)
    one, whose = "/desk/applications/{number:int}", "/desk/holders/{account:int}"
    routes = [
        Route("/desk/applications", applications.due),
        Route("/desk/applications/new", applications.ask_new),
        Route("/desk/applications/new", applications.take, methods=["POST"]),
        Route(one, applications.show),
        Route(one, applications.act, methods=["POST"]),
        Route(f"{one}/form", applications.change, methods=["POST"]),
        Route(f"{one}/files", applications.attach, methods=["POST"]),
        Route(f"{one}/files/{{attachment:int}}", applications.attachment),
        Route(f"{one}/letter", applications.letter),
        Route("/desk/holders", holders.ask),
        Route("/desk/holders", holders.find, methods=["POST"]),
        Route(whose, holders.show),
        Route(whose, holders.act, methods=["POST"]),
        Route(f"{whose}/code", holders.code, methods=["POST"]),
        Route(f"{whose}/login", holders.login_code, methods=["POST"]),
        Route("/desk/cases", holders.cases),
        Route("/desk/cases/{number:int}", holders.decide, methods=["POST"]),
    ]
    routes += _accounts(pages, sink_of) + _editors(pages, public) + _admins(pages, door)
    uploads, belongs = (
        {"/desk/applications/": UPLOAD_BYTES_MAX},
        {"/desk/proposals/{number:int}": "/desk/months"},
    )
    return Part(routes, WORDS, [HERE], MENU, uploads, belongs=belongs)


def _accounts(pages: GetPages, sink_of: SinkOf | None) -> list[Route]:
    months, notes, points = MonthPages(pages), NotePages(), PointsPages(pages)
    documents, month = DocumentPages(pages, sink_of), "/desk/months/{month}"
    partner = f"{month}/{{partner:int}}"
    return [
        Route("/desk/months", months.months),
        Route(month, months.show),
        Route(month, months.act, methods=["POST"]),
        Route(f"{month}/statements.csv", months.statements_csv),
        Route(f"{month}/summary.csv", months.summary_csv),
        Route(f"{month}/notes.csv", notes.all_csv),
        Route(f"{month}/documents", documents.show),
        Route(f"{month}/documents", documents.act, methods=["POST"]),
        Route(partner, months.statement),
        Route(f"{partner}/csv", months.statement_csv),
        Route(f"{partner}/pdf", months.statement_pdf),
        Route(f"{partner}/note.csv", notes.csv),
        Route(f"{partner}/note.pdf", notes.pdf),
        Route(f"{partner}/document", notes.document),
        Route("/desk/proposals/{number:int}", months.decide, methods=["POST"]),
        Route("/desk/points", points.waiting),
        Route("/desk/points", points.propose, methods=["POST"]),
        Route("/desk/points/{number:int}", points.show),
        Route("/desk/points/{number:int}", points.decide, methods=["POST"]),
    ]


def _admins(pages: GetPages, door: Door) -> list[Route]:
    logins, login = LoginPages(pages, door), "/desk/logins/{login:int}"
    return [
        Route("/desk/logins", logins.logins),
        Route("/desk/logins", logins.make, methods=["POST"]),
        Route(login, logins.show),
        Route(login, logins.act, methods=["POST"]),
    ]


def _editors(pages: GetPages, public: Path | None) -> list[Route]:
    offers, partners = OfferPages(pages), PartnerPages(pages)
    publishing, proposal = PublishingPages(pages, public), "/desk/offers/proposals/{proposal:int}"
    offer, partner = "/desk/offers/{number:int}", "/desk/partners/{partner:int}"
    return [
        Route("/desk/offers", offers.offers),
        Route("/desk/offers", offers.act, methods=["POST"]),
        Route("/desk/offers/new", offers.ask_new),
        Route("/desk/offers/preview", publishing.preview),
        Route("/desk/offers/proposals", publishing.propose, methods=["POST"]),
        Route(proposal, publishing.show),
        Route(proposal, publishing.decide, methods=["POST"]),
        Route(offer, offers.show),
        Route(offer, offers.end, methods=["POST"]),
        Route("/desk/partners", partners.partners),
        Route("/desk/partners", partners.declare, methods=["POST"]),
        Route(partner, partners.show),
        Route(partner, partners.act, methods=["POST"]),
        Route("/desk/declarations", partners.declared),
        Route("/desk/declarations/{number:int}", partners.decide, methods=["POST"]),
    ]
