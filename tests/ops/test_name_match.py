"""Whom a desk finds by what it types of a name."""

import pytest

from ops.office.name_match import is_named, words_of


@pytest.mark.parametrize(
    ("name", "typed", "is_found"),
    [
        ("Łucja Żółtowska-Nowak", "nowak", True),
        ("Łucja Żółtowska-Nowak", "zoltowska", True),
        ("Łucja Żółtowska-Nowak", "Żółtowska-Nowak łuc", True),
        ("Łucja Żółtowska\u2011Nowak", "ŻÓŁTOWSKA NOWAK", True),
        ("Łucja Żółtowska-Nowak", "owak", False),
        ("Łucja Żółtowska-Nowak", "lucja kowal", False),
        ("Sean O'Brien", "obrien", True),
        ("Олена Шевченко", "шевч", True),
        ("Zoë Stra\u00dfer", "strasser zoe", True),
        ("Jan_Maria", "janmaria", True),
        ("--- ,.", "", False),
        ("", "", False),
    ],
)
def test_words_typed_begin_words_of_the_name(name: str, typed: str, is_found: bool) -> None:
    """In any order, whatever case and marks; either half of a double name, and no middle of a word."""
    assert is_named(name, words_of(typed)) is is_found
