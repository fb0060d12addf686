"""The offers of one programme as a worker holds them in memory: which hold at a moment, at which partner.

Owns the versions of each offer and the rule which of them holds: of those whose moment has come the latest,
of two of one moment the higher, as with rules (versions.py); a withdrawal is a version with no offer. Must
not know whom an offer is for (benefits.py). Invariant: a draft is never here, so what is not published is
unknown.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator

from ledger.phrase import Phrase
from ledger.registry.reads import OfferRow
from switch.rules.benefits import Terms
from switch.rules.offer_faults import OfferError
from switch.rules.offers import Codes, Offer, decode_offer
from switch.rules.programme import Language


class OfferVersion:
    """One version of an offer, in force from `from_ms` (ms since 1970); `offer` None: withdrawn."""

    __slots__ = ("_codes", "_terms", "from_ms", "number", "offer")

    def __init__(self, number: int, from_ms: int, offer: Offer | None) -> None:
        self.number = number
        self.from_ms = from_ms
        self.offer = offer
        self._codes: Codes | None = None
        self._terms: Terms

    def terms(self, codes: Codes) -> Terms:
        """Return it ready to be decided by, made once for the codes of one version of the rules."""
        assert self.offer is not None
        if self._codes is not codes:
            self._codes, self._terms = codes, Terms.of(self.offer, codes)
        return self._terms


class OfferBook:
    """The offers of one programme."""

    def __init__(self) -> None:
        self._versions: dict[int, list[OfferVersion]] = {}
        """Of each offer, the one that holds latest first."""
        self._of_partner: dict[int, list[int]] = {}

    def put(self, row: OfferRow) -> None:
        """Take in a version that was published. Raises `OfferError` for terms that cannot be read.

        Such a version holds as withdrawn: nothing is granted that is not understood.
        """
        taken = OfferVersion(row.version, row.effective_from_ms, None)
        others = [one for one in self._versions.get(row.number, ()) if one.number != row.version]
        self._versions[row.number] = sorted(
            [taken, *others], key=lambda version: (-version.from_ms, -version.number)
        )
        if row.is_withdrawn:
            return
        offer = decode_offer(row.terms)
        if (offer.number, offer.partner) != (row.number, row.partner):
            why = Phrase(
                "terms of offer {offer} of partner {partner}", offer=offer.number, partner=offer.partner
            )
            raise OfferError(why, "number")
        taken.offer = offer
        numbers = self._of_partner.setdefault(row.partner, [])
        if row.number not in numbers:
            insort(numbers, row.number)

    def at(self, number: int, at_ms: int) -> OfferVersion | None:
        """Return what holds of an offer at a moment; None where nothing is granted under that number."""
        for version in self._versions.get(number, ()):
            if version.from_ms <= at_ms:
                return None if version.offer is None else version
        return None

    def name(self, number: int, at_ms: int, language: Language) -> str:
        """Return what an offer was called at a moment, also where it does not hold any more.

        A version is known everywhere before it holds (`cityswitch offers publish`), so a reply that is told
        again says the same.
        """
        for version in self._versions.get(number, ()):
            if version.from_ms <= at_ms and version.offer is not None:
                return version.offer.name.in_(language)
        return ""

    def of_partner(self, partner: int, at_ms: int, *, after: int = 0) -> Iterator[OfferVersion]:
        """Yield what holds at a moment of the offers of a partner with numbers above `after`, by number."""
        numbers = self._of_partner.get(partner, [])
        for number in numbers[bisect_right(numbers, after) :]:
            held = self.at(number, at_ms)
            if held is not None and held.offer is not None and held.offer.partner == partner:
                yield held
