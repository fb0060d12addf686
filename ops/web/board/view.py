"""What the board shows of one look, in one language: every text and every cell, ready to be put in its place.

Owns which figure stands where. Pure. Must not know HTML: the page and its script put texts into places by
name. Invariants: a figure nobody tells reads "no data"; a small count that could name somebody is not told
exactly; no text holds a card's number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from ledger.books.posting import AccountKind
from ledger.books.verify_window import WINDOWED
from ledger.registry.overview import PartnerSeen
from ops.web.board.books import Known
from ops.web.board.coming import coming_rows
from ops.web.board.figures import TYPES, labelled, least, results, total
from ops.web.board.grid import STATES, counted, grid_of
from ops.web.board.poller import Snapshot, WorkerSeen
from ops.web.board.today import Sum
from ops.web.language import Speech
from protocol import ResultClass, ResultCode, result_class

FEW: Final = 5
CHART_ROWS: Final = 10
REFUSED: Final = frozenset({ResultClass.DECLINE, ResultClass.PICK_UP})
ABOUT_THE_CARD: Final = frozenset(
    {
        *(int(code) for code in ResultCode if code.name.startswith("CARD_")),
        int(ResultCode.ENTITLEMENT_ENDED),
        int(ResultCode.BENEFIT_NOT_FOR_CARD),
        int(ResultCode.POINTS_INSUFFICIENT),
        int(ResultCode.QUOTA_USED_UP),
    }
)
"""Refusals that tell something of the holder to who stood by."""
BY_NUMBER: Final = {int(code): code for code in ResultCode}
OK, BAD, DIM = "ok", "bad", "dim"

Cell = str | tuple[str, str]
"""A text, or a text and its tone."""
Rows = list[list[Cell]]


class View(msgspec.Struct):
    """Texts and rows by the name of their place; the tone of some places; the grid's letters."""

    number: int
    texts: dict[str, str]
    tables: dict[str, Rows]
    tones: dict[str, str]
    grid: str


def view_of(snapshot: Snapshot, speech: Speech) -> View:
    """Return what is shown of a look."""
    grid = grid_of(snapshot.known)
    status, tone = status_of(snapshot, speech)
    return View(
        number=snapshot.number,
        texts={
            "updated": speech.clock(snapshot.at_s) if snapshot.number else "–",
            "status": status,
            **_figures(snapshot, speech),
            **_notes(snapshot, speech),
            "partners_more": speech.say("partners_more", count=speech.number(grid.more)) if grid.more else "",
        },
        tables={
            "rates": _rates(snapshot, speech),
            "latency": _latency(snapshot, speech),
            "batches": _batches(snapshot, speech),
            "results": _results(snapshot, speech),
            "today": _today(snapshot.known, speech),
            "partners": [
                [speech.say(f"state_{state}"), speech.number(count)]
                for state, count in counted(grid.states).items()
            ],
            "declines": list(_declines(snapshot.known, speech)),
            "invariants": _invariants(snapshot, speech),
            "workers": list(_workers(snapshot, speech)),
            "coming": coming_rows(snapshot, speech),
        },
        tones={"status": tone},
        grid=grid.states,
    )


def status_of(snapshot: Snapshot, speech: Speech) -> tuple[str, str]:
    """Return in a sentence or two whether all is well, and its tone."""
    gone = [(number, each) for number, each in enumerate(snapshot.workers) if each.problem]
    said = []
    if snapshot.number == 0:
        return speech.say("no_data"), DIM
    if len(gone) == len(snapshot.workers):
        said.append(_gone(speech, "all_gone", *gone[0]) if gone else speech.say("no_data"))
    else:
        said += [_gone(speech, "worker_gone", number, each) for number, each in gone]
        said += [
            speech.say("not_ready", number=number)
            for number, each in enumerate(snapshot.workers)
            if each.reading is not None and each.reading.sum("cityswitch_ready") == 0
        ]
    said += [
        speech.say("broken", which=_named(name, speech))
        for name, holds in labelled(snapshot.look, "cityswitch_invariant_holds", "invariant").items()
        if holds == 0
    ]
    if snapshot.known.problem_since_s is not None:
        said.append(speech.say("books_gone", since=speech.clock(snapshot.known.problem_since_s)))
    return (" ".join(said), BAD) if said else (speech.say("all_well"), OK)


