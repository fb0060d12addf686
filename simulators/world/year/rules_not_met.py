"""The rules that no till meets in a year, and who meets them instead.

Owns the table. The words of a rule are those of docs/rules.md.
"""

from __future__ import annotations

from typing import Final

NOT_YET: Final = "not yet: nothing of it happens in the year"
NOT_AT_A_TILL: Final = {
    ("A", "1 point costs its partner 10 gr net, no minimum, no hidden fees"): "settlement",
    (
        "A",
        "contract of at least 12 months (one that is ended sooner wants a reason, and the command "
        "says so); lease 1 zł net a month in the first year, or for all of it with other services",
    ): "settlement",
    ("A", "Main Partners: a limited number, shown first"): "the office, the public list",
    (
        "A",
        'adverts on the prints of terminals, an option that a partner buys ("reklama na drukach '
        'terminalowych"): nothing more is said of them, and of the print no more is promised than the '
        "points, which it has",
    ): "not yet",
    ("A", "newsletters, leaflets, posters, logos, the programme's web page"): "out",
    ("B", "who is eligible: permanently registered; a parent applies under 18; 16 to 18 co-sign"): "the desk",
    (
        "B",
        "issued within 14 days of a correct application, free; called to complete it; a refusal in writing",
    ): "the desk",
    (
        "B",
        "duplicate 10 zł at fault, free for changed data; none of a card whose validity is over: it "
        "is renewed first",
    ): "the desk",
    ("B", "the holder reports changed data, loss, lost entitlement, read faults"): "the desk",
    ("B", "the entitlement may be verified at any time"): "the desk",
    (
        "B",
        "a partner joins by declaration within 14 days, an agreement, a sticker, a public list",
    ): "the desk, the public list",
    ("B", "notices by phone, e-mail, SMS"): "the desk",
    (
        "B",
        "no duplicate is handed over but for the old card, or a signed declaration that it cannot be "
        "returned; the office takes down which",
    ): "the desk",
    ("B", "the fee of a duplicate is paid: when, by whom taken, how"): "the desk",
    ("C", "what is shown with an application"): "the desk",
    (
        "C",
        "whoever applies has read and accepts the rules, by the time data are handed over; "
        "an application is their acceptance",
    ): "the desk",
    ("C", "the login is the e-mail address, or another name as long"): "the holder's pages",
    ("C", "one account that goes on; whose contract ended may apply again"): "the desk",
    ("C", "consent to processing, newsletter optional"): "the desk",
    (
        "C",
        "the consent to processing is not withdrawn while the contract goes on: a resignation or the "
        "deletion of the account ends both",
    ): "the desk",
    ("C", "card and duplicate are free"): "the desk",
    ("C", "the holder's account with nine functions"): "the holder's pages",
    ("C", "renewal at a desk, on the web page, in the mobile application"): "the desk",
    ("C", "the holder keeps the card safe"): "out",
    (
        "D",
        "an application is decided, and the card ready, within 14 days where nothing is said",
    ): "the desk",
    ("D", "what is missing is brought within 7 days of the call"): "the desk",
    (
        "D",
        "what a refused or withdrawn application says is kept for 30 days where nothing is said, the same "
        "for both",
    ): "the desk",
    (
        "D",
        "a withdrawal at a desk is what whoever asked told it: a decision as a refusal is, with a letter",
    ): "the desk",
    (
        "D",
        "a correction of points wants a reason, at most 100,000 at once; a card goes below zero by it only "
        "where the programme says so",
    ): "the office",
    ("D", "which acts of the office two persons do"): "the office",
    (
        "C",
        "of a notice and an objection the earlier end holds, whichever came first; each is taken back for "
        "itself, and the other holds then",
    ): "the desk",
    ("C", "statutory reliefs stay"): "out",
    ("D", "VAT 23 % on the net sum of a document, half-up to the grosz"): "settlement",
    ("D", "the lease from month 13 has a price table"): "settlement",
    ("D", "resignation by letter on the day it is recorded"): "the desk",
    ("D", "one visit is one sale, points are per receipt"): "out",
    (
        "D",
        "a sale dated more than 5 minutes before its card was added is refused, as with a card that is not "
        "active",
    ): "not yet: the year's cards were always there",
    (
        "D",
        "`below_zero = false` refuses such a refund (60); a reversal is refused for no balance and "
        "goes below zero all the same",
    ): NOT_YET,
    (
        "D",
        "a contract is judged by its days at the till, to the second; a sale made offline by the "
        "contract of its day, and refused for good where none ran",
    ): NOT_YET,
    (
        "D",
        "a daily limit counts by the calendar's day: a use on Saturday at 1 in Friday's hours 22 to 2"
        " is one of Saturday's",
    ): NOT_YET,
    (
        "D",
        "a guardian's document stands for the photo document, also for one that an offer itself asks for",
    ): NOT_YET,
    (
        "D",
        "a holder without a date of birth is of the kinds the office names; of none, and granted what"
        " is for everybody, where it names none",
    ): NOT_YET,
    (
        "D",
        "a refund of a sale whose points are gone, spent or expired, goes below zero (`below_zero`)",
    ): NOT_YET,
    (
        "D",
        "a reversal or refund tells what is left by the limit its period's newest use was granted by,"
        " and not by one changed since",
    ): NOT_YET,
    (
        "D",
        "a sale made offline in a suspension of its programme is refused, whichever of several that was",
    ): NOT_YET,
    (
        "D",
        "late: the offer's version, its days, hours and benefits, and the period of a limit: as of "
        "the sale; what is left of a limit and of the points: as of the arrival, for the books have "
        "one order, and points end counted from when they were awarded",
    ): NOT_YET,
    (
        "D",
        "late: the card's last valid day, its own and that of a contract under notice: as it stood at"
        " the sale, so a renewal makes no sale of before good, and a notice that voids at once undoes"
        " none",
    ): NOT_YET,
    (
        "D",
        "late: a holder's flags, and the last day that proof entitles to: as they stood at the sale, "
        "so proof entitles for no day before it was brought. Of the three cities Zgierz alone asks "
        "for proof, and takes no sale made offline (§ 11)",
    ): NOT_YET,
    (
        "D",
        "late: age and kind of holder: of the day of the sale, by the date of birth as it is known "
        "now, for nobody ever had another",
    ): NOT_YET,
    (
        "D",
        "late: a campaign's days, hours, partners, end and kinds of holder: as of the sale; its "
        "flags: as of the keeper's look, which comes within a minute of the arrival",
    ): NOT_YET,
    (
        "D",
        "late: a terminal's partner and outlet: as of now, for where it stood before is not kept: a "
        "terminal is moved once what it has stored is sent. What was kept of a holder before the "
        "first time anything was: as of that first time",
    ): NOT_YET,
    (
        "D",
        "hours that the clocks leave out in spring are not there that night (an offer from 2 to 3 "
        "holds at no time of it)",
    ): NOT_YET,
    (
        "D",
        "of a card its last sixteen states are kept; a sale made before the oldest of them ended is "
        "judged by that one",
    ): NOT_YET,
    (
        "D",
        "points that have ended may be spent until the keeper's look at their card, from midnight on "
        "at 20,000 cards a minute: only the card's whole history tells which they are, and a sale "
        "does not read that",
    ): NOT_YET,
    ("D", "refunds that come to the whole give the use back, in however many parts"): NOT_YET,
    ("D", "the flag SENIOR asks for no age: who has it below 61 is granted what is for the flag"): NOT_YET,
    (
        "D",
        "who is youth and adult at 18 counts against the limits for both, so the tighter one decides",
    ): NOT_YET,
}
"""Rules that no till meets, and who meets them instead."""
