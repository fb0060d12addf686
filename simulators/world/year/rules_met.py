"""The rules of the three documents, each with its outcomes at a till.

Owns the table. The words of a rule are those of docs/rules.md. Must not know how a reply comes about.
"""

from __future__ import annotations

from typing import Final

from simulators.world.year import circumstances as why_
from simulators.world.year.pairs import A, B, C, Table, seen

SALES: Final = "Earn BenefitUse"
USE: Final = "BenefitUse"

MET: Final[Table] = {
    ("A", "a programme of the city beside others, one card for points and discounts"): (
        seen("points", A, "Earn", 0),
        seen("a discount", A, USE, 0),
        seen("another city's card is refused", A, SALES, 42, why_.STRANGER),
    ),
    ("A", "start 19 Dec 2016; targets 50,000 cards, 300 partners"): (
        seen("a sale before the first rules", A, "EarnAdvice BenefitAdvice", 32, why_.BEFORE_RULES),
    ),
    ("A", "the cashier swipes the card and keys what was paid; the print tells the points"): (
        seen("swiped, and printed", A, "Earn", 0, entry=1),
    ),
    ("A", "full amounts earn points: floor(paid / step), a partner's own step"): (
        seen("by the programme's step", A, "Earn", 0, without=(why_.OWN_STEP,)),
        seen("by the partner's own step", A, "Earn", 0, why_.OWN_STEP),
        seen("less than a step: no point", A, "Earn", 0, why_.BELOW_STEP),
    ),
    ("A", "tiers 100 = 10 zł, 250 = 25 zł, 500 = 50 zł at any partner"): (
        seen("100 points", A, "Redeem", 0, "tier 100"),
        seen("250 points", A, "Redeem", 0, "tier 250"),
        seen("500 points", A, "Redeem", 0, "tier 500"),
        seen("no such tier", A, "Redeem", 53),
        seen("not so many points", A, "Redeem", 60),
    ),
    ("A", "partners' own discounts and promotions beside the points"): (
        seen("granted", A, USE, 0),
        seen("a limit used up", A, USE, 61),
        seen("not at this hour", A, USE, 57),
    ),
    ("A", "one plastic, joined with the transport card: several carriers of one account"): (
        seen("points by another carrier", A, "Earn", 0, why_.CARRIER),
        seen("points spent by another carrier", A, "Redeem", 0, why_.CARRIER),
    ),
    ("A", "one card for the Senior and Rodzina+ cards of before"): (
        seen("granted to a family", A, USE, 0, "family", without=(why_.NOT_FOR,)),
        seen("granted to a senior", A, USE, 0, "old card", "senior"),
        seen("refused to others", A, USE, 56, why_.NOT_FOR),
    ),
    ("B", "the organiser, the programme, the card"): (
        seen("no points are awarded", B, "Earn", 20),
        seen("none are spent", B, "Redeem", 20),
        seen("none are told", B, "Balance", 20),
    ),
    ("B", "discounts do not combine with those of other cards, and are temporary"): (
        seen("refused until that is confirmed", B, USE, 58),
        seen("granted when it is", B, USE, 0),
        seen("refused after its last day", B, USE, 57),
    ),
    ("B", "a price above 20,000 zł is refused"): (seen("refused", B, USE, 52),),
    ("B", "valid up to two years from the day of issue; renewal is a new application"): (
        seen("good on the last day", B, USE, 0, why_.LAST_DAY),
        seen("refused on the next", B, USE, 47, why_.DAY_AFTER),
        seen("good when renewed", B, USE, 0, why_.RENEWED),
    ),
    ("B", "lost entitlement voids the card"): (seen("refused at once", B, USE, 47, why_.NOTICE_OVER),),
    ("B", "the old card is dead when the new one is handed over; a lost one is dead at once"): (
        seen("the old one is good until then", B, USE, 0, why_.OLD_BEFORE),
        seen("and not after", B, USE, 44, why_.OLD_AFTER),
        seen("a lost one is dead", B, USE, 44, why_.LOST),
        seen("the new one is not good before", B, USE, 46, why_.NEW_BEFORE),
    ),
    ("B", "identity only in doubt"): (
        seen("granted without a document", B, USE, 0, without=(why_.PHOTO, why_.GUARDIAN)),
    ),
    ("B", "only published offers count"): (
        seen("a draft is refused", B, USE, 55, why_.DRAFT),
        seen("refused before its moment", B, USE, 55, why_.COMING),
        seen("granted from then on", B, USE, 0, why_.IN_FORCE),
        seen("withdrawn is refused", B, USE, 55, why_.WITHDRAWN),
        seen("another shop's is refused", B, USE, 59, why_.OTHER_SHOP),
    ),
    ("B", "a partner may keep a misused card and reports it"): (
        seen("keep the card", B, USE, 43, why_.WANTED),
        seen("a report is taken", B, "CardReport", 0, "report 1"),
        seen("a card that was kept is refused", B, USE, 45, why_.REPORTED_KEPT, without=(why_.CONFIRMED,)),
    ),
    ("B", "a report of misuse blocks at once, a doubt opens a case"): (
        seen("an attempt blocks", B, USE, 45, why_.REPORTED_ATTEMPT, without=(why_.CONFIRMED,)),
        seen("a doubt does not", B, USE, 0, why_.REPORTED_DOUBT),
        seen("confirmed: refused", B, USE, 45, why_.CONFIRMED),
        seen("lifted: good again", B, USE, 0, why_.LIFTED),
    ),
    ("B", "the organiser blocks on lost entitlement, misuse, breach"): (
        seen("blocked", B, USE, 45, why_.BLOCKED),
        seen("void", B, USE, 45, why_.VOID),
    ),
    ("B", "suspended (comes back) and called off (for good)"): (
        seen("suspended: refused", B, USE, 30, why_.SUSPENDED),
        seen("it runs again", B, USE, 0, why_.BACK),
        seen("called off: refused", B, USE, 33, why_.CALLED_OFF),
    ),
    ("B", "changes of the rules"): (
        seen("by the old rules while announced", B, USE, 0, why_.PRICED_HIGH, why_.ANNOUNCED),
        seen("by the new from their moment on", B, USE, 52, why_.PRICED_HIGH, why_.NEW_RULES),
    ),
    ("C", "the programme"): (
        seen("no points are awarded", C, "Earn", 20),
        seen("none are spent", C, "Redeem", 20),
    ),
    ("C", "partners: the city's units, firms, clubs"): (
        seen("suspended: refused", C, USE, 31, why_.SHOP_SUSPENDED),
        seen("taken up again", C, USE, 0, why_.SHOP_BACK),
    ),
    ("C", "one card number for an account, and of one programme"): (
        seen("another programme's number", C, USE, 42, why_.STRANGER),
        seen("nobody's number", C, USE, 41, why_.NOBODY),
        seen("no number", C, USE, 40, why_.MISREAD),
    ),
    ("C", "activated at a desk after verification"): (
        seen("ordered or ready: refused", C, USE, 46, why_.ORDERED),
        seen("handed over: good", C, USE, 0, why_.HANDED_OVER),
    ),
    ("C", "active Senior cards become the option SENIOR"): (
        seen("granted to who had one", C, USE, 0, "old card", without=(why_.NOT_FOR,)),
        seen("refused to others", C, USE, 56, "old card", why_.NOT_FOR),
    ),
    ("C", "discount only after positive verification"): (
        seen("verified", C, "Verify", 0),
        seen("offline: refused", C, "BenefitAdvice", 34),
    ),
    (
        "C",
        "a guardian for minors and for adults without full legal capacity; application data, without a phone "
        "number or e-mail address no card",
    ): (seen("an adult's guardian shows a document", C, USE, 0, why_.WARD, why_.GUARDIAN),),
    ("C", "six kinds of holder; at 18 both; over 60 from the 61st birthday"): (
        *(seen(f"granted to a {name}", C, USE, 0, offer, name) for name, offer in (
            (why_.CHILD, "for children"), (why_.JUNIOR, "for juniors"), (why_.YOUTH, "for youth"),
            (why_.ADULT, "grown-up"), (why_.SENIOR, "over 60"),
        )),
        seen("granted to a family", C, USE, 0, "family", without=(why_.NOT_FOR,)),
        seen("at 18 what youth have", C, USE, 0, why_.AT_18, "for youth"),
        seen("at 18 what adults have", C, USE, 0, why_.AT_18, "grown-up"),
        seen("at 60 not what seniors have", C, USE, 56, why_.AT_60, "over 60"),
        seen("on the birthday, of the new kind", C, USE, 0, why_.BIRTHDAY),
        seen("on the birthday, no more of the old", C, USE, 56, why_.BIRTHDAY),
        seen("the day before, of the old kind", C, USE, 0, why_.EVE),
        seen("the day before, not yet of the new", C, USE, 56, why_.EVE),
    ),
    ("C", "card and photo document each time; of a minor without one the guardian's"): (
        seen("refused without", C, USE, 58, why_.WITHOUT_DOCUMENT),
        seen("granted with it", C, USE, 0, why_.PHOTO),
        seen("granted with a guardian's, of a child", C, USE, 0, why_.GUARDIAN, why_.CHILD),
        seen("granted with a guardian's, of a youth", C, USE, 0, why_.GUARDIAN, why_.YOUTH),
    ),
    ("C", "no card in the hand, no discount"): (seen("keyed: refused", C, USE, 49, entry=4),),
    ("C", "discounts limited in number, per period, per kind of service"): (
        seen("a card's limit is used up", C, USE, 61, why_.QUOTA_CARD),
        seen("an offer's limit is used up", C, USE, 61, why_.QUOTA_OFFER),
        seen("the programme's limit is used up", C, USE, 61, why_.QUOTA_PROGRAMME),
        seen("granted in the next period", C, USE, 0, why_.NEXT_PERIOD),
        seen("a use given back is used again", C, USE, 0, why_.GIVEN_BACK),
    ),
    ("C", "no end of the card; entitled until 31 May, on proof for the year before"): (
        seen("granted on 31 May", C, USE, 0, why_.MAY_31),
        seen("refused on 1 June", C, USE, 48, why_.JUNE_1),
        seen("granted on 1 June to who has proved", C, USE, 0, why_.PROVED),
        seen("an old proof renews nothing", C, USE, 48, why_.OLD_PROOF),
        seen("granted again after a late proof", C, USE, 0, why_.LATE_PROOF),
    ),
    ("C", "applications of 1 January to 30 April 2024: last valid day 31 May 2024"): (
        seen("refused after it without a proof", C, USE, 48, why_.TRANSITION),
    ),
    ("C", "who may block, by which channel; a block acts at once"): (
        seen("refused at once", C, USE, 45, why_.BLOCKED),
        seen("good when taken up again", C, USE, 0, why_.UNBLOCKED),
    ),
    ("C", "deleting the account blocks the card and ends the contract"): (
        seen("refused", C, USE, 45, why_.CLOSED),
    ),
    ("C", "a duplicate on application, collected in person"): (
        seen("refused before", C, USE, 46, why_.NEW_BEFORE),
        seen("good when handed over", C, USE, 0, why_.DUPLICATE),
        seen("the old one is not", C, USE, 44, why_.OLD_AFTER),
    ),
    ("C", "resignation takes effect the day it is filed; the account goes with it"): (
        seen("refused that day", C, USE, 45, why_.RESIGNED),
    ),
    ("C", "gross breach: void at once"): (seen("refused at once", C, USE, 45, why_.VOID),),
    ("C", "lost entitlement: one month's notice"): (
        seen("good meanwhile", C, USE, 0, why_.NOTICE),
        seen("good on its last day", C, USE, 0, why_.NOTICE_LAST),
        seen("refused on the next", C, USE, 47, why_.NOTICE_OVER),
    ),
    (
        "C",
        "changes published seven days ahead: days of the calendar, so what is published on the 5th, "
        "at whatever hour, may hold from the 12th",
    ): (
        seen("by the old rules while announced", C, USE, 0, why_.ANNOUNCED),
        seen("by the new from their moment on", C, USE, 0, why_.NEW_RULES),
        seen("a worse offer is as it was for a week", C, USE, 0, why_.WORSE_SOON),
        seen("and then is worse", C, USE, 0, why_.WORSE_NOW),
    ),
    (
        "C",
        "an objection ends the contract the day before: in writing, on the web, at a desk, by post, while a "
        "change is announced",
    ): (
        seen("good on that day", C, USE, 0, why_.OBJECTED_LAST),
        seen("refused on the next", C, USE, 47, why_.OBJECTED_OVER),
    ),
    ("C", "reliefs do not add up"): (
        seen("refused until it is confirmed that there is no other", C, USE, 58, why_.WITHOUT_ALONE),
        seen("granted alone", C, USE, 0),
    ),
    ("C", "a price above 20,000 zł is refused"): (seen("refused", C, USE, 52),),
    ("C", "data protection, anonymisation; each organiser sees its own alone"): (
        seen("of another city's card nothing is told", C, USE, 42, why_.STRANGER),
    ),
}  # fmt: skip
