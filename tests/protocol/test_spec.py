"""SPEC.md says what the code does: tables, limits and worked example are held to code and vectors."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import protocol
from protocol import REPLY_OF, REQUEST_OF, ResultCode, limits
from protocol.messages import HANDSHAKE_OF
from protocol.published import spec_tables

FOLDER = Path(protocol.__file__).parent
SPEC = (FOLDER / "SPEC.md").read_text(encoding="utf-8")
VECTORS: dict[str, Any] = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))


def section(number: int) -> str:
    """The text of a numbered section."""
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", SPEC, re.MULTILINE | re.DOTALL)
    assert found
    return found[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]


@pytest.mark.parametrize(
    ("name", "text"), list(spec_tables.blocks()), ids=[name for name, _ in spec_tables.blocks()]
)
def test_generated_parts_stand_in_the_page(name: str, text: str) -> None:
    """Each table and dump that follows from the code stands in SPEC.md as the code gives it, whole."""
    assert f"\n{text}\n\n" in SPEC + "\n", f"{name}: run make published"


def test_the_page_written_anew_is_the_page() -> None:
    """`make published` would write what stands there; a page without a place is refused."""
    assert spec_tables.rewritten(SPEC) == SPEC
    with pytest.raises(ValueError, match="no place for CODES"):
        spec_tables.rewritten(SPEC.replace("<!-- CODES -->\n", ""))


def test_result_table_is_the_enum() -> None:
    """Section 7 lists exactly the codes of the enum, in its order, with class, ISO code and texts."""
    listed = [row for row in rows(section(7)) if row[0].isdigit()]
    assert listed == [
        [str(int(code)), code.name, code.result_class.value, code.iso_8583, code.text_pl, code.text_en]
        for code in ResultCode
    ]


def test_worked_example_is_the_vectors() -> None:
    """Section 10's bytes, joined, are the handshake and the first request and reply of vectors.json."""
    dumps = re.findall(r"^```\n(.*?)^```", section(10), re.MULTILINE | re.DOTALL)
    frames = ["".join(line.split()[0] for line in dump.splitlines()) for dump in dumps]
    keys = frames.pop(2)
    h = VECTORS["handshake"]
    assert frames == [
        h["hello_frame"],
        h["challenge_frame"],
        h["proof_frame"],
        h["accept_frame"],
        VECTORS["requests"][0]["frame"],
        VECTORS["replies"][0]["frame"],
    ]
    assert keys.startswith("T1")
    assert re.findall(r"[0-9a-f]{64}", dumps[2]) == [h["t1"], *h["keys"].values(), h["t2"]]


def test_every_message_type_is_listed() -> None:
    """Sections 3 and 4 name every type byte there is; no more, no less."""
    in_3 = {int(row[1], 16) for row in rows(section(3)) if row[1].startswith("0x")}
    assert in_3 == set(HANDSHAKE_OF)
    in_4 = {int(text, 16) for row in rows(section(4)) for text in re.findall(r"\b0x[0-9a-f]{2}\b", row[1])}
    assert in_4 == set(REQUEST_OF) | set(REPLY_OF)


def test_reply_fields_are_listed_in_order() -> None:
    """Section 4 lists the fields of every reply in the order of the wire."""
    listed = {
        int(number, 16): re.findall(r"(?:^|· )([a-z_]+)", row[2])
        for row in rows(section(4))
        for number in re.findall(r"0x[89ab][0-9a-f]", row[1])
    }
    assert listed == {number: list(cls.__struct_fields__[2:]) for number, cls in REPLY_OF.items()}


def test_the_pause_and_the_bounds_of_texts_are_stated_as_the_code_has_them() -> None:
    """Sections 4 and 6 say the numbers in words: the pause, the bytes of texts, the STANs of TOTALS."""
    least, most = limits.BACKOFF_MIN_S, limits.BACKOFF_MAX_S
    assert f"whole of min({most} s, 2^(n−1) · {least} s)" in section(6)
    assert f"{limits.TRIES_MAX} tries in {limits.RETRY_WINDOW_S} s" in section(6)
    for stated in (
        f"`card`: str of at most {limits.CARD_BYTES_MAX} bytes",
        f"`software`: str of at most {limits.SOFTWARE_BYTES_MAX} bytes",
        f"at most {limits.TOTALS_STANS_MAX} STANs",
        f"programme: str ≤ {limits.PROGRAMME_BYTES_MAX} bytes",
        f"partner_name: str ≤ {limits.PARTNER_NAME_BYTES_MAX} bytes",
        f"receipt: str ≤ {limits.RECEIPT_BYTES_MAX} bytes",
    ):
        assert stated in section(4)
    assert "character" not in SPEC.lower()


def test_frame_sizes_are_stated() -> None:
    """Section 2 states the caps that the code holds, section 3 the sizes of the fixed frames."""
    sizes = [row[1:] for row in rows(section(2)) if row[0].startswith(("until", "after"))]
    assert sizes == [
        ["5", str(limits.FRAME_UNAUTHENTICATED_MAX)],
        ["21", f"{limits.FRAME_MAX} (body at most {limits.BODY_MAX})"],
    ]
    stated = {row[0].lower(): row[4] for row in rows(section(3)) if row[1].startswith("0x")}
    for name in ("challenge", "proof", "accept"):
        assert int(stated[name]) == len(bytes.fromhex(VECTORS["handshake"][f"{name}_frame"]))
