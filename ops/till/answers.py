"""How the switch's answers are shown: as paper for people, as records for scripts, as an exit status.

Owns the showing. Must not know how an answer was had. Invariant: a card number is masked in all output.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ops.exit_codes import Exit
from ops.output import Row, print_fields, print_json, print_line, work_is_done
from ops.till.receipt_paper import paper
from protocol import ResultClass, ResultCode, TotalsReply, TransactionReply, VerifyReply, result_class
from simulators.till.terminal import PosTerminal
from switch.rules.filling import money
from switch.rules.programme.benefits import CHECK_ALONE, CHECK_GUARDIAN, CHECK_ID

CODES: Final = {int(code): code for code in ResultCode}


def status_of(code: int) -> Exit:
    """Return the exit status for a result code."""
    if code == ResultCode.TOTALS_DIFFER:
        return Exit.DIFFERENCES
    match result_class(code):
        case ResultClass.APPROVE:
            return Exit.OK
        case ResultClass.RETRY:
            return Exit.TRY_AGAIN
    return Exit.DECLINED


def code_name(code: int) -> str:
    """Return a code's name, or its number if it is younger than this program."""
    return CODES[code].name if code in CODES else str(code)


def code_text(code: int) -> str:
    """Return what a code means, in English."""
    return CODES[code].text_en if code in CODES else f"code {code}"


def reply_fields(reply: TransactionReply) -> Row:
    """Return a reply as a record for scripts; amounts in grosze, times in ms since 1970.

    The transaction id has 63 bits, so it is a text: common tools would round the number.
    """
    return {
        "result": code_name(reply.code),
        "code": int(reply.code),
        "class": str(result_class(reply.code)),
        "text": code_text(reply.code),
        "stan": reply.stan,
        "transaction_id": str(reply.transaction_id),
        "amount_grosze": reply.amount_grosze,
        "discount_grosze": reply.discount_grosze,
        "points": reply.points,
        "balance": reply.balance,
        "remaining": reply.remaining,
        "checks": reply.checks,
        "server_time_ms": reply.server_time_ms,
        "receipt": reply.receipt,
    }


def show_receipt(terminal: PosTerminal, reply: TransactionReply) -> None:
    """Print a reply as the terminal's printer would."""
    partner = terminal.programme.partner_name if terminal.programme else ""
    print_line(
        paper(
            reply.receipt or code_text(reply.code),
            partner=partner,
            terminal=terminal.identity.terminal,
            stan=reply.stan,
        )
    )


def show_reply(terminal: PosTerminal, reply: TransactionReply, *, as_json: bool) -> Exit:
    """Print a reply, as paper or for scripts; returns the exit status."""
    work_is_done(f"See it again with `cityswitch terminal status --stan {reply.stan}` and the card.")
    if as_json:
        print_json(dict(reply_fields(reply)))
    else:
        show_receipt(terminal, reply)
    return status_of(reply.code)


def asked(checks: int) -> Iterator[str]:
    """Return what the cashier is to see, by the bits of `checks`."""
    if checks & CHECK_ID:
        yield "see a photo document" + (", or a minor's guardian's" if checks & CHECK_GUARDIAN else "")
    if checks & CHECK_ALONE:
        yield "no other discount"


def show_verified(reply: VerifyReply, *, as_json: bool) -> Exit:
    """Print the benefits that hold for a card; returns the exit status."""
    if as_json:
        print_json(
            {
                "result": code_name(reply.code),
                "code": int(reply.code),
                "checks": reply.checks,
                "benefits": [
                    {"offer": offer, "remaining": left, "checks": checks}
                    for offer, left, checks in reply.benefits
                ],
                "benefits_next": reply.benefits_next,
                "receipt": reply.receipt,
            }
        )
        return status_of(reply.code)
    print_line(reply.receipt or code_text(reply.code))
    for offer, left, checks in reply.benefits:
        print_line(
            f"offer {offer}: " + "; ".join([f"{left} left" if left >= 0 else "no limit", *asked(checks)])
        )
    if reply.benefits_next:
        print_line(f"More: --after {reply.benefits_next}")
    return status_of(reply.code)


def show_totals(reply: TotalsReply, *, as_json: bool) -> Exit:
    """Print the switch's totals; returns the exit status."""
    work_is_done("See them again with `cityswitch terminal totals`: they begin anew after each.")
    print_fields(
        {
            "result": code_name(reply.code),
            "text": code_text(reply.code),
            **{name: getattr(reply, name) for name in reply.__struct_fields__[3:]},
        },
        as_json=as_json,
    )
    return status_of(reply.code)


def describe(terminal: PosTerminal) -> str:
    """Return one line about a signed-on terminal: its programme, partner and redemption tiers."""
    programme = terminal.programme
    assert programme is not None
    tiers = ", ".join(f"{points} = {money(value)}" for points, value in programme.tiers)
    return f"Terminal {terminal.identity.terminal} · {programme.partner_name} · {programme.programme}" + (
        f" · points for {tiers}" if tiers else ""
    )
