"""What the tests of a desk's offers share: a proposal that waits."""

from ledger.registry import proposals
from ledger.registry.audit import Actor
from tests.web.office_stage import OfficeStage

PROGRAMME = 3


def proposed(office: OfficeStage, partner: int) -> int:
    """The number of a proposal that waits, of an offer that is none by now."""
    what: tuple[proposals.Act, str] = ("publish_offers", f"{partner}, 999")
    terms = {"from_day": None, "urgent": True, "offers": {"999": "1:0:0"}}
    return office.run(
        lambda owner: owner.run(lambda c: proposals.propose(c, Actor("one", "x"), PROGRAMME, what, terms))
    )
