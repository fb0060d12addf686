"""Tokens of card numbers: keyed BLAKE2s, in C and in Python."""

import hashlib
import importlib.util
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.registry import pepper
from ledger.registry.pepper import PepperInPython

KEYS = st.binary(min_size=1, max_size=32)
BOTH = [pepper.Pepper, PepperInPython]


@pytest.fixture(autouse=True)
def built() -> None:
    """Where the C is not built these are skipped, never in CI."""
    if importlib.util.find_spec("ledger.registry.native") is None:
        assert "CI" not in os.environ, "CI builds the C"
        pytest.skip("ledger/registry/native.c is not built here (no compiler or no Python.h)")


def token_of(key: bytes, digits: str) -> int:
    """As it is said: 64 signed bits of BLAKE2s, by the standard library."""
    digest = hashlib.blake2s(digits.encode(), key=key, digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


@pytest.mark.parametrize("kind", BOTH)
@given(KEYS, st.text("0123456789", min_size=1, max_size=200))
def test_a_token_is_a_keyed_blake2s(kind: Any, key: bytes, digits: str) -> None:
    """Whatever the pepper and the number."""
    assert kind(key).token(digits) == token_of(key, digits)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("size", [*range(1, 20), 63, 64, 65, 127, 128, 129, 300])
def test_every_length_is_hashed_alike(kind: Any, size: int) -> None:
    """Wherever a block of the hash ends."""
    key, digits = bytes(range(32)), ("1234567890" * 30)[:size]
    assert kind(key).token(digits) == token_of(key, digits)


@pytest.mark.parametrize("kind", BOTH)
def test_one_pepper_makes_many_tokens(kind: Any) -> None:
    """One after another, in any order: none leaves anything behind for the next."""
    one = kind(b"k" * 32)
    numbers = [str(9_616_000_000_000_000 + n) for n in (1, 2, 1, 3, 2, 1)]
    assert [one.token(digits) for digits in numbers] == [token_of(b"k" * 32, digits) for digits in numbers]


@pytest.mark.parametrize("kind", BOTH)
def test_what_is_no_key_or_number_is_refused(kind: Any) -> None:
    """No key, one too long, no digits, other letters than ASCII: ValueError, nothing is read beyond."""
    for key in (b"", bytes(33)):
        with pytest.raises(ValueError):  # noqa: PT011 whatever it says
            kind(key)
    for digits in ("", "٤٢", "9616ł"):
        with pytest.raises(ValueError):  # noqa: PT011 whatever it says
            kind(b"k").token(digits)


def test_the_c_is_what_runs_where_it_is_built() -> None:
    """Nobody runs the slower one by mistake; and it takes texts alone."""
    kind: Any = pepper.Pepper
    assert kind is not PepperInPython
    with pytest.raises(ValueError, match="digits"):
        kind(b"k").token(b"9616")
    with pytest.raises(TypeError):
        kind("k")
    with pytest.raises(TypeError):
        kind(key=b"k")
