"""What is done with an application is done with the one that was looked at; ticks are about one person."""

from datetime import date
from typing import Any

import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.audit import Actor
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form
from ops.office.online import OnlineDesk
from ops.office.own_applications import OwnApplication
from tests.days import today
from tests.ops.test_applications import ADULT, ANNA, JAN, ZGIERZ, attach, found, with_

APPLICANT = Actor("applicant 1", "on line")
ASKED = with_(ADULT, tax_year=today().year - 1)
TICKED = with_(ASKED, flags=("family",), proofs_seen=("family",), co_signed=True)


async def own(desk: ApplicationDesk, form: Form) -> OwnApplication:
    """An application as its applicant has it before him."""
    number = await desk.take(APPLICANT, "first", "web", form)
    await attach(desk, number, "tax")
    return OwnApplication(desk, APPLICANT, await desk.show(number))


@pytest.mark.parametrize(
    ("change", "is_kept"),
    [
        ({"phone": "600100200"}, True),
        ({"address": "Rynek 3", "consent_newsletter": False}, True),
        ({"name": "Inna Osoba"}, False),
        ({"pesel": "02070803628"}, False),
        ({"pesel": "", "born_on": date(1980, 1, 1)}, False),
    ],
)
async def test_ticks_drop_when_it_is_of_somebody_else(
    owner: Database, change: dict[str, Any], is_kept: bool
) -> None:
    """Proofs that were seen, flags and a signature stay through a new address, and through no other name,
    date of birth or PESEL.
    """
    desk = await found(owner, 3, ZGIERZ)
    it = await own(desk, TICKED)
    await OnlineDesk(desk).change(it, with_(ASKED, **change))
    form = (await desk.show(it.number)).form
    assert form is not None
    was = (TICKED.flags, TICKED.proofs_seen, TICKED.co_signed)
    assert (form.flags, form.proofs_seen, form.co_signed) == (was if is_kept else ((), (), False))


async def test_whoever_asked_does_what_was_shown(owner: Database) -> None:
    """Granted meanwhile, it is not withdrawn on line; ticked meanwhile, its ticks are not written over."""
    desk = await found(owner, 3, ZGIERZ)
    it = await own(desk, ASKED)
    await desk.change(ANNA, it.number, TICKED)
    with pytest.raises(RegistryRefused, match="has changed since"):
        await OnlineDesk(desk).change(it, with_(ASKED, phone="600100200"))
    form = (await desk.show(it.number)).form
    assert form is not None
    assert form.proofs_seen == ("family",)
    await desk.verify(ANNA, it.number)
    verified = OwnApplication(desk, APPLICANT, await desk.show(it.number))
    await desk.grant(JAN, it.number)
    with pytest.raises(RegistryRefused, match="has changed since"):
        await verified.withdraw(verified.view.row["digest"])
    assert (await desk.show(it.number)).row["state"] == "granted"
