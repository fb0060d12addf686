"""The holder's card: what it is good for, until when, what it was used for, how it is stopped.

Owns the pages of Zgierz § 19 that are about the card. Must not know SQL. Invariant: everything is of the
account of whoever has signed in; no path or field names another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.books.counter import ROWS_MAX, CounterRow
from ledger.errors import RegistryRefused
from ledger.registry.card_states import CardStatus
from ops import written
from ops.office.kept import Kept
from ops.office.self_service import OwnCard, SelfService
from ops.web.documents import CSV, PDF, to_keep
from ops.web.holder.counter_files import Line, as_csv, as_pdf
from ops.web.holder.words import HOLDER
from ops.web.identity.person import HOLDERS, actor_of, office_of, person_of, require
from ops.web.identity.signing_in import Door
from ops.web.language import Speech
from ops.web.numbers import figures
from ops.web.pages import Pages

PAGE_ROWS: Final = 25
FILE_NAME: Final = "licznik-korzysci"
LIST_S: Final = 2.0
"""A list of offers, which takes longer to make than all other pages, may be so old."""
BLOCK_REASON: Final = "asked for on the web (Zgierz § 24)"


def service_of(request: Request) -> SelfService:
    """Return the office of whoever has signed in as a holder."""
    person, office = person_of(request), office_of(request)
    assert person is not None
    assert person.account is not None
    return SelfService(office.database, office.master, person.programme, person.account)


def speech_of(request: Request) -> Speech:
    """Return the language of a request, in the time zone of its holder's programme."""
    return Speech(request.state.language, HOLDER, request.state.zone)


class CardPages:
    """Overview, offers, counter, block."""

    def __init__(self, pages: Callable[[], Pages], door: Door) -> None:
        self._pages = pages
        self._door = door
        self._lists: Kept[Markup] = Kept(LIST_S)

    def routes(self) -> list[Route]:
        """Return what these pages answer to."""
        return [
            Route("/me", self.overview),
            Route("/me/block/{place}", self.ask_block),
            Route("/me/block/{place}", self.block, methods=["POST"]),
            Route("/me/offers", self.offers),
            Route("/me/history", self.history),
            Route("/me/history.csv", self.history_csv),
            Route("/me/history.pdf", self.history_pdf),
        ]

    @require(*HOLDERS)
    async def overview(self, request: Request) -> Response:
        """Show the cards and until when the holder is entitled."""
        view = await service_of(request).overview()
        person = person_of(request)
        is_proxy = person is not None and person.acts_as == "proxy"  # sees what it is to act on, no more
        language = request.state.language
        say = speech_of(request).say
        until = written.day(view.entitled_until, language)
        if view.has_ended:
            entitled = say("h_entitled_over")
        elif not view.is_proof_needed:
            entitled = say("h_entitled_free")
        elif view.entitled_until is None:
            entitled = say("h_entitled_none")
        else:
            entitled = until if view.is_entitled else say("h_entitled_not", day=until)
        return self._pages().render(
            request,
            "holder_me.html",
            programme=view.rules.programme.name,
            cards=[_told(card, say, language) for card in view.cards],
            entitled=entitled,
            kinds="" if is_proxy else ", ".join(n.get(language, "") for n in (*view.kinds, *view.flags)),
            points=view.points if (view.rules.earn or view.rules.redeem) and not is_proxy else None,
            notice=written.day(view.contract_ends_on, language) if view.contract_ends_on else "",
            endings=[] if is_proxy else [_ending(row, speech_of(request)) for row in view.endings],
            change=written.day(view.change.holds_from, language)
            if view.change and view.may_object() and not is_proxy
            else "",
            done=request.query_params.get("done", ""),
            may_renew=view.is_proof_needed and not view.is_entitled and not view.has_ended,
            is_blocked=any(card.status.name == "BLOCKED" for card in view.cards),
            may_ask_duplicate=not is_proxy,
        )

    @require(*HOLDERS)
    async def ask_block(self, request: Request) -> Response:
        """Ask whether it is meant; one that is blocked already is said to be."""
        card = await _own(request)
        if card.status is CardStatus.BLOCKED:
            return _blocked(request)
        return self._pages().render(request, "holder_block.html", card=card)

    @require(*HOLDERS)
    async def block(self, request: Request) -> Response:
        """Block it, at once; of one that is blocked already it is taken down that its holder says so, too."""
        person, card = person_of(request), await _own(request)
        assert person is not None
        if card.status is CardStatus.BLOCKED and not await self._door.may_write(
            office_of(request), person.login
        ):
            return _blocked(request)  # it is blocked, and the trail says often enough that its holder says so
        try:
            await service_of(request).block(actor_of(person, BLOCK_REASON), card.place)
        except RegistryRefused:  # it has become something else since it was looked at
            raise HTTPException(404) from None
        return _blocked(request)

    @require(*HOLDERS)
    async def offers(self, request: Request) -> Response:
        """Show the prices, discounts and promotions of now."""
        service, language = service_of(request), request.state.language
        listed = await self._lists.get(
            (service.programme, language), lambda: self._offer_list(request, service)
        )
        return self._pages().render(request, "holder_offers.html", listed=listed)

    async def _offer_list(self, request: Request, service: SelfService) -> Markup:
        language = request.state.language
        rules, partners = await service.offers(language)
        speech = speech_of(request)
        told = [speech.say("h_earn", step=speech.zloty(rules.earn.step_grosze))] if rules.earn else []
        for tier in rules.redeem.tiers if rules.redeem else ():
            value = speech.zloty(tier.value_grosze)
            points = speech.counted(tier.points, "h_tier_points")
            told.append(speech.say("h_tier", points=points, value=value))
        return self._pages().part(language, "holder_offer_list.html", rules=told, partners=partners)

    @require(*HOLDERS)
    async def history(self, request: Request) -> Response:
        """Show a page of the counter of benefits."""
        number = _page_number(request)
        service = service_of(request)
        rows = await service.counter(newer=number * PAGE_ROWS, limit=PAGE_ROWS + 1)
        lines, _ = await self._lines(request, service, rows[:PAGE_ROWS])
        return self._pages().render(
            request,
            "holder_history.html",
            lines=lines,
            number=number,
            has_more=len(rows) > PAGE_ROWS and (number + 1) * PAGE_ROWS <= ROWS_MAX,
        )

    @require(*HOLDERS)
    async def history_csv(self, request: Request) -> Response:
        """Give all of it as CSV."""
        service = service_of(request)
        lines, speech = await self._lines(request, service, await service.whole_counter())
        return to_keep(as_csv(lines, speech), f"{FILE_NAME}.csv", CSV)

    @require(*HOLDERS)
    async def history_pdf(self, request: Request) -> Response:
        """Give it as a tagged PDF."""
        service = service_of(request)
        lines, speech = await self._lines(request, service, await service.whole_counter())
        view = await service.overview()
        last4 = view.cards[-1].last4 if view.cards else ""
        texts = {
            "title": speech.say("h_history"),
            "programme": view.rules.programme.name,
            "whose": speech.say("h_whose", last4=last4),
            "made": speech.say("h_made", at=speech.moment(datetime.now(UTC))),
        }
        return to_keep(await as_pdf(lines, speech, texts), f"{FILE_NAME}.pdf", PDF)

    async def _lines(
        self, request: Request, service: SelfService, rows: Sequence[CounterRow]
    ) -> tuple[list[Line], Speech]:
        speech = speech_of(request)
        names = await service.offer_names({row.offer for row in rows} - {0}, request.state.language)
        return [_line(row, speech, names) for row in rows], speech


