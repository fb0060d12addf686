"""A page that is loaded again sends nothing again: what a form changed is answered 303; what is answered with
a page may be sent twice (`tests.web.posted`, which every test's client asks).
"""

import re

from tests.web.crawl import site_routes
from tests.web.office_stage import PASSWORD, OfficeStage
from tests.web.posted import PAGES


def test_what_is_answered_with_a_page_is_a_route(office: OfficeStage) -> None:
    """The table names forms that there are."""
    posted = {re.sub(r":\w+\}", "}", path) for method, path in site_routes(office) if method == "POST"}
    assert PAGES.keys() <= posted


def test_a_proxy_given_twice_is_one(office: OfficeStage) -> None:
    """The second code takes the place of the first; once it was used, the same name is another's."""
    account = office.new_member("gives-twice")
    giver = office.signed_in("czestochowa", "gives-twice")
    giver.get("/en/me/family")
    said = {"name": "Pełnomocnik", "until": "2200-01-01", "password": PASSWORD}

    def give() -> str:
        page = giver.post("/en/me/family/proxies", **said).text
        return re.findall(r'id="new-code">([A-Z0-9-]+)<', page)[0]

    first, second = give(), give()
    held = "select count(*) from people.representative where account = $1"
    assert office.sql(held, account)[0][0] == 1
    proxy = office.signed_in("czestochowa", "ola")
    proxy.get("/en/me/family")
    assert [proxy.post("/en/me/family/code", code=code).status for code in (first, second)] == [400, 303]
    give()
    assert office.sql(held, account)[0][0] == 2
