"""The desk as a part of the office's site: its addresses, its menu, what may be sent to it.

Owns the list. Must not know how a page is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.routing import Route

from ops.web.desk.application_pages import UPLOAD_BYTES_MAX, ApplicationPages
from ops.web.desk.common import CLERKS, OFFICERS, GetPages
from ops.web.desk.holder_pages import HolderPages
from ops.web.desk.words import DESK
from ops.web.identity import MenuItem, Part

HERE: Final = Path(__file__).parent
MENU: Final = (
    MenuItem("/desk/applications", "dk_applications", OFFICERS, CLERKS),
    MenuItem("/desk/holders", "dk_holders", OFFICERS, CLERKS),
    MenuItem("/desk/cases", "dk_cases", OFFICERS, CLERKS),
)


def desk_part(pages: GetPages) -> Part:
    """Return what the desk brings to a site."""
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
        Route("/desk/cases", holders.cases),
        Route("/desk/cases/{number:int}", holders.decide, methods=["POST"]),
    ]
    return Part(routes, DESK, [HERE], MENU, {"/desk/applications/": UPLOAD_BYTES_MAX})
