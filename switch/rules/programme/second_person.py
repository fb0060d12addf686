"""What a rules file says of four eyes: which acts of the office two persons do.

Owns the shape of this table, and what holds where a file has none. Pure. Must not know how an act is begun
and agreed to: whoever writes it asks here, and the row that is written keeps the answer.
"""

from __future__ import annotations

from switch.rules.programme.parts import Rule


class SecondPerson(Rule, frozen=True):
    """Which acts want a second person, another one than who began: true, it is refused without one.

    What one person alone may do is still begun, looked at and agreed to in the same steps.
    """

    applications: bool = False
    month_close: bool = True
    month_documents: bool = False
    statement_corrections: bool = True
    point_corrections: bool = True
    opening_balances: bool = True
    campaigns: bool = True
    erasures: bool = True
    offers: bool = False


UNSTATED_SECOND_PERSON = SecondPerson(source=("silent: second person",))
"""Where a rules file has no [second_person]."""