def _gone(speech: Speech, key: str, number: int, worker: WorkerSeen) -> str:
    why = speech.say(f"why_{worker.problem}")
    return speech.say(key, number=number, since=speech.clock(worker.since_s), why=why)


def _number(speech: Speech, value: float | None, digits: int = 0, unit: str = "") -> str:
    return speech.say("no_data") if value is None else speech.number(value, digits) + unit


def _ms(speech: Speech, seconds: float | None) -> str:
    return _number(speech, None if seconds is None else seconds * 1_000, 1, "\u00a0ms")


def _figures(snapshot: Snapshot, speech: Speech) -> dict[str, str]:
    rates, look = snapshot.rates, snapshot.look
    counts = results(look)
    connections = total(look, "cityswitch_connections")
    on_line = _number(speech, connections)
    tills = [
        reading.by("cityswitch_terminals", "state")["active",]
        for reading in look.values()
        if reading.samples("cityswitch_terminals")
    ]
    if connections is not None and tills:
        on_line = speech.say("of", part=on_line, whole=speech.number(max(tills)))
    declined = sum(count for code, count in counts.items() if result_class(code) in REFUSED)
    return {
        "rate": _number(speech, rates.total),
        "p50": _ms(speech, rates.p50_s),
        "p99": _ms(speech, rates.p99_s),
        "declined": speech.share(declined, sum(counts.values())) if counts else speech.say("no_data"),
        "batches_per_s": _number(speech, rates.batches),
        "batch_size": _number(speech, rates.batch_size, 1),
        "commit": _ms(speech, rates.commit_p99_s),
        "connections": on_line,
    }


def _notes(snapshot: Snapshot, speech: Speech) -> dict[str, str]:
    known, look = snapshot.known, snapshot.look
    verified = least(look, "cityswitch_verify_last_success_timestamp_seconds")
    counted_today = known.today
    return {
        "today_until": speech.say("today_until", until=speech.clock(counted_today.until_ms / 1_000))
        if counted_today
        else speech.say("today_none"),
        "declines_none": ""
        if known.declines
        else speech.say("declines_none" if known.is_read else "no_data"),
        "verified": speech.say("verified", when=speech.clock(verified))
        if verified
        else speech.say("not_verified"),
        "coming_none": "" if coming_rows(snapshot, speech) else speech.say("coming_none"),
    }


def _rates(snapshot: Snapshot, speech: Speech) -> Rows:
    by_type, whole = snapshot.rates.by_type, snapshot.rates.total
    rows: Rows = []
    for kind in TYPES:
        name = (speech.say(f"type_{kind}"), kind)
        if by_type is None or whole is None:
            rows.append([name, speech.say("no_data"), "–"])
        else:
            rows.append([name, speech.number(by_type[kind], 1), speech.share(by_type[kind], whole)])
    return rows


def _latency(snapshot: Snapshot, speech: Speech) -> Rows:
    first = 1 + len(TYPES)
    return _points(snapshot, speech, (first, first + 1))


def _batches(snapshot: Snapshot, speech: Speech) -> Rows:
    first = 3 + len(TYPES)
    return _points(snapshot, speech, (first, first + 1))


def _points(snapshot: Snapshot, speech: Speech, columns: Sequence[int]) -> Rows:
    return [
        [speech.clock(point[0] or 0.0), *(_number(speech, point[column], 1) for column in columns)]
        for point in reversed(list(snapshot.points)[-CHART_ROWS:])
    ]


