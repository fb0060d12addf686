"""docs/offers.md: its example is in order, and it names every key and column there is."""

import re
from pathlib import Path

from msgspec.structs import fields

from ops.cli.offers_file import COLUMNS
from switch.rules.offer_checks import check_codes
from switch.rules.offers import (
    CHECK_BITS,
    DAYS,
    KINDS,
    Benefit,
    Limit,
    Offer,
    codes_of,
    parse_offers,
)
from switch.rules.programme import parse_rules

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "offers.md").read_text(encoding="utf-8")
ZGIERZ = ROOT / "switch" / "rules" / "programmes" / "zgierz.toml"


def test_the_example_is_in_order() -> None:
    """What the page shows can be imported where its programme's rules hold."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = parse_offers(example)
    rules = parse_rules(ZGIERZ.read_bytes())
    assert file.programme == rules.programme.code
    for offer in file.offer:
        check_codes(offer, codes_of(rules))


def test_every_key_and_column_is_named() -> None:
    """A key that is added or renamed is missed here."""
    named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]*)`", PAGE))))
    keys = {field.encode_name for part in (Offer, Benefit, Limit, *KINDS) for field in fields(part)}
    kinds = {str(kind.__struct_config__.tag) for kind in KINDS}
    assert (keys | kinds | set(CHECK_BITS) | {DAYS[0], DAYS[-1]}) - named == set()
    assert {*COLUMNS.required, *COLUMNS.optional} - named == set()
