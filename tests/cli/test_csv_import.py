"""CSV files: read and checked whole, every refused line told by number, column and reason, all or none
stored.
"""

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.registry.imports import Import, Mode, Refusal
from ops.cli.csv_import import (
    Columns,
    How,
    LineError,
    Refused,
    Sheet,
    read_sheet,
    store_sheet,
    whole_number,
)
from ops.errors import CommandError
from ops.exit_codes import Exit

COLUMNS = Columns(required=("number", "name"), optional=("note",))
Pair = tuple[int, str, str]


def read_pair(row: Mapping[str, str]) -> Pair:
    """Read a line of the table used here."""
    return whole_number(row, "number", 0, 99), row["name"], row["note"]


def sheet_of(path: Path, text: str | bytes) -> Sheet[Pair]:
    """Return a file with this text, read."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_sheet(path, COLUMNS, read_pair)


class Shelf:
    """A store that keeps what it is given and refuses number 7."""

    def __init__(self) -> None:
        self.kept: list[Pair] = []
        self.modes: list[Mode] = []

    async def store(self, values: list[Pair], mode: Mode) -> Import:
        self.modes.append(mode)
        refused = [Refusal(7, "name", "is there already") for value in values if value[0] == 7]
        good = [value for value in values if value[0] != 7]
        if mode is Mode.GOOD_ROWS or (mode is Mode.WHOLE and not refused):
            self.kept += good
        return Import(0 if mode is Mode.WHOLE and refused else len(good), 0, refused)

    async def take(self, sheet: Sheet[Pair], how: How, *, as_json: bool = False) -> Exit:
        return await store_sheet(
            sheet, how, lambda pair: pair[0], self.store, what="partners", as_json=as_json
        )


@pytest.mark.parametrize(
    "text",
    [
        "number,name\n1,Kłos\n2,Promyk\n",
        "\ufeffnumber;name\r\n1;Kłos\r\n2;Promyk\r\n",
        'name,note,number\n"Kłos",,1\n\nPromyk,,2',
        "number,name,refused_line,refused_because\n1,Kłos,3,name: is empty\n2,Promyk,,\n",
    ],
)
def test_files_as_spreadsheets_write_them(tmp_path: Path, text: str) -> None:
    """Comma or semicolon, byte order mark, quotes, blank lines, any order of columns, notes of a refusal."""
    sheet = sheet_of(tmp_path / "a.csv", text)
    assert [line.value for line in sheet.lines] == [(1, "Kłos", ""), (2, "Promyk", "")]
    assert sheet.refused == []


def test_bad_lines_are_refused_one_by_one(tmp_path: Path) -> None:
    """A bad line is told with the number an editor shows and its column; what stood there is not repeated."""
    text = (
        'number,name\n1,"Kłos\nDwa"\nx,Promyk\n3\n,Perła\n4,a\0b\n5,c\ufeff\n100,d\n2147483648,e\n9,Optyk\n'
    )
    sheet = sheet_of(tmp_path / "a.csv", text)
    assert [line.number for line in sheet.lines] == [11]
    unseen = "has a character that cannot be seen (a control character or a mark)"
    assert [(entry.line, entry.column, entry.reason) for entry in sheet.refused] == [
        (2, "name", unseen),
        (4, "number", "is no number from 0 to 99"),
        (5, "", "has 1 fields, the header has 2"),
        (6, "number", "is empty"),
        (7, "name", unseen),
        (8, "name", unseen),
        (9, "number", "is no number from 0 to 99"),
        (10, "number", "is no number from 0 to 99"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("name\nKłos\n", "line 1: column 'number' is missing"),
        ("number,name,colour\n", "line 1: column 3 is unknown"),
        ("number,name,name\n", "twice"),
        (b"number,name\n1,K\xb3os\n", "line 2, byte 4: is not UTF-8"),
        ("number,name\n1,Kłos\n".encode("utf-16"), "line 1, byte 1: is not UTF-8"),
        ('number,name\n1,"Kłos\n', "line 2"),
        ("number,name\n1," + "a" * 200_000 + "\n", "line 2: field larger"),
        ("", "column 'number' is missing"),
        ("4000000000000002,Kłos\n", "column 'number' is missing"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, text: str | bytes, cause: str) -> None:
    """A wrong header, encoding or quoting is one line that names the file and the place in it."""
    with pytest.raises(CommandError, match=cause) as caught:
        sheet_of(tmp_path / "a.csv", text)
    assert caught.value.status is Exit.USAGE
    assert "a.csv" in str(caught.value)
    assert "4000000000000002" not in str(caught.value)


def test_an_absent_file_says_so(tmp_path: Path) -> None:
    """A path that is not there is a line with cause and cure."""
    with pytest.raises(CommandError, match="No such file"):
        read_sheet(tmp_path / "absent.csv", COLUMNS, read_pair)


@given(data=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"number,name\n{text}".encode()))
def test_no_file_is_a_surprise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever the bytes: lines that keep the bounds, refusals with a reason, or one error of usage."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        sheet = read_sheet(path, COLUMNS, read_pair)
    except CommandError:
        return
    assert all(0 <= line.value[0] <= 99 and line.value[1].isprintable() for line in sheet.lines)
    assert all(entry.line > 1 and entry.reason for entry in sheet.refused)


BAD = "number,name\n1,Kłos\n2,Promyk\nx,Optyk\n1,Perła\n7,Kino\n"
REFUSED = [(4, "number"), (5, ""), (6, "name")]


async def test_one_bad_line_stores_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All or nothing: the whole file is judged, by reader and store, all that is wrong is told, nothing
    kept.
    """
    shelf = Shelf()
    assert await shelf.take(sheet_of(tmp_path / "a.csv", BAD), How(), as_json=True) is Exit.DIFFERENCES
    told = json.loads(capsys.readouterr().out)
    assert told["imported"] == 0
    assert [(entry["line"], entry["column"]) for entry in told["refused"]] == REFUSED
    assert shelf.kept == []
    only_the_store = sheet_of(tmp_path / "b.csv", "number,name\n1,Kłos\n7,Kino\n")
    assert await shelf.take(only_the_store, How()) is Exit.DIFFERENCES
    assert shelf.kept == []
    assert "0 partners imported" in capsys.readouterr().out


