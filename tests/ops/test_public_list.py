"""What is published is what is enforced: the list against the memory of a worker, over all histories."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.registry.offers import Public
from ledger.registry.reads import OfferRow
from ops.office.offer_words import OfferWords
from ops.office.public_list import PublicFiles, public_list
from ops.office.public_page import public_page
from switch.rules.benefits import APPROVED, refuse_benefit
from switch.rules.offer_book import OfferBook
from switch.rules.offers import codes_of, encode_offer, read_offer
from switch.rules.programme import parse_rules

RULES = parse_rules(
    (Path(__file__).parents[2] / "switch" / "rules" / "programmes" / "zgierz.toml").read_bytes()
)
START = datetime(2027, 3, 1, tzinfo=UTC)
PARTNERS = (30, 31)
EVERY_KIND = 0b11111


def terms(number: int, partner: int, version: int) -> str:
    """Terms of an offer for adults, with a name that says which version it is."""
    words = {"pl": f"v{version}", "en": f"v{version}"}
    return encode_offer(
        read_offer(
            {
                "number": number,
                "partner": partner,
                "name": words,
                "text": words,
                "benefits": [{"kind": "percent", "percent": 10, "for": ["adult"]}],
            }
        )
    )


HISTORIES = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(PARTNERS), st.integers(0, 8), st.booleans()), max_size=9
)
"""Versions in the order they were written: offer, partner, hours after the start, withdrawn."""


def rows_of(history: list[tuple[int, int, int, bool]]) -> list[dict[str, Any]]:
    """The rows of the registry that a history leaves."""
    rows: list[dict[str, Any]] = []
    for number, partner, hour, withdrawn in history:
        version = 1 + sum(row["number"] == number for row in rows)
        rows.append(
            {
                "number": number,
                "version": version,
                "partner": partner,
                "state": 2 if withdrawn else 1,
                "effective_from": START + timedelta(hours=hour),
                "terms": terms(number, partner, version),
            }
        )
    return rows


def partner(number: int, *, main: bool = False, status: int = 0, name: str = "Kino") -> dict[str, Any]:
    """A partner's row."""
    return {"id": number, "name": name, "status": status, "main_partner": main}


@given(HISTORIES, st.integers(0, 9), st.integers(0, 9))
def test_the_switch_grants_what_is_listed_and_refuses_what_is_not(
    history: list[tuple[int, int, int, bool]], published: int, later: int
) -> None:
    """At the moment of the list and at every later one: for each offer and partner, listed means granted."""
    rows, book = rows_of(history), OfferBook()
    for row in rows:
        from_ms = int(row["effective_from"].timestamp() * 1000)
        withdrawn = row["state"] == 2
        book.put(OfferRow(3, row["number"], row["version"], row["partner"], withdrawn, from_ms, row["terms"]))
    public = Public(rows, [partner(number) for number in PARTNERS], [])
    listed = public_list(public, RULES, START + timedelta(hours=published))
    at = START + timedelta(hours=published + later, minutes=30)
    named = {
        (told["number"], entry["number"], told["version"])
        for entry in listed["partners"]
        for told in entry["offers"]
        if datetime.fromisoformat(told["valid_from"]) <= at
        and (told["valid_until"] is None or at < datetime.fromisoformat(told["valid_until"]))
    }
    granted = set()
    for number in (1, 2, 3, 4):
        found = book.at(number, int(at.timestamp() * 1000))
        for till in PARTNERS if found is not None else ():
            assert found is not None
            ready = found.terms(codes_of(RULES))
            code = refuse_benefit(
                ready, partner=till, outlet=0, kinds=EVERY_KIND, flags=0, wall=(20_000, 600)
            )
            if code == APPROVED:
                granted.add((number, till, found.number))
    assert granted == named


def test_main_partners_come_first_and_suspended_ones_not_at_all() -> None:
    """By number behind the main ones; nothing of a suspended partner is granted, so nothing is listed."""
    rows = [partner(5), partner(6, main=True), partner(7, status=1), partner(1), partner(9, main=True)]
    listed = public_list(Public([], rows, []), RULES, START)
    assert [entry["number"] for entry in listed["partners"]] == [6, 9, 1, 5]


def test_a_programme_without_benefits_lists_no_offers() -> None:
    """Rules that have dropped their [benefits] grant nothing, so nothing is listed."""
    rows = rows_of([(1, 30, 0, False)])
    public = Public(rows, [partner(30)], [])
    for rules, count in ((RULES, 1), (msgspec.structs.replace(RULES, benefits=None), 0)):
        (entry,) = public_list(public, rules, START)["partners"]
        assert len(entry["offers"]) == count


