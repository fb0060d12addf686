"""The text of scenarios.json; `make published` writes it.

Owns the shape of the file and the words that tell a vendor how to play it. Invariant: the output depends on
nothing but the code.
"""

from __future__ import annotations

import json

from protocol.published import benefit_scenarios
from protocol.published.scenarios import SCENARIOS

ABOUT = [
    "Scenarios of the cityswitch wire protocol, version 1 (SPEC.md): dialogues that a terminal can play "
    "against a switch, or a switch's tests against themselves. Fields are named as in SPEC.md, section 4.",
    "Rules they count on: 1 point per full 10.00 zł, at most 20,000.00 zł; tiers 100, 250 and 500 points "
    "for 10.00, 25.00 and 50.00 zł; an advice is taken up to 7 days after its sale and 5 minutes ahead of "
    "the switch's clock.",
    "Offers they count on, of the terminal's partner and for everybody, if nothing else is said: 7 ten "
    "percent, once a day for each card; 8 5.00 zł off, not together with other discounts; 9 for families; "
    "10 over since 2020; 11 another partner's; 12 free entry. No card has a family. There is no 999.",
    "send: a request to seal and write. repeat: with the repeat bit. encoding widest: the array in its "
    "5-byte form, every int in 9 bytes, every str with a 4-byte length; else everything in its shortest "
    "form. cut: every byte in a write of its own, or in halves: one write up to the middle of each frame. "
    "together: several requests in one write.",
    "expect: the next reply; its other fields may hold anything. Replies to requests sent together come "
    "in any order. expect_closed: the switch closes without a word. reconnect: hang up, if need be, and "
    "open a new session.",
    "stan, original_stan, stan_from, stan_to and last_stan count from the beginning of a scenario: add "
    "the last STAN that the terminal has used.",
    "Names begin with $. $now is the Unix time, in seconds, at the beginning of the scenario; $now-3600 "
    "an hour before. $terminal is the number of the terminal. $card and $other are the digits of two "
    "active cards with no points, new ones for every scenario; $blocked is a blocked one, $unknown one that "
    "nobody was issued, $elsewhere one of another programme on the same switch. $any is any value. Any other "
    "name stands for the value that the first reply with it holds, the same wherever it comes again; a "
    "transaction id is above 0.",
]


def make_scenarios() -> str:
    """Return the text of scenarios.json."""
    scenarios = [
        {"name": name, "about": about, "steps": steps}
        for name, about, steps in (*SCENARIOS, *benefit_scenarios.SCENARIOS)
    ]
    return (
        json.dumps({"about": ABOUT, "version": 1, "scenarios": scenarios}, ensure_ascii=False, indent=1)
        + "\n"
    )