def _results(snapshot: Snapshot, speech: Speech) -> Rows:
    counts = results(snapshot.look)
    rows: Rows = []
    for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if not count:
            continue
        kind = result_class(code)
        is_small = count < FEW and (kind in REFUSED or (kind is ResultClass.APPROVE and code != 0))
        shown = speech.say("few") if is_small else speech.number(count)
        tone = {ResultClass.APPROVE: OK, ResultClass.FAULT: BAD}.get(kind, "")
        rows.append([(result_text(code, speech), tone), str(code), shown])
    return rows


def result_text(code: int, speech: Speech) -> str:
    """Return what a result code means, in the words of a receipt."""
    known = BY_NUMBER.get(code)
    if known is None:
        return str(code)
    return known.text_pl if speech.language == "pl" else known.text_en


def _today(known: Known, speech: Speech) -> Rows:
    sums: Mapping[tuple[int, int], Sum] = known.today.sums if known.today else {}

    def cell(programme: int, kind: AccountKind, sign: int, digits: int = 0) -> str:
        amount, postings = sums.get((programme, kind), Sum())
        if known.today is None:
            return speech.say("no_data")
        if 0 < postings < FEW:
            return speech.say("too_few")
        return speech.number(sign * amount / 10**digits, digits)

    return [
        [
            programme.name,
            cell(programme.id, AccountKind.PARTNER_ISSUED, -1),
            cell(programme.id, AccountKind.PARTNER_REDEEMED, 1),
            cell(programme.id, AccountKind.PARTNER_USES, 1),
            cell(programme.id, AccountKind.PARTNER_DISCOUNTS, -1, 2),
        ]
        for programme in known.programmes.values()
    ]


def _shop(partner: PartnerSeen | None, code: int, speech: Speech) -> str:
    """Where somebody was refused; not told where the reason is the card or its holder, for who stands there
    knows the person.
    """
    if code in ABOUT_THE_CARD:
        return "–"
    return partner.name if partner else speech.say("unknown_partner")


def _declines(known: Known, speech: Speech) -> Iterator[list[Cell]]:
    for row in known.declines:
        terminal = known.terminals.get(row.terminal)
        partner = known.partners.get(terminal.partner) if terminal else None
        programme = known.programmes.get(partner.programme) if partner else None
        yield [
            speech.minute(row.accepted_at_ms / 1_000),
            _shop(partner, row.code, speech),
            programme.name if programme else "–",
            speech.say(f"kind_{row.kind}"),
            result_text(row.code, speech),
        ]


def _invariants(snapshot: Snapshot, speech: Speech) -> Rows:
    found = labelled(snapshot.look, "cityswitch_invariant_holds", "invariant")
    if not found:
        return [["–", (speech.say("no_data"), DIM)]]
    return [
        [_named(name, speech), (speech.say("holds"), OK) if holds else (speech.say("is_broken"), BAD)]
        for name, holds in sorted(found.items())
    ]


def _named(invariant: str, speech: Speech) -> str:
    """Return what is proved in the reader's language; one of another version of the switch as it says it."""
    return speech.say(f"invariant_{invariant}") if invariant in WINDOWED else invariant


def _workers(snapshot: Snapshot, speech: Speech) -> Iterator[list[Cell]]:
    for number, worker in enumerate(snapshot.workers):
        reading = worker.reading
        if reading is None:
            yield [str(number), (speech.say("gone"), BAD), "–", "–", "–", "–"]
            continue
        ready = reading.sum("cityswitch_ready")
        started = reading.sum("cityswitch_start_time_seconds")
        elected = reading.sum("cityswitch_keeper_elected")
        yield [
            str(number),
            (speech.say("no_data"), DIM)
            if ready is None
            else (speech.say("ready"), OK)
            if ready
            else (speech.say("unready"), BAD),
            _number(speech, reading.sum("cityswitch_connections")),
            _number(speech, reading.sum("cityswitch_in_flight")),
            speech.say("no_data") if started is None else speech.lasting(snapshot.at_s - started),
            speech.say("no_data") if elected is None else speech.say("yes" if elected else "no"),
        ]


__all__ = ["STATES", "View", "status_of", "view_of"]
