"""What an application says, and what it lacks by the rules of its programme.

Owns the shape of the form (Zgierz § 12; Żywiec § 3) and the judgement whether it is whole. Pure. Must not
know where it is kept, nor who decides. Invariant: no fault repeats what was typed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, Final, Literal, TypeAlias

import msgspec

from ledger.errors import RegistryRefused
from ledger.registry.acceptances import Acceptance
from ledger.registry.agreements import Representative, representative_fault
from ledger.registry.holders import check_renews
from ledger.registry.people import Person, amended, born_of, person_fault
from switch.rules.dates import age_on
from switch.rules.programme import Applications, Rules, WhyDuplicate
from switch.rules.versions import Version

Kind: TypeAlias = Literal["first", "renewal", "duplicate"]
Lack: TypeAlias = Literal[
    "name",
    "born",
    "address",
    "contact",
    "consent",
    "guardian",
    "co_sign",
    "photo",
    "tax",
    "tax_year",
    "desk",
    "rules",
    "proof",
]
DEFAULT: Final = Applications(source=("silent: time to decide an application",))
"""For a programme whose rules say nothing of applications."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What was filled in. Of a renewal and a duplicate the person is known: `name` may be empty."""

    name: str = ""
    pesel: str = ""
    born_on: date | None = None
    address: str = ""
    phone: str = ""
    email: str = ""
    channel: str = ""
    pickup: str = ""
    consent_data: bool = False
    consent_newsletter: bool = False
    rules_accepted: bool = False
    """The rules of the programme (Zgierz § 2.1, § 5.12)."""
    guardian: str = ""
    guardian_phone: str = ""
    guardian_email: str = ""
    co_signed: bool = False
    needs_guardian: bool = False
    """An adult without full legal capacity (Zgierz § 12)."""
    flags: tuple[str, ...] = ()
    proofs_seen: tuple[str, ...] = ()
    """Flags of which an officer has seen the proof, and gave it back."""
    tax_year: int | None = None
    why: WhyDuplicate | None = None
    lost: bool = False
    stood: dict[str, str] = {}
    """Of a holder's: what was on file as each word was written (`ops.office.file_since`); nobody types it."""

    def person(self) -> Person:
        """Return who it says it is of."""
        return Person(
            self.name,
            self.pesel,
            self.born_on,
            self.address,
            self.phone,
            self.email,
            self.channel,
            self.pickup,
        )

    def representative(self) -> Representative:
        """Return the parent or guardian that it names."""
        return Representative("guardian", self.guardian, self.guardian_phone, self.guardian_email)


GUARDIAN: Final = {"name": "guardian", "phone": "guardian_phone", "email": "guardian_email"}
"""What the columns of a representative are called in a form."""


def who_it_is_of(form: Form) -> tuple[str, date | None, str]:
    """Return by what a form tells one person from another: what an officer ticks is about just that one."""
    return form.name, form.born_on, form.pesel


def said_of(form: Form) -> dict[str, Any]:
    """Return what a form says of who somebody is, by the columns of a person; what is empty is not said."""
    return {column: value for column, value in form.person()._asdict().items() if value}


def acceptance_of(form: Form, kind: Kind, version: Version, via: str) -> Acceptance | None:
    """Return which rules a form accepts; None where it accepts none, or there are none to be accepted."""
    document = asked(version.rules).regulations
    is_accepted = kind == "first" and form.rules_accepted
    return Acceptance(version.number, document, via) if document and is_accepted else None


def check_form(form: Form, kind: Kind, rules: Rules, today: date, known: Person | None = None) -> None:
    """Raise RegistryRefused for what cannot stand in an application at all; what may come is none.

    `known`: who the holder is, of an application of a holder's: what it says anew has to go with the rest.
    """
    person = form.person() if kind == "first" else None
    if known is not None and (said := said_of(form)):
        person = amended(known, said)
    if person is not None and (why := person_fault(person, today)):
        raise RegistryRefused("{column} {why}", column=why[0], why=why[1])
    if wrong := representative_fault(form.representative(), name_needed=False):
        raise RegistryRefused("{column} {why}", column=GUARDIAN[wrong[0]], why=wrong[1])
    is_ward = born_of(form.person()) is None or is_guardian_asked(form, rules, today)
    if kind == "first" and form.guardian and not is_ward:
        raise RegistryRefused(
            "guardian is of whoever is under {age}, or needs one whatever the age",
            age=asked(rules).guardian_below_age,
        )
    desks = asked(rules).desks
    if desks and form.pickup and form.pickup not in desks:
        raise RegistryRefused("pickup is none of the programme's desks")
    flags = {flag.code for flag in rules.holders.flags} if rules.holders else set()
    if {*form.flags, *form.proofs_seen} - flags:
        raise RegistryRefused("flags are others than the programme's")
    if form.tax_year is not None and rules.entitlement:
        if fault := rules.entitlement.proof_fault(form.tax_year, today):
            raise RegistryRefused("{column} {why}", column="tax_year", why=fault)
        if not _proves(form.tax_year, rules, today):
            raise RegistryRefused("tax_year is too long ago")


