"""The defaults where the documents are silent, each with its outcomes at a till.

Owns the table. The words of a rule are those of docs/rules.md. Must not know how a reply comes about.
"""

from __future__ import annotations

from typing import Final

from simulators.world.year import circumstances as why_
from simulators.world.year.pairs import EVERYWHERE, A, B, C, Table, seen

SALES: Final = "Earn BenefitUse"
USE: Final = "BenefitUse"
ADVICE: Final = "EarnAdvice BenefitAdvice"

DEFAULTS_MET: Final[Table] = {
    (
        "D",
        "days end at midnight in the programme's zone; hours on its wall clock, both passes of a repeated "
        "hour",
    ): (
        seen("granted in the first pass", EVERYWHERE, USE, 0, why_.HOUR_ONCE, "small hours"),
        seen("granted in the second", EVERYWHERE, USE, 0, why_.HOUR_TWICE, "small hours"),
        seen("refused at both ends of the hour left out", EVERYWHERE, USE, 57, why_.SPRING, "small hours"),
        seen("past midnight it is the next day", EVERYWHERE, USE, 0, why_.AFTER_MIDNIGHT),
        seen("a night's hours go past midnight", EVERYWHERE, USE, 0, "night"),
        seen("refused out of its hours", EVERYWHERE, USE, 57, "night"),
    ),
    (
        "D",
        "terms end on the day of the same number, included; 29 February is the 28th in other years (Civil "
        "Code, art. 112)",
    ): (
        seen("good on the last day of a shorter month", C, USE, 0, why_.NOTICE_LAST, why_.SHORT_MONTH),
        seen("and not after", C, USE, 47, why_.NOTICE_OVER, why_.SHORT_MONTH),
        seen("a birthday of 29 February, in another year", C, USE, 0, why_.LEAP, only_in="common"),
        seen("on 29 February", EVERYWHERE, SALES, 0, why_.LEAP_DAY, only_in="leap"),
    ),
    (
        "D",
        "a sale made offline is judged by its own time, within 7 days and 5 minutes (7 × 86,400 s, "
        "also where clocks change); past them it is refused for good, also while its partner is "
        "suspended; within them it waits for the end of that suspension",
    ): (
        seen("points, sold before a block", A, "EarnAdvice", 0, why_.SOLD_BEFORE_BLOCK),
        seen("a benefit, sold before a block", A, "BenefitAdvice", 0, why_.SOLD_BEFORE_BLOCK),
        seen("refused, sold after it", A, ADVICE, 45, why_.SOLD_AFTER_BLOCK),
        seen("by the rules of its time", A, "EarnAdvice", 0, why_.SOLD_BY_OLD_RULES),
        seen("refused, sold while the programme rested", A, ADVICE, 30, why_.SOLD_IN_REST),
        seen("too old", EVERYWHERE, ADVICE, 32, why_.TOO_OLD),
        seen("ahead of its time", EVERYWHERE, ADVICE, 32, why_.AHEAD),
        seen("kept while the programme or the shop rests", EVERYWHERE, ADVICE, 13),
        seen("taken after that", A, ADVICE, 0, why_.KEPT_FOR_NOW),
    ),
    ("D", "changes are published 7 days ahead in every programme; a bit keeps its meaning"): (
        seen("by the old rules while announced", (A, B), SALES, 0, why_.ANNOUNCED),
        seen("by the new from their moment on", (A, B), SALES, 0, why_.NEW_RULES),
    ),
    ("D", "cards may be keyed where nothing is said"): (
        seen("keyed, for points", A, "Earn", 0, entry=4),
        seen("keyed, for a benefit", (A, B), USE, 0, entry=4),
    ),
    ("D", "a terminal is asked to keep a card in Żywiec only"): (
        seen("elsewhere a wanted card is refused", (A, C), SALES, 45, why_.WANTED),
    ),
    ("D", "cards have no end where nothing is said"): (seen("used", A, SALES, 0),),
    ("D", "a duplicate keeps last valid day, flags, account; a new number; free without fault"): (
        seen("points go to the same account", A, "Earn", 0, why_.DUPLICATE),
        seen("points of the old plastic are spent", A, "Redeem", 0, why_.DUPLICATE),
        seen("the duplicate is good", EVERYWHERE, SALES, 0, why_.DUPLICATE),
    ),
    ("D", "reports of misuse are taken in Żywiec only; the clock of a case: the desk"): (
        seen("elsewhere none is taken", (A, C), "CardReport", 20),
        seen("the same report again is the same", B, "CardReport", 0, why_.AGAIN),
        seen("another under its number is not", B, "CardReport", 21, why_.OTHER_BODY),
    ),
    ("D", "an amount above 20,000 zł is refused"): (
        seen("refused", A, "Earn", 52),
        seen("nothing is refused", A, "Earn", 50),
        seen("less than nothing is refused", A, "Earn", 51),
    ),
    ("D", "a price above 20,000 zł is refused"): (
        seen("refused", A, USE, 52),
        seen("no price is refused where one is needed", EVERYWHERE, USE, 50),
        seen("less than nothing is refused", EVERYWHERE, USE, 51),
    ),
    ("D", "points never expire, or so many months after they were awarded, the oldest spent first"): (
        seen("points of the season before are spent", A, "Redeem", 0, why_.SAVED_LONG),
    ),
    ("D", "goods that earn no points are named on the receipt"): (
        seen("named since the rules say so", A, "Earn", 0, why_.NEW_RULES),
    ),
    (
        "D",
        "a benefit that would take nothing off (a fixed price that is not below the sale's, a percentage "
        "or the second one of a few grosze) is refused (63), on line, off line and in a quote, and takes no "
        "use of any limit; what is worth something without a price, an entry or a privilege, is granted "
        "and counted. Less than a step earns no point, and the sale is taken down as any: that uses up "
        "nothing",
    ): (
        seen("refused, of a fixed price", EVERYWHERE, USE, 63, "yearly"),
        seen("a privilege is granted", EVERYWHERE, USE, 0, "queue"),
        seen("a free entry is granted", EVERYWHERE, USE, 0, "once"),
        seen("less than a step", A, "Earn", 0, why_.BELOW_STEP),
    ),
    ("D", "one tier a redemption, the smallest 100; no rebate above what is to pay"): (
        seen("refused above what is to pay", A, "Redeem", 62),
        seen("no tier but these", A, "Redeem", 53),
        seen("less than nothing to pay is refused", A, "Redeem", 51),
    ),
    ("D", "a refund leaves floor((paid − refunds) / step) points; below zero by setting"): (
        seen("a part", EVERYWHERE, "Refund", 0, why_.PART),
        seen("all that is left", EVERYWHERE, "Refund", 0, why_.WHOLE),
        seen("of what cost nothing", EVERYWHERE, "Refund", 0, why_.OF_NOTHING),
        seen("at another till of the shop", EVERYWHERE, "Refund", 0, why_.OTHER_TILL),
        seen("another shop's sale is none", EVERYWHERE, "Refund", 27),
        seen("more than the sale is refused", EVERYWHERE, "Refund", 54),
        seen("nothing of what was paid is refused", EVERYWHERE, "Refund", 50),
        seen("less than nothing is refused", EVERYWHERE, "Refund", 51),
        seen("of another card's sale is refused", EVERYWHERE, "Refund", 22, why_.OTHER_CARD),
        seen("below zero, while the rules allow it", A, "Refund", 0, why_.BELOW_ZERO),
        seen("and refused when they do not", A, "Refund", 60, why_.BELOW_ZERO),
    ),
    ("D", "a refund of a refund or a reversal is refused; a reversal posts what refunds have left"): (
        seen("the refund of a refund", EVERYWHERE, "Refund", 26, why_.OF_A_REFUND),
        seen("the refund of what was reversed", EVERYWHERE, "Refund", 26, why_.OF_A_REVERSED),
        seen("the reversal of a refund", EVERYWHERE, "Reversal", 23, why_.OF_A_REFUND),
        seen("the reversal of a reversal", EVERYWHERE, "Reversal", 23, why_.OF_A_REVERSAL),
        seen("what a refund has left is reversed", EVERYWHERE, "Reversal", 0, why_.PARTLY_REFUNDED),
        seen("reversed", EVERYWHERE, "Reversal", 0),
        seen("reversed already", EVERYWHERE, "Reversal", 2, why_.OF_A_REVERSED),
        seen("what never arrived", EVERYWHERE, "Reversal", 1, why_.UNSEEN),
        seen("and is refused when it does", EVERYWHERE, "Earn", 24, why_.UNSEEN),
        seen("of another card is refused", EVERYWHERE, "Reversal", 22, why_.OTHER_CARD),
    ),
    ("D", "a redeeming partner is credited the rebate, without VAT"): (
        seen("the value of the tier", A, "Redeem", 0),
    ),
    ("D", "no document is asked for where nothing is said"): (
        seen("granted with nothing confirmed", A, USE, 0, why_.NOTHING_CONFIRMED),
        seen("refused where an offer asks for one", A, USE, 58, "queue"),
    ),
    ("D", "only published offers count where nothing is said"): (
        seen("a draft is refused", (A, C), USE, 55, why_.DRAFT),
        seen("refused before its moment", (A, C), USE, 55, why_.COMING),
        seen("granted from then on", (A, C), USE, 0, why_.IN_FORCE),
        seen("withdrawn is refused", (A, C), USE, 55, why_.WITHDRAWN),
    ),
    ("D", "partners' discounts may be combined where nothing is said"): (
        seen("granted without a word", A, USE, 0, without=("strict",)),
        seen("refused where an offer stands alone", A, USE, 58, "strict"),
    ),
    ("D", "benefits offline where nothing speaks against it, and not in doubt"): (
        seen("granted offline", A, "BenefitAdvice", 0),
        seen("refused elsewhere", (B, C), "BenefitAdvice", 34),
    ),
    ("D", "receipts in Polish and English; another language: the programme's first"): (
        seen("in Polish", EVERYWHERE, "SignOn", 0, "in pl"),
        seen("in English", EVERYWHERE, "SignOn", 0, "in en"),
        seen("in another one", EVERYWHERE, "SignOn", 0, "in de"),
    ),
    (
        "D",
        "late: the rules of the programme, with their steps, largest amounts, ways to read a card and"
        " what is granted offline: as of the sale, for holder and cashier acted by them",
    ): (
        seen("by the rules of its time", A, "EarnAdvice", 0, why_.SOLD_BY_OLD_RULES),
    ),
    (
        "D",
        "late: the card's status (blocked, wanted, replaced): as of the sale by the till's own clock,"
        " not cut at now, so that a clock set back undoes no block",
    ): (
        seen("points, sold before a block", A, "EarnAdvice", 0, why_.SOLD_BEFORE_BLOCK),
        seen("refused, sold after it", A, ADVICE, 45, why_.SOLD_AFTER_BLOCK),
    ),
    (
        "D",
        "late: the state of the programme and the contracts of the partner: as of the sale",
    ): (
        seen("refused, sold while the programme rested", A, ADVICE, 30, why_.SOLD_IN_REST),
    ),
    (
        "D",
        "late: a partner's suspension by the office: as of now. The terminal keeps its sales while it"
        " lasts, and what was sold in it counts afterwards: the holder could not know of it, and the "
        "partner pays for the points. A partner's own step: as of now; it never changes, for partners"
        " are entered once",
    ): (
        seen("taken after that", A, ADVICE, 0, why_.KEPT_FOR_NOW),
    ),
    (
        "D",
        "late: the terminal's clock may lie, and the bounds of that are: 7 days back, 5 minutes ahead"
        " (then judged as now), not before the first rules, not more than 5 minutes before the card "
        "was added; the journal has both times",
    ): (
        seen("too old", EVERYWHERE, ADVICE, 32, why_.TOO_OLD),
        seen("ahead of its time", EVERYWHERE, ADVICE, 32, why_.AHEAD),
    ),
}  # fmt: skip
