"""An application on line as it is typed, step by step: fields become a form, or the word that says what is
wrong.

Owns the steps and their fields. Must not know where a form is kept. Pure. Invariants: the address is the one
that was confirmed, whatever is typed; a guardian is named only where one is asked for, whatever was typed
before; nothing that was typed is repeated in what is said of it.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

import msgspec
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from ledger.errors import RegistryRefused
from ops.office.forms import Form, Lack, asked, check_form, is_guardian_asked, is_minor, lacks_of
from ops.web.fields import FieldRefused, day_in, year_in
from ops.web.identity.forms import text_of
from switch.rules.programme import Rules

WHOSE: Final = ("self", "child", "ward")
FIELDS: Final = {
    "whose": 8, "name": 200, "pesel": 11, "born_on": 10, "address": 300, "phone": 32, "channel": 8,
    "pickup": 64, "guardian": 200, "guardian_phone": 32, "tax_year": 4, "consent_data": 3,
    "consent_newsletter": 3, "rules_accepted": 3,
}  # fmt: skip
"""With the most characters of each."""
STEPS: Final[tuple[frozenset[Lack], ...]] = (
    frozenset({"name", "born"}),
    frozenset({"address", "contact", "guardian", "desk"}),
    frozenset({"rules", "consent", "tax_year"}),
)
"""What each step asks for; files come when it is sent, and so does a young person's signature."""
SHOWN: Final = (
    ("whose", "name", "pesel", "born_on"),
    ("address", "phone", "channel", "pickup", "guardian", "guardian_phone"),
    ("consent_data", "consent_newsletter", "rules_accepted", "tax_year"),
)
"""What each step shows at most."""
COLUMNS: Final = ("name", "pesel", "born_on", "address", "phone", "pickup", "guardian", "tax_year")
FAULTS: Final = {column: f"a_{column}" for column in COLUMNS} | {
    "born_on": "a_born", "channel": "a_phone", "guardian_phone": "a_guardian_phone"
}  # fmt: skip
ATTACHED: Final = ("photo", "tax")


class Fault(NamedTuple):
    """What is wrong: a word, and the word of the field it is in."""

    word: str
    field: str


def typed_steps(posted: FormData) -> tuple[dict[str, str], Fault | None]:
    """Return what was typed, all fields of all steps, to be shown again; and which of them cannot stand as it
    is, if one cannot. Raises HTTPException for what no browser sends.
    """
    typed, fault = dict[str, str](), None
    for name, most in FIELDS.items():
        try:
            typed[name] = text_of(posted, name, most)
        except FieldRefused as error:
            typed[name], fault = str(posted[name]), fault or fault_in(error.field)
    if typed["whose"] not in ("", *WHOSE) or typed["channel"] not in ("", "email", "phone", "sms"):
        raise HTTPException(400)
    return typed, fault


def form_of_typed(typed: dict[str, str], email: str, rules: Rules, day: date) -> Form:
    """Return the form that was typed by whoever has this address. A guardian who is not asked for is none of
    it: the field travels on after an answer that took it away. Raises RegistryRefused.
    """
    form = _as_typed(typed, email)
    if typed["whose"] in ("child", "ward") or is_guardian_asked(form, rules, day):
        return form
    return msgspec.structs.replace(form, guardian="", guardian_phone="", guardian_email="")


def _as_typed(typed: dict[str, str], email: str) -> Form:
    is_for_other = typed["whose"] in ("child", "ward")
    return Form(
        name=typed["name"],
        pesel=typed["pesel"],
        born_on=day_in("born_on", typed["born_on"]),
        address=typed["address"],
        phone=typed["phone"],
        email=email,
        channel=typed["channel"] or "email",
        pickup=typed["pickup"],
        consent_data=typed["consent_data"] == "yes",
        consent_newsletter=typed["consent_newsletter"] == "yes",
        rules_accepted=typed["rules_accepted"] == "yes",
        guardian=typed["guardian"],
        guardian_phone=typed["guardian_phone"],
        guardian_email=email if is_for_other or typed["guardian"] else "",
        needs_guardian=typed["whose"] == "ward",
        tax_year=year_in("tax_year", typed["tax_year"]),
    )