async def test_the_good_lines_are_stored_and_the_refused_written_down(tmp_path: Path) -> None:
    """--good-lines keeps the good ones.

    The refused go, with line and reason, to a file that imports again.
    """
    shelf = Shelf()
    sheet = sheet_of(tmp_path / "a.csv", BAD)
    assert await shelf.take(sheet, How(good_lines=True)) is Exit.DIFFERENCES
    assert [pair[0] for pair in shelf.kept] == [1, 2]
    refused = tmp_path / "a.csv.refused.csv"
    with refused.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["refused_line"], row["name"]) for row in rows] == [
        ("4", "Optyk"),
        ("5", "Perła"),
        ("6", "Kino"),
    ]
    refused.write_text(refused.read_text().replace("x,", "3,").replace("7,", "8,").replace("1,P", "4,P"))
    again = read_sheet(refused, COLUMNS, read_pair)
    assert await shelf.take(again, How(good_lines=True)) is Exit.OK
    assert [pair[0] for pair in shelf.kept] == [1, 2, 3, 4, 8]
    with pytest.raises(CommandError, match="is there already"):
        await shelf.take(sheet, How(good_lines=True))
    assert len(shelf.kept) == 5


async def test_a_dry_run_stores_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--dry-run tells what would be stored and what refused, with --good-lines or without.

    Nothing is kept.
    """
    shelf = Shelf()
    for how in (How(dry_run=True), How(dry_run=True, good_lines=True)):
        assert await shelf.take(sheet_of(tmp_path / "a.csv", BAD), how) is Exit.DIFFERENCES
        assert "2 partners would be imported, 0 there already, 3 lines refused" in capsys.readouterr().out
    assert await shelf.take(sheet_of(tmp_path / "a.csv", "number,name\n1,a\n"), How(dry_run=True)) is Exit.OK
    assert set(shelf.modes) == {Mode.DRY_RUN}
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_refused_line_reads_as_a_sentence() -> None:
    """Line, column and reason; without a column the line as such."""
    assert str(Refused(4, "name", "is empty")) == "line 4: name: is empty"
    assert str(Refused(5, "", "is line 2 once more")) == "line 5: is line 2 once more"
    with pytest.raises(LineError):
        whole_number({"n": "١"}, "n", 0, 99)


@pytest.mark.parametrize("text", ["0" * 19 + "1" + "9" * 5_000, "9" * 5_000, "0" * 5_000 + "100"])
def test_a_number_of_many_digits_is_out_of_bounds(text: str) -> None:
    """More digits than Python turns into a number, also behind zeros: the line is refused."""
    with pytest.raises(LineError, match="is no number from 0 to 99"):
        whole_number({"number": text}, "number", 0, 99)


def test_zeros_before_a_number_change_nothing() -> None:
    """However many there are."""
    assert whole_number({"number": "0" * 5_000 + "17"}, "number", 0, 99) == 17
