"""The desk's work with applications: taken down, completed, verified, decided, handed over.

Owns the use cases and their clocks, by the rules of a programme. Must not write SQL (`ledger.registry` does)
nor know a page. Invariants: a file is kept only as `ops.office.uploads` gives it back; nothing is verified
that is not whole; what an application brings about (a holder, a duplicate, a renewal) is written in the same
transaction as its state; what is done where a `digest` is given is done with the application that was shown
(`kept.check_shown`); no error repeats what was typed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypeVar

import msgspec

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import applications as kept
from ledger.registry.acceptances import acceptances_of
from ledger.registry.applications import NewApplication, Step, Which
from ledger.registry.attachments import (
    ATTACHMENTS_MAX,
    File,
    add_attachment,
    attachments_of,
    list_attachments,
    read_attachment,
)
from ledger.registry.audit import Actor, writing
from ledger.registry.card_fees import (
    Kept,
    OldCard,
    PaidHow,
    kept_fee,
    not_handed_over,
    record_paid,
)
from ledger.registry.holders import entitled_until
from ledger.registry.installation import check_master_key
from ledger.registry.numbers import Numbers
from ledger.registry.people import find_person
from ledger.registry.pesel_tokens import known_pesels
from ledger.registry.secrets import MasterKey
from ops.office import granting, withdrawing
from ops.office.application_reading import beside_file, card_of, read_view
from ops.office.application_view import View
from ops.office.duplicate_fees import fee_of
from ops.office.file_since import with_file
from ops.office.forms import Form, Kind, acceptance_of, asked, check_form, check_proves_more, placed
from ops.office.rules_in_force import today, version_in_force
from ops.office.seen import Seen, check_seen
from ops.office.uploads.check import Checked
from ops.office.uploads.refused import UploadRefused, Why
from ops.office.validity import Validity
from switch.rules.programme import Rules

T = TypeVar("T")
UPLOAD_S_MAX: Final = 30.0


@dataclass(frozen=True)
class ApplicationDesk:
    """Where applications of one programme are dealt with: its database, and the master key."""

    database: Database
    master: MasterKey
    programme: int

    async def terms(self) -> tuple[Rules, date]:
        """Return the rules in force now, and the day it is there."""
        version = await version_in_force(self.database, self.programme)
        return version.rules, today(version)

    async def take(
        self, actor: Actor, kind: Kind, via: str, form: Form, *, desk: str = "", account: int | None = None
    ) -> int:
        """Take an application down; return its number. Its clock begins today; what is lost is blocked."""
        new = await self.drawn_up(kind, via, form, desk=desk, account=account)

        async def job(connection: Connection) -> int:
            async with writing(connection, actor):
                number = await kept.add_application(connection, actor, self.master.vault, new)
                if kind == "duplicate" and form.lost and account is not None:
                    await granting.block_lost(connection, actor, account)
                return number

        return await self._run(job)

    async def drawn_up(
        self, kind: Kind, via: str, form: Form, *, desk: str = "", account: int | None = None
    ) -> NewApplication:
        """Return an application as it is to be taken down today. Raises RegistryRefused."""
        version = await version_in_force(self.database, self.programme)
        rules, day, vault = version.rules, today(version), self.master.vault
        form = placed(form, rules) if via == "web" else form
        known = await self._run(lambda c: find_person(c, vault, account)) if account is not None else None
        check_form(form, kind, rules, day, known)
        if account is not None:
            check_proves_more(form, kind, rules, await self._run(lambda c: entitled_until(c, account)))
        said = await self._run(lambda c: with_file(c, vault, account, form, (rules, day)))
        return NewApplication(
            self.programme,
            kind,
            via,
            msgspec.json.encode(said),
            day + timedelta(days=asked(rules).decide_days),
            desk or form.pickup,
            account,
            rules.of_second_person().applications,
            acceptance_of(form, kind, version, via),
            asked(rules).keep_days,
        )

    async def show(self, number: int) -> View:
        """Return one application. Raises NotInRegistry."""
        rules, day = await self.terms()

        async def job(connection: Connection) -> View:
            which = Which(self.programme, number)
            row = await kept.the_application(connection, which)
            files = await list_attachments(connection, which)
            accepted = await acceptances_of(connection, self.programme, [number])
            vault = self.master.vault
            view = await read_view(
                connection, vault, row, (rules, day), files=files, accepted=accepted.get(number)
            )
            return await beside_file(connection, vault, view, (rules, day))

        return await self._run(job)

    async def fee(self, view: View) -> Kept | None:
        """Return what the duplicate that is asked for wants: as it was written down once there is a card,
        before that by the rules in force. None: nothing of this kind is asked, or not yet why.
        """
        row, form = view.row, view.form
        if row["kind"] != "duplicate":
            return None
        if row["carrier"] is not None:
            return await self._run(lambda c: kept_fee(c, row))
        if row["state"] not in kept.OPEN:
            return None
        rules, _ = await self.terms()
        try:
            fee = fee_of(rules.card, form.why if form else None)
        except RegistryRefused:
            return None
        return Kept(fee.grosze, fee.old_card_needed, "", "", None, None, is_owed=False)

    async def paid(self, actor: Actor, number: int, how: PaidHow | None, seen: Seen | None = None) -> Kept:
        """Take down that the fee of a duplicate was paid, and how; None: it was not, or was given back. See
        `record_paid`. `seen`: the payment as it was shown; None: nobody was. Raises `ChangedSince`.
        """

        async def job(connection: Connection) -> Kept:
            async with writing(connection, actor):
                row = await kept.the_application(connection, Which(self.programme, number))
                if row["carrier"] is None:
                    raise RegistryRefused("there is no card yet: the fee is paid once it lies ready")
                if row["state"] == "withdrawn" and how is not None:
                    raise not_handed_over()
                if seen is not None:
                    stands = await kept_fee(connection, row)
                    check_seen(seen, {"payment": stands and stands.payment})
                return await record_paid(connection, actor, row, how)

        return await self._run(job)

    async def due(
        self,
        states: tuple[str, ...] = kept.OPEN,
        *,
        desk: str = "",
        by: str = "",
        after: tuple[date, int] = (date.min, 0),
        limit: int = 50,
    ) -> list[View]:
        """Return a page of applications, what is due first first; `desk`: what `kept.list_due` says of it."""
        rules, day = await self.terms()
        vault = self.master.vault

        async def job(connection: Connection) -> list[View]:
            rows = await kept.list_due(
                connection, self.programme, states, desk=desk, by=by, after=after, limit=limit
            )
            numbers = [row["number"] for row in rows]
            files = await attachments_of(connection, self.programme, numbers)
            accepted = await acceptances_of(connection, self.programme, numbers)
            return [
                await read_view(
                    connection, vault, row, (rules, day), files=files[number], accepted=accepted.get(number)
                )
                for number, row in zip(numbers, rows, strict=True)
            ]

        return await self._run(job)

    async def of_account(self, account: int) -> list[Any]:
        """Return the applications of a holder, the newest first, without what they say."""
        return await self._run(lambda c: kept.applications_of(c, self.programme, account))

    async def change(
        self, actor: Actor, number: int, form: Form, via: str = "desk", *, digest: str | None = None
    ) -> None:
        """Put what an application says anew; what was missing has come, `via` which way."""
        version = await version_in_force(self.database, self.programme)
        rules, day = version.rules, today(version)
        form = placed(form, rules) if via == "web" else form
        vault, which = self.master.vault, Which(self.programme, number)

        async def job(connection: Connection) -> None:
            row = await kept.the_application(connection, which)
            known = await find_person(connection, vault, row["account"]) if row["account"] else None
            check_form(form, row["kind"], rules, day, known)
            if row["account"]:
                proved = await entitled_until(connection, row["account"])
                check_proves_more(form, row["kind"], rules, proved)
            accepted = acceptance_of(form, row["kind"], version, via)
            text = kept.form_in(vault, row)
            was = None if text is None else msgspec.json.decode(text, type=Form)
            said = await with_file(connection, vault, row["account"], form, (rules, day), was=was)
            new = msgspec.json.encode(said)
            async with writing(connection, actor):
                await kept.change_form(connection, actor, vault, which, new, accepted=accepted, digest=digest)
                if row["kind"] == "duplicate" and form.lost and not (was and was.lost):
                    await granting.block_lost(connection, actor, row["account"])

        await self._run(job)

    async def keep(self, actor: Actor, number: int, kind: str, checked: Checked) -> int:
        """Keep a file that came with an application, as `check_attachment` found it to be. Raises
        UploadRefused where there are too many.

        The check takes its time on a processor: where others wait, it is done in a thread.
        """
        vault, which = self.master.vault, Which(self.programme, number)

        async def job(connection: Connection) -> int:
            if len(await list_attachments(connection, which)) >= ATTACHMENTS_MAX:
                raise UploadRefused(Why.TOO_MANY)
            file = File(kind, checked.type, checked.body)
            return await add_attachment(connection, actor, vault, which, file)

        return await self._run(job, timeout_s=UPLOAD_S_MAX)

    async def attachment(self, number: int, attachment: int) -> File:
        """Return one file of one application. Raises NotInRegistry."""
        vault, which = self.master.vault, Which(self.programme, number)
        return await self._run(lambda c: read_attachment(c, vault, which, attachment))

    async def call(self, actor: Actor, number: int, reason: str, *, digest: str | None = None) -> date:
        """Call for what is missing; the clock stands. Returns the last day to bring it."""
        _told(reason)
        rules, day = await self.terms()
        until = day + timedelta(days=asked(rules).complete_days)
        step = Step("called", reason=reason.strip(), complete_until=until)
        await self._move(actor, number, step, digest)
        return until

    async def complete(self, actor: Actor, number: int, *, digest: str | None = None) -> date:
        """Take down that what was missing has come; the clock begins anew. Returns the day it ends."""
        rules, day = await self.terms()
        due_on = day + timedelta(days=asked(rules).decide_days)
        await self._move(actor, number, Step("received", due_on=due_on), digest)
        return due_on

    async def verify(self, actor: Actor, number: int, *, digest: str | None = None) -> None:
        """Take down that an application is whole and right. Raises RegistryRefused where something lacks."""
        view = await self.show(number)
        if view.lacks:
            raise RegistryRefused("the application is not whole: {lacks}", lacks=tuple(view.lacks))

        async def job(connection: Connection) -> None:
            pesel = view.form.pesel if view.form and view.row["kind"] == "first" else ""
            vault = self.master.vault
            if pesel and await known_pesels(connection, vault, self.programme, [pesel]):
                raise RegistryRefused("pesel has an account already")
            which, seen = Which(self.programme, number), _shown(view, digest)
            await kept.move_application(connection, actor, vault, which, Step("verified"), digest=seen)

        await self._run(job)

    async def grant(self, actor: Actor, number: int, *, digest: str | None = None) -> date | None:
        """Grant an application. A renewal is done with it: returns until when the holder is entitled, or the
        card valid; else None.
        """
        view = await self.show(number)
        if view.row["kind"] != "renewal":
            await self._move(actor, number, Step("granted"), digest)
            return None
        rules, day = await self.terms()
        which, vault = Which(self.programme, number), self.master.vault

        async def job(connection: Connection) -> date:
            async with writing(connection, actor):
                seen = _shown(view, digest)
                await kept.move_application(connection, actor, vault, which, Step("granted"), digest=seen)
                until = await granting.renew(connection, actor, vault, _asked(view, rules, day))
                await kept.move_application(connection, actor, vault, which, Step("done"))
            return until

        return await self._run(job)

    async def refuse(self, actor: Actor, number: int, reason: str, *, digest: str | None = None) -> None:
        """Refuse an application; the reason is for whoever asked, and goes into the letter."""
        _told(reason)
        await self._move(actor, number, Step("refused", reason=reason.strip()), digest)

    async def withdraw(
        self, actor: Actor, number: int, via: str | None = None, note: str = "", *, digest: str | None = None
    ) -> None:
        """Take down that whoever asked asks no more; a fee that was paid is given back first. The account of
        a first card that lies ready ends with it.

        `via`: which way a desk was told (`kept.TOLD`; None: on line, by the applicant); `note`: of that, for
        the letter.
        """
        which, said = Which(self.programme, number), None if via is None else note.strip()
        step, vault = Step("withdrawn", reason=said, withdrawn_via=via), self.master.vault
        await self._run(lambda c: withdrawing.withdraw(c, actor, vault, which, step, digest=digest))

    async def remove(self, actor: Actor, number: int, via: str | None = None) -> None:
        """Remove what an application that has ended says, and its files; `via` (`kept.TOLD`): which way
        whoever asked wanted that before its days are over.
        """
        which, vault = Which(self.programme, number), self.master.vault
        await self._run(lambda c: withdrawing.remove(c, actor, vault, which, via))

    async def ready(self, actor: Actor, number: int, digits: str, *, digest: str | None = None) -> None:
        """Take down that the card made for an application lies ready, by its number. Of a first card its
        holder is added, with consents and who may act; of a duplicate the fee is written.
        """
        view = await self.show(number)
        rules, day = await self.terms()
        numbers = await self._run(lambda c: Numbers.of(c, self.master, self.programme))
        made = granting.Made(self.master, numbers, digits)
        await made.check_number(self.database)
        numbers.token(digits)

        async def job(connection: Connection) -> None:
            async with writing(connection, actor):
                await numbers.reenter(connection, actor)
                bring = granting.first_card if view.row["kind"] == "first" else granting.duplicate
                account, token = await bring(connection, actor, made, _asked(view, rules, day))
                step = Step("ready", account=account, token=token)
                which, seen = Which(self.programme, number), _shown(view, digest)
                await kept.move_application(connection, actor, self.master.vault, which, step, digest=seen)

        await self._run(job)

    async def hand_over(
        self, actor: Actor, number: int, old_card: OldCard | None = None, *, digest: str | None = None
    ) -> str:
        """Hand the card of an application over: it is valid from now on; `old_card`: of a duplicate, what
        became of the card whose place it takes. Returns its last four digits.
        """
        rules, day = await self.terms()
        which, vault = Which(self.programme, number), self.master.vault

        async def job(connection: Connection) -> str:
            async with writing(connection, actor):
                row = await kept.move_application(
                    connection, actor, vault, which, Step("collected"), digest=digest
                )
                card, validity = await card_of(connection, row), Validity(rules.card, day)
                return await granting.hand_over(connection, actor, card, validity, old_card)

        return await self._run(job)

    async def _move(self, actor: Actor, number: int, step: Step, digest: str | None) -> None:
        vault, which = self.master.vault, Which(self.programme, number)
        await self._run(lambda c: kept.move_application(c, actor, vault, which, step, digest=digest))

    async def _run(self, job: Callable[[Connection], Awaitable[T]], *, timeout_s: float = 10.0) -> T:
        async def checked(connection: Connection) -> T:
            await check_master_key(connection, self.master)
            return await job(connection)

        return await self.database.run(checked, timeout_s=timeout_s)


def _shown(view: View, digest: str | None) -> str:
    """Return the digest of what somebody was shown; where nobody was, of what was judged here."""
    seen: str = view.row["digest"] if digest is None else digest
    return seen


def _asked(view: View, rules: Rules, day: date) -> granting.Asked:
    if view.form is None:
        raise RegistryRefused("whoever asked was erased")
    return granting.Asked(view.row, view.form, rules, day)


def _told(reason: str) -> None:
    if not reason.strip():
        raise RegistryRefused("this wants a reason, which whoever asked is told")
