"""What a holder may claim on a day, from what is kept in memory: bit masks and the days they change on."""

import sys
from datetime import date, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from switch.rules.cards import Card, HeldCard
from switch.rules.dates import Band, Overlap, day_number, kind_steps, kinds_around, kinds_on
from switch.rules.entitlement import NOBODY, Held, standing, steps_of
from switch.rules.programme import Rules, parse_rules
from switch.rules.versions import Version


def rules_of(city: str) -> Rules:
    """The rules of a city as they are delivered."""
    return parse_rules(files("switch").joinpath(f"rules/programmes/{city}.toml").read_text(encoding="utf-8"))


ZGIERZ, CZESTOCHOWA = (Version.of(1, 0, rules_of(city)) for city in ("zgierz", "czestochowa"))
HOLDERS = ZGIERZ.rules.holders
assert HOLDERS is not None
BANDS = HOLDERS.bands()
FOR_EVER = 1_000_000


def held_on(born: date, today: date, entitled_until: date | None = None, *, flags: int = 0) -> Held:
    """What the registry keeps of somebody born on a day, as it is today."""
    newest, following = kinds_around(BANDS, "both", born, today)
    before = kinds_on(BANDS, "both", born, newest[0] - timedelta(1)) if newest else 0
    return Held(
        flags=flags,
        kinds=kinds_on(BANDS, "both", born, today),
        kinds_before=before,
        kinds_from=day_number(newest[0]) if newest else -FOR_EVER,
        kinds_next=following[1] if following else 0,
        next_from=day_number(following[0]) if following else FOR_EVER,
        entitled_until=day_number(entitled_until) if entitled_until else None,
    )


def held_card(held: Held | None) -> Card:
    return Card(8, 3, 0) if held is None else HeldCard(8, 3, 0, None, None, held)


days = st.dates(date(1920, 1, 1), date(2060, 12, 31))


@given(days, days, st.integers(-31, 200))
def test_a_day_is_judged_as_the_date_of_birth_would_judge_it(born: date, today: date, ahead: int) -> None:
    """Zgierz § 16: a sale up to a month old, today's, and one after the next birthday: kinds are by its
    day.
    """
    day = today + timedelta(ahead)
    held = held_on(born, today)
    newest, _ = kinds_around(BANDS, "both", born, today)
    earlier = newest and kinds_around(BANDS, "both", born, newest[0] - timedelta(1))[0]
    if earlier and day < earlier[0]:
        return  # two birthdays back: no late sale is that old, for kinds change years apart
    assert standing(held_card(held), ZGIERZ, day_number(day)).kinds == kinds_on(BANDS, "both", born, day)


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        ("2026-11-25", {"youth"}),
        ("2026-11-26", {"youth", "adult"}),
        ("2027-11-25", {"youth", "adult"}),
        ("2027-11-26", {"adult"}),
        ("2069-11-25", {"adult"}),
        ("2069-11-26", {"senior"}),
    ],
)
def test_who_is_eighteen_is_both_and_over_sixty_is_sixty_one(day: str, codes: set[str]) -> None:
    """Zgierz § 16: 18 lies in two bands and both hold; over 60 is from the 61st birthday."""
    assert HOLDERS is not None
    at = date.fromisoformat(day)
    held = held_on(date(2008, 11, 26), at)
    found = standing(held_card(held), ZGIERZ, day_number(at)).kinds
    assert found == HOLDERS.kinds_mask(codes)


@pytest.mark.parametrize(
    ("until", "day", "is_entitled"),
    [
        (date(2027, 5, 31), date(2027, 5, 31), True),
        (date(2027, 5, 31), date(2027, 6, 1), False),
        (None, date(2027, 1, 1), False),
    ],
)
def test_the_entitlement_ends_with_may(until: date | None, day: date, is_entitled: bool) -> None:
    """Zgierz § 20: the last of May still counts, the first of June does not, nothing proved entitles to
    nothing.
    """
    held = held_on(date(1980, 1, 1), day, until)
    assert standing(held_card(held), ZGIERZ, day_number(day)).is_entitled is is_entitled
    assert standing(held_card(held), CZESTOCHOWA, day_number(day)).is_entitled


def test_a_card_of_which_nothing_is_kept() -> None:
    """Częstochowa and Żywiec need no holder's data; where proof is asked for, nothing is entitled without."""
    assert standing(held_card(None), CZESTOCHOWA, 20_000) is NOBODY
    assert not standing(held_card(None), ZGIERZ, 20_000).is_entitled
    flagged = held_on(date(1950, 1, 1), date(2026, 1, 1), flags=3)
    found = standing(held_card(flagged), CZESTOCHOWA, 20_000)
    assert found.flags == 3


@given(
    st.lists(
        st.builds(Band, st.integers(0, 15), st.integers(0, 99), st.none() | st.integers(0, 99)), max_size=6
    ),
    st.sampled_from(["both", "older", "younger"]),
    days,
    days,
)
def test_steps_of_age_say_what_the_bands_say(
    bands: list[Band], overlap: Overlap, born: date, day: date
) -> None:
    """What the database places birthdays by comes to the same kinds as the bands of the rules, whatever
    they are.
    """
    steps = kind_steps(bands, overlap)
    ages = [age for age, _ in steps]
    assert ages == sorted(set(ages))
    age = day.year - born.year - ((day.month, day.day) < (born.month, min(born.day, 28)))
    if (born.month, born.day) != (2, 29) and born.day <= 28 and day >= born:
        masks = [mask for from_age, mask in steps if from_age <= age]
        assert (masks[-1] if masks else 0) == kinds_on(bands, overlap, born, day)


def test_programmes_without_kinds_have_no_steps() -> None:
    """Nothing is placed where nothing changes by age."""
    assert steps_of(CZESTOCHOWA.rules) == []
    assert [age for age, _ in steps_of(ZGIERZ.rules)] == [0, 7, 13, 18, 19, 61]


@pytest.mark.parametrize("overlap", [None, "both", "older", "younger"])
def test_two_bands_at_once_are_placed_by_the_programme_s_rule(overlap: Overlap | None) -> None:
    """At 18 one is of two kinds (Zgierz § 16): the rules say which count, and both where they say nothing."""
    rules = replace(ZGIERZ.rules, holders=replace(HOLDERS, overlap=overlap))
    assert steps_of(rules) == kind_steps(BANDS, overlap or "both")


def test_a_card_without_holder_s_data_is_no_heavier() -> None:
    """One more reference where there is something to keep, none where there is not."""
    card, held = held_card(None), held_card(held_on(date(1980, 1, 1), date(2026, 1, 1)))
    assert "held" not in Card.__struct_fields__
    assert sys.getsizeof(held) == sys.getsizeof(card) + 8
    assert card.held is None