def test_every_text_is_escaped() -> None:
    """Names, addresses and texts with markup in them are text on the page."""
    evil = "<script>alert('x')</script> & \""
    words = {"pl": "a<b>&\"'", "en": "b"}
    offer = read_offer(
        {
            "number": 1,
            "partner": 30,
            "name": words,
            "text": {"pl": evil, "en": "b"},
            "goods": {"pl": evil, "en": "b"},
            "benefits": [{"kind": "privilege"}],
        }
    )
    row = {
        "number": 1,
        "version": 1,
        "partner": 30,
        "state": 1,
        "effective_from": START,
        "terms": encode_offer(offer),
    }
    outlet = {"id": 4, "partner": 30, "name": evil, "address": evil}
    listed = public_list(Public([row], [partner(30, name=evil)], [outlet]), RULES, START)
    page = public_page(listed, RULES)
    assert "<script" not in page
    assert "a<b>" not in page
    assert page.count("&lt;script&gt;") == 5


def test_a_list_replaces_the_old_one_whole(tmp_path: Path) -> None:
    """Both files new, nothing left beside; what could not be written leaves the old ones and nothing else."""
    listed = public_list(Public([], [partner(30)], []), RULES, START)
    (tmp_path / "offers.json").write_text("old", encoding="utf-8")
    files = PublicFiles(tmp_path, listed, RULES)
    files.write_beside()
    assert (tmp_path / "offers.json").read_text(encoding="utf-8") == "old"
    files.put_in_place()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["offers.html", "offers.json"]
    assert '"number": 30' in (tmp_path / "offers.json").read_text(encoding="utf-8")
    with pytest.raises(OSError, match="Not a directory"):
        PublicFiles(tmp_path / "offers.json" / "x", listed, RULES).write_beside()
    files = PublicFiles(tmp_path, listed, RULES)
    files.write_beside()
    files.remove()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["offers.html", "offers.json"]


def test_an_offer_whose_last_day_is_over_is_not_listed() -> None:
    """On its last day by the city's clock it is there, to its last hour past midnight, and then no more."""
    words = {"pl": "Kino", "en": "Cinema"}
    told = {"number": 1, "partner": 30, "name": words, "text": words, "to": "2027-05-31"}
    (row,) = rows_of([(1, 30, 0, False)])
    day, night = datetime(2027, 5, 31, 21, 59, tzinfo=UTC), datetime(2027, 5, 31, 23, 59, tzinfo=UTC)
    for hours, last in (([], day), (["20:00-02:00"], night)):
        offer = read_offer({**told, "hours": hours, "benefits": [{"kind": "free_entry"}]})
        public = Public([{**row, "terms": encode_offer(offer)}], [partner(30)], [])
        for at, count in ((last, 1), (last + timedelta(minutes=1), 0)):
            (entry,) = public_list(public, RULES, at)["partners"]
            assert len(entry["offers"]) == count


def test_terms_are_told_in_words_as_the_language_writes_them() -> None:
    """Percentages, sums, days, limits with their plural, and every check, in Polish and in English."""
    offer = read_offer(
        {
            "number": 1, "partner": 30, "name": {"pl": "Kino"}, "text": {"pl": "Film"},
            "benefits": [{"kind": "percent", "percent": "12.5"}], "to": "2027-05-31", "days": ["mon", "fri"],
            "limits": [{"per": "card_and_offer", "uses": uses, "every": every}
                       for uses, every in ((1, "day"), (3, "week"), (5, "year"))],
            "max_discount_grosze": 150_000, "confirm": ["photo_id", "guardian_id"],
        }
    )  # fmt: skip
    polish, english = (
        [
            each.replace("\u00a0", "~")
            for each in OfferWords(RULES, language).terms(msgspec.to_builtins(offer))
        ]
        for language in ("pl", "en")
    )
    assert polish[:6] == [
        "zniżka 12,5~% dla: wszystkich", "do 31.05.2027", "pn pt", "limit: 1~użycie dziennie na kartę",
        "limit: 3~użycia tygodniowo na kartę", "limit: 5~użyć rocznie na kartę",
    ]  # fmt: skip
    assert polish[6:9] == [
        "najwyżej 1~500,00~zł", "z dokumentem ze zdjęciem", "za niepełnoletniego: z dokumentem opiekuna",
    ]  # fmt: skip
    assert english[:4] == [
        "12.5% off for: everybody",
        "to 31 May 2027",
        "Mon Fri",
        "limit: 1~use a day for each card",
    ]