def typed_of(form: Form, rules: Rules, day: date) -> dict[str, str]:
    """Return a form as its fields are shown."""
    is_child = bool(form.guardian) and is_minor(form, rules, day)
    whose = "ward" if form.needs_guardian else "child" if is_child else "self"
    return {
        "whose": whose,
        "born_on": form.born_on.isoformat() if form.born_on else "",
        "tax_year": str(form.tax_year or ""),
        "consent_data": "yes" if form.consent_data else "",
        "consent_newsletter": "yes" if form.consent_newsletter else "",
        "rules_accepted": "yes" if form.rules_accepted else "",
        **{
            name: getattr(form, name)
            for name in (
                "name",
                "pesel",
                "address",
                "phone",
                "channel",
                "pickup",
                "guardian",
                "guardian_phone",
            )
        },
    }


def differing(form: Form, typed: dict[str, str], rules: Rules, day: date) -> list[tuple[str, str]]:
    """Return what a form says otherwise than it was typed: the word of each field, and what stands in it."""
    said = typed_of(form, rules, day)
    return [(FAULTS[name], said[name]) for name in COLUMNS if said[name] != typed[name]]


def needs_guardian(typed: dict[str, str], email: str, rules: Rules, day: date) -> bool:
    """Whether a parent or guardian is asked for."""
    try:
        form = _as_typed(typed, email)
    except RegistryRefused:
        return typed["whose"] != "self"
    return typed["whose"] in ("child", "ward") or is_guardian_asked(form, rules, day)


def fault_of(typed: dict[str, str], email: str, rules: Rules, day: date, through: int) -> Fault | None:
    """Return what is wrong with the steps up to one (1 to 3); None where nothing is. What is typed in a later
    one is judged there, where it can be mended.
    """
    if not typed["whose"]:
        return Fault("a_fault", "a_whose")
    wanted = frozenset().union(*STEPS[:through])
    later = {name for names in SHOWN[through:] for name in names}
    typed = {name: "" if name in later else value for name, value in typed.items()}
    try:
        form = form_of_typed(typed, email, rules, day)
        lacking = lacks_of(form, "first", rules, day, ATTACHED)
        for lack in lacking:
            if lack in wanted:
                return Fault("a_lacks", f"a_lack_{lack}")
        check_form(form, "first", rules, day)
    except RegistryRefused as error:
        return fault_in(str(error).partition(" ")[0])
    if typed["whose"] == "child" and not is_minor(form, rules, day):
        return Fault("a_fault", "a_whose")
    if typed["whose"] != "self" and through > 1 and not form.guardian:
        return Fault("a_lacks", "a_lack_guardian")
    return None


def fault_in(field: str) -> Fault:
    """Return that a field cannot stand as it is."""
    return Fault("a_fault", FAULTS.get(field, "a_title"))


def hidden_in(step: int, *, has_desks: bool, wants_tax: bool, wants_guardian: bool) -> list[str]:
    """Return the fields that a step does not show, and that travel with it unseen; none of step 0."""
    if step == 0:
        return []
    left_out = {
        "pickup": not has_desks,
        "tax_year": not wants_tax,
        "guardian": not wants_guardian,
        "guardian_phone": not wants_guardian,
    }
    return [name for name in FIELDS if name not in SHOWN[step - 1] or left_out.get(name)]


def desks_of(rules: Rules) -> tuple[str, ...]:
    """Return where cards of a programme are collected."""
    return asked(rules).desks


def regulations_of(rules: Rules) -> str:
    """Return the document that is accepted with an application; "" where none is."""
    return asked(rules).regulations


def wants_tax(rules: Rules) -> bool:
    """Whether a programme asks for a proof of tax."""
    return asked(rules).tax_needed
