"""The reference of four eyes: which acts want a second person, by which key of a programme's rules file.

Owns the words and how the page looks; keys and defaults are read off `switch.rules.programme`. Must not know
how an act is held to it. Invariant: every key has its words, and nothing else has any.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from switch.rules.programme import UNSTATED_SECOND_PERSON


class Act(NamedTuple):
    """What an act is, who begins it and who agrees, and where the database holds it."""

    what: str
    how: str
    held_by: str


ACTS: Final = {
    "applications": Act(
        "An application is granted, refused, or withdrawn at a desk.",
        "Whoever looked at it last does not decide, nor does anybody before somebody has looked; whoever "
        "decides has the role verifier.",
        "`people.check_application`",
    ),
    "month_close": Act(
        "A month is closed for ever.",
        "Desk: one proposes, another approves. Command: `settlement close --second`.",
        "`registry.check_proposal`, `registry.check_period`",
    ),
    "month_documents": Act(
        "Invoices, corrections of invoices and notes of a closed month are issued.",
        "Desk: one proposes, another approves. Command: `invoices make --second`.",
        "`registry.check_invoice_number`",
    ),
    "statement_corrections": Act(
        "A partner's account is corrected by a sum, in an open month.",
        "Desk: one proposes, another approves. Command: `settlement correct --second`.",
        "`registry.check_proposal`, `registry.refuse_closed_month`",
    ),
    "point_corrections": Act(
        "The points of a card are changed by hand.",
        "One proposes, another approves and says what it comes to, at the desk or by `adjust`.",
        "`registry.decide_adjustment`",
    ),
    "opening_balances": Act(
        "Balances are taken over from an old system.",
        "One proposes the file, another approves and says what it comes to, at the desk or by `adjust`.",
        "`registry.decide_adjustment`",
    ),
    "campaigns": Act(
        "A campaign is entered, or ended early.",
        "Command: `campaigns add --second`, `campaigns end --second`.",
        "`registry.check_campaign`, `registry.end_campaign`",
    ),
    "erasures": Act(
        "A holder is anonymised at the desk (on the web holders do it themselves).",
        "One proposes, another approves.",
        "`registry.check_proposal`",
    ),
    "offers": Act(
        "Offers are published, or withdrawn.",
        "Desk: one proposes, another sees what the list then says and approves. "
        "Command: `offers publish --second`, `offers withdraw --second`.",
        "`registry.check_proposal`, `registry.check_offer`",
    ),
}
PAGE: Final = """# Four eyes

<!-- Made by `make references` of ops/deploy/second_person.py: do not edit. -->

Which acts of the office two persons do is each programme's to say, in the table `[second_person]` of its
rules file; like every rule it holds from the moment its version does, and is published before.

```toml
[second_person]
source = ["the organiser's order no. 8"]
campaigns = false
month_documents = true
```

With `true` the act is refused without a second person: another one than who began it, and capitals, spaces
and forms of letters make no other. With `false` one person does it in the same steps: what is proposed is
still looked at and approved, with its sum where it has one. What was wanted on the day an act was begun stays
with its row (`second_needed`), and the database holds it, whatever writes.

| key | act | who agrees, and how | where nothing is said | the database |
| --- | --- | --- | --- | --- |
"""
LOOKED: Final = """
## Who has looked at an application

An application keeps which officer looked at it last (`looked_by`): took it down at a desk or from the post,
verified it, or called for what is missing. Neither the call nor that it was completed clears that, so whoever
verifies, calls and then refuses does not do it alone. What came by the web or the API has been looked at by
nobody, and is refused by nobody until somebody verifies it or calls; whoever applied looks at nothing.

- Two officers have looked at each application that was decided, and whoever decided is not the one who looked
  last before. Where one verified it and another called, the first may refuse it: they are two.
- What is granted is what the other one verified, to the letter: once it is verified nothing of it changes.
- What is refused may hold more than the other one saw: what came with a call is seen by who refuses, for
  what cannot be verified has to be refusable once its days are over.
- To withdraw on line is the applicant's, and wants no second person. A withdrawal that a desk takes down is a
  decision as a refusal is: it says which way it was told (in person, by letter, by telephone, by e-mail, by a
  message), another one than who looked last takes it down, and the applicant is sent a letter of it.
- What a refused or withdrawn application says is kept for its days (`[applications] keep_days`). Before they
  are over it is removed where whoever asked told the desk so, and always by another person than who ended it
  (`people.check_removal`), whatever the rules say. An erasure is an act of its own.
"""


def second_person_page() -> str:
    """Return the page."""
    unsaid = UNSTATED_SECOND_PERSON
    rows = (
        f"| `{key}` | {act.what} | {act.how} | `{str(getattr(unsaid, key)).lower()}` | {act.held_by} |\n"
        for key, act in ACTS.items()
    )
    return PAGE + "".join(rows) + LOOKED
