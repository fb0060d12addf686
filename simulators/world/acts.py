"""What happens in a world besides trade: acts of the office, and faults that come at moments of their own.

Owns what happens when, in operations done. Must not know how an act is done (desk, machines and clock do).
Invariants: a shorter run has the beginning of what a longer one has; `reopen` undoes whatever keeps a
terminal from settling.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from simulators.world.cities import City, own, terms, wide
from simulators.world.desk import Desk
from simulators.world.facts import ACTIVE, BLOCKED, WANTED
from simulators.world.faults import Fault, Faults
from simulators.world.machines import Machine
from simulators.world.scheduling import ZONE, WallClock

ACTS_PER_OPERATION: Final = 1 / 40
AWAY_S: Final = (0.5, 3.0, 8.0, 20.0)
_PERCENTS: Final = ("5", "10", "33", "50")

ACTS: Final = (
    "act_card_moved",
    "act_offer_published",
    "act_offer_withdrawn",
    "act_partner_suspended",
    "act_programme_suspended",
    "act_rules_applied",
    "act_step_set",
    "act_terminal_blocked",
)
"""What the office does; each is counted by its name."""

Action = Callable[[], None]


class Acts:
    """The acts of one world of so many operations, and who does them."""

    def __init__(
        self,
        seed: str,
        operations: int,
        *,
        faults: Faults,
        wall: WallClock,
        desk: Desk,
        cities: Sequence[City],
        machines: Sequence[Machine],
    ) -> None:
        self._rng, plan = random.Random(f"{seed}:acts"), random.Random(f"{seed}:plan")
        self._faults = faults
        self._wall = wall
        self._desk = desk
        self._cities = cities
        self._machines = machines
        self._stopped: dict[str, Action] = {}
        """How to undo what keeps somebody from trading, by a name of it."""
        self._offers = 100
        self._due: list[tuple[int, int, Action]] = []
        deeds: tuple[Action, ...] = (
            self._move_card, self._move_card, self._move_card, self._block_terminal, self._suspend_partner,
            self._suspend_programme, self._apply_rules, self._publish, self._publish, self._withdraw,
            self._set_step, self._go_on,
        )  # fmt: skip
        for moment in range(operations):
            if plan.random() < ACTS_PER_OPERATION:
                self._plan(moment, plan.choice(deeds))
        for fault, action in self._faults_of_moments().items():
            for moment in faults.moments(fault, operations):
                self._plan(moment, action)
        self._due.sort()

    def _plan(self, moment: int, action: Action) -> None:
        self._due.append((moment, len(self._due), action))

    def done(self, operations: int) -> None:
        """Do what is due when so many operations have been begun."""
        while self._due and self._due[0][0] <= operations:
            self._due.pop(0)[2]()

    def reopen(self) -> None:
        """Let everybody trade again."""
        for undo in list(self._stopped.values()):
            undo()
        self._stopped.clear()

    def _count(self, act: str) -> None:
        self._faults.counts[act] += 1

    # The office

    def _city(self) -> City:
        return self._rng.choice(self._cities)

    def _move_card(self) -> None:
        """Block a card, have it wanted, or let it be used again."""
        city = self._city()
        plastic = self._rng.choice(city.cards[: len(city.cards) // 2])
        state = self._rng.choice((BLOCKED, BLOCKED, WANTED, ACTIVE, ACTIVE, ACTIVE))
        self._desk.set_card(city, plastic.digits, state)
        self._count("act_card_moved")

    def _block_terminal(self) -> None:
        city = self._city()
        terminal = self._rng.choice(city.terminals)
        partner = city.partner_of(terminal)
        self._desk.set_terminal(terminal, partner, is_blocked=True)
        self._stopped[f"terminal {terminal}"] = lambda: self._desk.set_terminal(terminal, partner)
        self._count("act_terminal_blocked")

    def _suspend_partner(self) -> None:
        partner = self._rng.choice(self._city().partners)
        self._desk.suspend_partner(partner, is_suspended=True)
        self._stopped[f"partner {partner}"] = lambda: self._desk.suspend_partner(partner, is_suspended=False)
        self._count("act_partner_suspended")

    def _suspend_programme(self) -> None:
        city, now_ms = self._city(), self._wall.true_ms()
        from_ms = now_ms + self._rng.choice((-1_000, 500, 2_000))
        self._desk.suspend(city, from_ms, self._rng.choice((None, from_ms + 4_000)))
        self._stopped[f"programme {city.programme}"] = lambda: self._desk.go_on(city, self._wall.true_ms())
        self._count("act_programme_suspended")

    def _go_on(self) -> None:
        """Undo the oldest of what stopped somebody."""
        for name in list(self._stopped)[:2]:
            self._stopped.pop(name)()

    def _apply_rules(self) -> None:
        """Put other rules in force: now, soon, or since some minutes, as an urgent change does."""
        city, rng = self._city(), self._rng
        text = city.place.rules_toml
        for was, becomes in (
            ("step_grosze = 1000", f"step_grosze = {rng.choice((500, 1_000, 2_000))}"),
            ("advice_age_max_days = 7", f"advice_age_max_days = {rng.choice((3, 7, 14))}"),
            ("below_zero = true", f"below_zero = {rng.choice(('true', 'false'))}"),
        ):
            text = text.replace(was, becomes)
        self._desk.apply_rules(
            city.programme, text, self._wall.true_ms() + rng.choice((-60_000, 0, 1_500, 5_000))
        )
        self._count("act_rules_applied")

    def _publish(self) -> None:
        """Publish a new offer, or another version of one."""
        city, rng = self._city(), self._rng
        self._offers += 1
        number = rng.choice((self._offers, *(each.number for each in city.offers)))
        known = {each.number: each for each in city.offers}
        partner = known[number].partner if number in known else rng.choice(city.partners)
        limits = rng.choice(((), (wide(rng.randint(2, 12), "day"),), (own(2, "week"), wide(30, "month"))))
        benefit = f'kind = "percent", percent = "{rng.choice(_PERCENTS)}"'
        offer = city.offer(number, partner, terms(benefit, limits=limits))
        self._desk.publish(city, offer, self._wall.true_ms() + rng.choice((0, 0, 2_000)))
        if number not in known:
            city.offers.append(offer)
        self._count("act_offer_published")

    def _withdraw(self) -> None:
        city = self._city()
        self._desk.publish(city, self._rng.choice(city.offers), self._wall.true_ms(), is_withdrawn=True)
        self._count("act_offer_withdrawn")

    def _set_step(self) -> None:
        self._desk.set_step(self._rng.choice(self._cities[0].partners), self._rng.choice((None, 300, 2_500)))
        self._count("act_step_set")

    # Faults of moments

    def _faults_of_moments(self) -> dict[Fault, Action]:
        return {
            Fault.WORKER_CRASHED: self._crash,
            Fault.WORKER_RESTARTED: lambda: self._machine().restart(),
            Fault.STORE_OUTAGE: self._outage,
            Fault.FEED_GAP: self._feed_gap,
            Fault.CLOCK_TO_MAY: lambda: self._jump(Fault.CLOCK_TO_MAY, self._may()),
            Fault.CLOCK_TO_SUMMER: lambda: self._jump(Fault.CLOCK_TO_SUMMER, self._summer()),
            Fault.CLOCK_BACK: lambda: self._jump(Fault.CLOCK_BACK, self._local_now() - timedelta(days=1)),
        }

    def _machine(self) -> Machine:
        return self._rng.choice(self._machines)

    def _crash(self) -> None:
        self._machine().crash(self._rng)

    def _outage(self) -> None:
        """The database is away, for one worker or for all."""
        machines = self._machines if self._rng.random() < 0.7 else [self._machine()]
        seconds = self._rng.choice(AWAY_S)
        for machine in machines:
            machine.now.store.go_away(seconds)
        self._faults.happened(Fault.STORE_OUTAGE)

    def _feed_gap(self) -> None:
        self._machine().now.store.go_away(self._rng.choice(AWAY_S), only_registry=True)
        self._faults.happened(Fault.FEED_GAP)

    def _local_now(self) -> datetime:
        return datetime.fromtimestamp(self._wall.true_ms() / 1_000, ZONE)

    def _may(self) -> datetime:
        """Seconds before the next end of entitlements."""
        now = self._local_now()
        night = now.replace(month=5, day=31, hour=23, minute=59, second=50)
        return night if night > now else night.replace(year=now.year + 1)

    def _summer(self) -> datetime:
        """Seconds before an hour that is skipped, or one that comes twice."""
        now = self._local_now()
        month, hour = self._rng.choice(((3, 1), (10, 2)))
        year = now.year if (month, 25) > (now.month, now.day) else now.year + 1
        last = datetime(year, month, 31, hour, 59, 50, tzinfo=ZONE)
        return last - timedelta(days=(last.weekday() + 1) % 7)

    def _jump(self, fault: Fault, moment: datetime) -> None:
        self._wall.jump_to(int(moment.timestamp() * 1_000))
        self._faults.happened(fault)