def placed(form: Form, rules: Rules) -> Form:
    """Return what was filled in on line where it is to be seen: a programme that names no desks is asked for
    none, for nobody but an officer knows them, and a made-up one would hide it from every desk.
    """
    return form if asked(rules).desks else msgspec.structs.replace(form, pickup="")


def check_proves_more(form: Form, kind: Kind, rules: Rules, entitled_until: date | None) -> None:
    """Raise RegistryRefused for a renewal by a proof that entitles until no later day than the holder is."""
    if kind == "renewal" and rules.entitlement is not None and form.tax_year is not None:
        check_renews(entitled_until, rules.entitlement.until(form.tax_year))


def asked(rules: Rules) -> Applications:
    """Return what the rules of a programme ask of an application."""
    return rules.applications or DEFAULT


def lacks_of(form: Form, kind: Kind, rules: Rules, today: date, attached: Collection[str]) -> list[Lack]:
    """Return what an application lacks to be whole, in the order of the form; `attached`: the kind of each
    file. Each flag it asks for is proved (Zgierz § 8, § 10, § 16): by a file, or seen by an officer.
    """
    wanted = asked(rules)
    lacks = _of_person(form, rules, today) if kind == "first" else []
    if wanted.desks and kind != "renewal" and not form.pickup:
        lacks.append("desk")
    if kind == "first" and wanted.photo_needed and "photo" not in attached:
        lacks.append("photo")
    if kind != "duplicate" and wanted.tax_needed:
        if form.tax_year is None or not _proves(form.tax_year, rules, today):
            lacks.append("tax_year")
        if not {"tax", "declaration"} & set(attached):
            lacks.append("tax")
    if len(set(form.flags) - set(form.proofs_seen)) > list(attached).count("entitlement"):
        lacks.append("proof")
    return lacks


def is_guardian_asked(form: Form, rules: Rules, today: date) -> bool:
    """Whether a parent or guardian applies with, or for, whom a form is of (Żywiec § 3, Zgierz § 12)."""
    return form.needs_guardian or is_minor(form, rules, today)


def is_minor(form: Form, rules: Rules, today: date) -> bool:
    """Whether whom a form is of is too young to apply alone; not where no date of birth is known."""
    born = born_of(form.person())
    return born is not None and age_on(born, today) < asked(rules).guardian_below_age


def _proves(tax_year: int, rules: Rules, today: date) -> bool:
    """Whether proof of the tax of a year entitles to anything on a day (Zgierz § 9, § 20)."""
    return rules.entitlement is None or today <= rules.entitlement.until(tax_year)


def _of_person(form: Form, rules: Rules, today: date) -> list[Lack]:
    wanted, person = asked(rules), form.person()
    born = born_of(person)
    age = age_on(born, today) if born else None
    needs_contact = bool(rules.holders and rules.holders.contact_needed)
    from_age = wanted.co_sign_from_age
    signs = from_age is not None and age is not None and from_age <= age < wanted.guardian_below_age
    found: dict[Lack, bool] = {
        "name": not form.name.strip(),
        "born": born is None,
        "address": not form.address,
        "contact": needs_contact and not (form.channel and (form.phone or form.email)),
        "rules": bool(wanted.regulations) and not form.rules_accepted,
        "consent": not form.consent_data,
        "guardian": is_guardian_asked(form, rules, today) and not form.guardian,
        "co_sign": signs and not form.co_signed,
    }
    return [lack for lack, is_missing in found.items() if is_missing]