def _line(row: CounterRow, speech: Speech, names: dict[int, str]) -> Line:
    kind = f"h_kind_{row.kind}"
    return Line(
        speech.moment(datetime.fromtimestamp(row.at_ms / 1_000, UTC)),
        speech.say(kind if kind in HOLDER else "h_kind_other"),
        speech.say("h_approved" if row.code == 0 else "h_declined"),
        row.partner_name,
        row.outlet_name,
        names.get(row.offer, ""),
        _amount(row.amount_grosze, speech),
        _amount(row.discount_grosze, speech),
        str(row.points) if row.points else "",
        str(row.balance),
    )


def _ending(row: Any, speech: Speech) -> dict[str, str]:
    return {
        "kind": f"h_ending_{row['kind']}",
        "given": written.day(row["given_on"], speech.language),
        "ends": written.day(max(row["ends_on"], row["given_on"]), speech.language),
        "withdrawn": speech.moment(row["withdrawn_at"]) if row["withdrawn_at"] else "",
    }


def _amount(grosze: int, speech: Speech) -> str:
    return speech.number(grosze / 100, 2) if grosze else ""


def _told(card: OwnCard, say: Callable[..., str], language: str) -> dict[str, Any]:
    is_over = card.is_over and card.status.name == "ACTIVE"
    return {
        "place": card.place,
        "last4": card.last4,
        "state": say("h_st_over" if is_over else f"h_st_{card.status.name.lower()}"),
        "valid": written.day(card.valid_until, language) if card.valid_until else say("h_no_end"),
        "may_block": card.may_block,
    }


async def _own(request: Request) -> OwnCard:
    """Return the card of an address that can be blocked, or is. Raises 404."""
    view = await service_of(request).overview()
    for card in view.cards:
        can = card.may_block or card.status is CardStatus.BLOCKED
        if card.place == request.path_params["place"] and can:
            return card
    raise HTTPException(404)


def _blocked(request: Request) -> Response:
    return RedirectResponse(f"/{request.state.language}/me?done=block", status_code=303)


def _page_number(request: Request) -> int:
    page = figures(request.query_params.get("page", "0"), ROWS_MAX // PAGE_ROWS)
    if page is None:
        raise HTTPException(404)
    return page
