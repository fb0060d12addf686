"""The office of a simulated world: every change of the registry, written into the store and told as a fact.

Owns the changes and their facts, which are made together, under one number. Who and what is there at the
beginning is the cities'; what changes when, `acts`. Must not know the switch's decisions. Invariant: what the
registry was told and what the facts say are the same, and neither is read from the other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from ledger.registry.reads import KeyRow as Key
from ledger.registry.reads import OfferRow, PartnerRow, ProgrammeRow, RulesRow, TerminalRow
from ledger.registry.secrets import MasterKey
from simulators.world import facts
from simulators.world.cities import City, Person, Plastic, WorldOffer
from simulators.world.memory.registry import Card, Holder, MemoryRegistry
from simulators.world.scheduling import WallClock
from switch.rules.entitlement import steps_of
from switch.rules.offers import encode_offer, parse_offers
from switch.rules.programme import Rules, parse_rules

_DAY_0: Final = date(1970, 1, 1)
_BEGAN: Final = date(2024, 1, 1)


def day_number(day: date) -> int:
    """Return the days from 1970-01-01 to a day."""
    return (day - _DAY_0).days


class Desk:
    """Writes the registry. `learn` takes each fact with its change's number."""

    def __init__(
        self,
        registry: MemoryRegistry,
        master: MasterKey,
        wall: WallClock,
        learn: Callable[[int, facts.Fact], None],
    ) -> None:
        self._registry = registry
        self._master = master
        self._wall = wall
        self._learn = learn
        self._rules: dict[int, tuple[int, Rules]] = {}
        self._offer_versions: dict[tuple[int, int], int] = {}
        self._partners: dict[int, PartnerRow] = {}
        self._terminals: dict[int, TerminalRow] = {}
        self._digits: dict[tuple[int, int], str] = {}
        self._cases = 0
        self._cards: dict[str, facts.CardSet] = {}
        self.blocks: dict[int, list[int]] = {}
        """By account, when its cards were stopped (ms since 1970)."""
        self.terminal_blocks: dict[int, list[tuple[int, bool]]] = {}
        """By terminal, each change of it in the registry and whether it was blocked by it."""

    # The beginning

    def open_city(self, city: City) -> None:
        """Enter a whole city."""
        place, began_ms = city.place, day_number(_BEGAN) * 86_400_000
        self._registry.set_programme(ProgrammeRow(city.programme, place.code, place.code, (), None))
        self.apply_rules(city.programme, place.rules_toml, began_ms)
        for index, partner in enumerate(city.partners):
            self.set_partner(partner, city.programme, city.population.partner_name(index))
        for each in city.offers:
            self.publish(city, each, began_ms)
        for terminal in city.terminals:
            self.set_terminal(terminal, city.partner_of(terminal))
            self._registry.set_key(self._key(terminal, 1, city.key(terminal)))
        for plastic in city.cards:
            self.add_card(city, plastic)
        for person in city.people:
            self.set_holder(city, person)

    def _key(self, terminal: int, generation: int, key: bytes) -> Key:
        wrapped = self._master.wrap(terminal, generation, key)
        return Key(terminal, generation, wrapped, not_after_ms=None, retired_at_ms=None, is_used=False)

    # Programmes and offers

    def apply_rules(self, programme: int, text: str, from_ms: int) -> None:
        """Put a version of a programme's rules in force from a moment on."""
        version, _ = self._rules.get(programme, (0, None))
        version += 1
        rules = parse_rules(text, source="world.toml")
        self._rules[programme] = version, rules
        number = self._registry.apply_rules(
            RulesRow(programme, version, from_ms, text),
            time_zone=rules.programme.time_zone,
            kind_steps=steps_of(rules),
        )
        self._learn(
            number, facts.ProgrammeApplied(programme=programme, version=version, from_ms=from_ms, text=text)
        )

    def suspend(self, city: City, from_ms: int, until_ms: int | None) -> None:
        """Suspend a programme for a time, beside all others."""
        periods = self._registry.programmes.rows[city.programme].suspended_ms
        self._set_suspended(city, (*periods, (from_ms, until_ms)))

    def go_on(self, city: City, now_ms: int) -> None:
        """Let a programme go on: what it is suspended in is over, and what is to come never begins."""
        periods = self._registry.programmes.rows[city.programme].suspended_ms
        begun = ((begins, ends) for begins, ends in periods if begins < now_ms)
        self._set_suspended(
            city, tuple((begins, now_ms if ends is None else min(ends, now_ms)) for begins, ends in begun)
        )

    def _set_suspended(self, city: City, periods: tuple[tuple[int, int | None], ...]) -> None:
        code = city.place.code
        number = self._registry.set_programme(ProgrammeRow(city.programme, code, code, periods, None))
        self._learn(number, facts.ProgrammeState(programme=city.programme, suspended_ms=periods))

    def publish(self, city: City, offer: WorldOffer, from_ms: int, *, is_withdrawn: bool = False) -> None:
        """Publish a version of an offer, or withdraw it, from a moment on."""
        key = city.programme, offer.number
        version = self._offer_versions[key] = self._offer_versions.get(key, 0) + 1
        (parsed,) = parse_offers(offer.text, source="world.toml").offer
        number = self._registry.publish_offer(
            OfferRow(
                city.programme,
                offer.number,
                version,
                offer.partner,
                is_withdrawn,
                from_ms,
                encode_offer(parsed),
            )
        )
        told = {"programme": city.programme, "number": offer.number, "version": version, "from_ms": from_ms}
        self._learn(
            number,
            facts.OfferWithdrawn(**told) if is_withdrawn else facts.OfferPublished(text=offer.text, **told),
        )

    # Partners and terminals

    def set_partner(
        self,
        partner: int,
        programme: int,
        name: str,
        *,
        is_suspended: bool = False,
        step_grosze: int | None = None,
    ) -> None:
        """Add or change a partner."""
        row = PartnerRow(partner, programme, name, int(is_suspended), False, step_grosze)
        self._partners[partner] = row
        self._learn(
            self._registry.set_partner(row),
            facts.PartnerSet(
                partner=partner,
                programme=programme,
                name=name,
                is_suspended=is_suspended,
                points_step_grosze=step_grosze,
            ),
        )

    def suspend_partner(self, partner: int, *, is_suspended: bool) -> None:
        """Suspend a partner, or let him go on."""
        row = self._partners[partner]
        self.set_partner(
            partner, row.programme, row.name, is_suspended=is_suspended, step_grosze=row.points_step_grosze
        )

    def set_step(self, partner: int, step_grosze: int | None) -> None:
        """Give a partner a step of his own."""
        row = self._partners[partner]
        self.set_partner(
            partner, row.programme, row.name, is_suspended=bool(row.status), step_grosze=step_grosze
        )

    def set_terminal(self, terminal: int, partner: int, *, is_blocked: bool = False) -> None:
        """Add a terminal, block it or unblock it."""
        row = self._terminals[terminal] = TerminalRow(terminal, partner, int(is_blocked), "", 0)
        number = self._registry.set_terminal(row)
        self.terminal_blocks.setdefault(terminal, []).append((number, is_blocked))
        self._learn(number, facts.TerminalSet(terminal=terminal, partner=partner, is_blocked=is_blocked))

    # Cards and holders

    def hear_reports(self) -> None:
        """Tell of what terminals' reports have done since, as the change that has just been made."""
        cases = list(self._registry.cases.items())[self._cases :]
        self._cases += len(cases)
        for (terminal, _), case in cases:
            if case.token is None or case.became == case.was:
                continue
            programme = self._partners[self._terminals[terminal].partner].programme
            card = self._digits[programme, case.token]
            fact = facts.CardReported(
                card=card, programme=programme, report=case.kind, since_ms=self._wall.true_ms()
            )
            self._learn(self._registry.number, fact)

    def _token(self, programme: int, digits: str) -> int:
        return self._master.pepper(programme).token(digits)

    def add_card(self, city: City, plastic: Plastic) -> None:
        """Add a card as it is."""
        until = None if plastic.valid_until is None else day_number(plastic.valid_until)
        token = self._token(city.programme, plastic.digits)
        self._digits[city.programme, token] = plastic.digits
        number = self._registry.add_card(Card(token, plastic.account, city.programme, plastic.state, until))
        fact = facts.CardSet(
            card=plastic.digits,
            programme=city.programme,
            account=plastic.account,
            state=plastic.state,
            valid_until=plastic.valid_until,
        )
        self._cards[plastic.digits] = fact
        self._learn(number, fact)

    def set_card(self, city: City, digits: str, state: int) -> None:
        """Give a card another state, from now on; one that is in it stays as it is."""
        token = self._token(city.programme, digits)
        if self._registry.cards.rows[token].status == state:
            return
        number = self._registry.set_card(token, status=state)
        old = self._cards[digits]
        if state != facts.ACTIVE:
            self.blocks.setdefault(old.account, []).append(self._wall.true_ms())
        fact = facts.CardSet(
            card=digits,
            programme=city.programme,
            account=old.account,
            state=state,
            since_ms=self._wall.true_ms(),
            valid_until=old.valid_until,
        )
        self._cards[digits] = fact
        self._learn(number, fact)

    def set_holder(self, city: City, person: Person) -> None:
        """Put what decides about a holder; the kinds follow from the day of birth, in the store."""
        _, rules = self._rules[city.programme]
        assert rules.holders is not None
        until = person.entitled_until
        number = self._registry.set_holder(
            Holder(
                person.account,
                city.programme,
                flags=rules.holders.flags_mask(person.flags),
                entitled_until=None if until is None else day_number(until),
            ),
            born_on=person.born_on,
        )
        self._learn(
            number,
            facts.HolderSet(
                account=person.account,
                programme=city.programme,
                since_ms=self._wall.true_ms(),
                born_on=person.born_on,
                flags=person.flags,
                entitled_until=until,
            ),
        )
