"""The metrics of the one worker that is elected to do periodic work: the work itself, and the city's figures.

Owns names and words, as `catalogue` does for every worker. Must not know values. Left out because the schema
has no source for them yet: contracts that end, applications that are due (`NOT_YET`).
"""

from __future__ import annotations

from typing import Final

from switch.metrics.declaration import Label, counter, gauge

ELECTED: Final = "in the elected worker only: take max or sum over instances"
PROGRAMME = Label("programme", "the programme's code, as in `programmes list`")
UNIT = Label("unit", "what is counted", ("points", "uses", "grosze"))
TASK = Label(
    "task",
    "a piece of periodic work",
    (
        *("expired_keys", "partner_balances", "kinds_of_holders", "notices", "quota_shares", "outbox"),
        *("adjustments", "expired_points", "contracts", "campaigns"),
        *("figures", "card_counts", "silent_terminals", "verify"),
    ),
)

KEEPER_ELECTED = gauge(
    "keeper_elected",
    "1 in the worker that does the periodic work of all, else 0",
    "No worker at 1 for a minute: balances are not rolled up and notices do not end; is Postgres there? More"
    " than one cannot be for long: the lock is one.",
)
KEEPER_LAG = gauge(
    "keeper_lag_seconds",
    "By how much a periodic job is overdue",
    "It grows: the log line `keeper_failed` names job and cause. partner_balances: a transaction of hours in"
    " Postgres (`pg_stat_activity`) holds it up.",
    TASK,
    where=ELECTED,
)
KEEPER_LAST_SUCCESS = gauge(
    "keeper_last_success_timestamp_seconds",
    "When a periodic job was done last, Unix time",
    "As cityswitch_keeper_lag_seconds.",
    TASK,
    where=ELECTED,
)

CARDS = gauge(
    "cards",
    "Cards (each plastic, ticket or code) by the status that is stored",
    "Many blocked, wanted or retained at once: `audit --object cards` says who did it. Expired is no status:"
    " it follows from a card's last day.",
    PROGRAMME,
    Label(
        "status",
        "as in docs/cards.md",
        (
            "active",
            "blocked",
            "wanted",
            "replaced",
            "ordered",
            "ready",
            "closed",
            "retained",
            "resigned",
            "void",
        ),
    ),
    where=ELECTED,
)
UNITS_ISSUED = gauge(
    "units_issued",
    "Points issued since the beginning, reversals and refunds taken off",
    "A jump: a campaign, or a partner with a wrong step. Compare partners by `ledger balance`.",
    PROGRAMME,
    Label("unit", "points alone: uses and grosze are granted by rules, not issued", ("points",)),
    where=ELECTED,
)
UNITS_USED = gauge(
    "units_used",
    "Points redeemed, uses of offers, and grosze taken off prices since the beginning, net",
    "It stands still on a trading day: see cityswitch_replies_total of Redeem and BenefitUse by result.",
    PROGRAMME,
    UNIT,
    where=ELECTED,
)
UNITS_OUTSTANDING = gauge(
    "units_outstanding",
    "Points on cards: what the programme owes their holders",
    "It is issued less used, and what the organiser gave and took; if it is not, run `ledger verify`.",
    PROGRAMME,
    Label("unit", "points alone: nothing else is kept on a card", ("points",)),
    where=ELECTED,
)
QUOTAS_NEARLY_GONE = gauge(
    "quotas_nearly_gone",
    "Limits of an offer or of a programme (not of single cards) of which 90 % or more is used in the current"
    " day, week, month or year, or for ever",
    "Tell the partner, or publish a version of the offer with a higher limit; past it terminals are told"
    " QUOTA_USED_UP.",
    PROGRAMME,
    where=ELECTED,
)
CASES_OPEN = gauge(
    "cases_open",
    "Reports of cards that wait for the organiser's decision",
    "Decide them (`cards cases`): a card stays stopped until then.",
    PROGRAMME,
    Label("kind", "what the terminal reported", ("retained", "attempt", "doubt")),
    where=ELECTED,
)
TERMINALS = gauge(
    "terminals",
    "Terminals in the registry",
    "More blocked than you know of: `audit --object terminals` says who blocked them.",
    PROGRAMME,
    Label("state", "what the registry says", ("active", "blocked")),
    where=ELECTED,
)
TERMINALS_SILENT = gauge(
    "terminals_silent",
    "Terminals that are silent for longer than usual: not heard in the last full hour, though they were in"
    " that hour one week and two weeks ago",
    "`terminals status --silent` names them, with the last failure and its true cause. All of a partner: his"
    " line. All of a city: see cityswitch_connections.",
    PROGRAMME,
    where=ELECTED,
)
TERMINAL_KEYS_EXPIRING = gauge(
    "terminal_keys_expiring",
    "Active terminals whose last usable key ends within 14 days",
    "Issue their next key (`terminals key rotate`), or have the terminal change it over the wire.",
    PROGRAMME,
    where=ELECTED,
)
RULES_PENDING = gauge(
    "rules_pending_timestamp_seconds",
    "When the next published version of the rules comes in force, Unix time",
    "A moment you do not expect: `programmes show` says which version, and who applied it.",
    PROGRAMME,
    where=f"{ELECTED}; only while a version is pending",
)
CAMPAIGN_POINTS = counter(
    "campaign_points",
    "Points of campaigns that this worker posted: given, taken back with what was undone of a sale, and those"
    " of it that the card had spent and could not give (waived)",
    "It stands still on a day of a campaign (`campaigns list`): sales count once they are rolled up, see"
    " cityswitch_keeper_lag_seconds of `partner_balances` and `campaigns`.",
    PROGRAMME,
    Label("what", "what became of the points", ("given", "taken_back", "waived")),
    where=ELECTED,
)
INVARIANT_HOLDS = gauge(
    "invariant_holds",
    "1 while an invariant of the books held wherever it was looked at, 0 once it did not",
    "0: stop and look. `ledger verify` checks all of the books and shows an example of what breaks; the log"
    " line `invariant_broken` has the one found here. It stays 0 until another worker is elected or this one"
    " is restarted.",
    Label("invariant", "what has to hold"),
    where=ELECTED,
)
VERIFY_LAST_SUCCESS = gauge(
    "verify_last_success_timestamp_seconds",
    "When a part of the books was last looked at, and all invariants held there, Unix time",
    "Older than ten minutes: see cityswitch_keeper_lag_seconds of the job `verify`, and"
    " cityswitch_invariant_holds. It is a light check: a window of accounts each minute, all of them in"
    " turn. `ledger verify` is the whole proof.",
    where=f"{ELECTED}; once it has been looked",
)
CITY_ERRORS = counter(
    "city_figures_failed",
    "Figures of the city that could not be read in time",
    "It grows: the log line `city_figure_failed` names the figure; Postgres is slow or busy. Sales come"
    " first: a figure is given up after two seconds.",
)

NOT_YET: Final = {
    "cityswitch_contracts_ending": "contracts of holders and partners have no end in the schema yet",
    "cityswitch_applications_due": "applications for cards are not kept by the switch yet",
}
"""Figures that were asked for and have no source: left out rather than made up."""
