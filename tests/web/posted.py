"""What a form that is posted answers: where it changed something, 303 to a page that says so, so that a
browser that loads that page again sends nothing again.

Owns the table of the forms that answer with a page (200), each with why it may. Every test's client asks it.
"""

import re
from typing import Final

NOTHING: Final = "nothing is written"
ONE_CODE: Final = "a code is shown once, here; sent again another takes its place, so one holds"
OVER: Final = "the session, or its stage, ended with it: sent again it leads to the sign-in"
PAGES: Final = {
    "/apply/form/{token}": f"{NOTHING} from step to step; the last one answers 303",
    "/apply/state/{secret}": f"the login's {ONE_CODE}; whatever else is done there answers 303",
    "/desk/holders": f"{NOTHING}: whom one looks for stands in no address",
    "/desk/holders/{account}/code": ONE_CODE,
    "/desk/holders/{account}/login": ONE_CODE,
    "/me/family/proxies": f"the proxy's {ONE_CODE}, and one proxy is there",
    "/me/end": OVER,
    "/login/enrol": f"the recovery codes are shown once, here; {OVER}",
    "/account/passkeys": f"{NOTHING} before the browser has answered",
}
"""Of each route that is answered with a page where it was done, why."""


def may_be_a_page(path: str) -> bool:
    """Whether what is posted to an address may be answered with a page."""
    bare = re.sub(r"^/(pl|en)(?=/)", "", path.partition("?")[0])
    return any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each), bare) for each in PAGES)
