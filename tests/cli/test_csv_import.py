"""CSV files: good lines are kept, refused lines are reported with number and reason."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from ops.cli.csv_import import (
    BATCH_LINES_MAX,
    Columns,
    Line,
    LineError,
    Refused,
    count_lines,
    import_lines,
    read_lines,
    report,
)
from ops.errors import CommandError
from ops.exit_codes import Exit

COLUMNS = Columns(required=("number", "name"), optional=("note",))


def read_pair(row: Mapping[str, str]) -> tuple[int, str, str]:
    """Read a line of the table used here; numbers above 99 are refused."""
    if not row["number"].isdigit() or int(row["number"]) > 99:
        raise LineError("number is not between 0 and 99")
    return int(row["number"]), row["name"], row["note"]


def lines_of(path: Path, text: str | bytes) -> list[Line[tuple[int, str, str]] | Refused]:
    """Return every line of a file with this text."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_lines(path, COLUMNS, read_pair))


@pytest.mark.parametrize(
    "text",
    [
        "number,name\n1,Kłos\n2,Promyk\n",
        "\ufeffnumber;name\r\n1;Kłos\r\n2;Promyk\r\n",
        'name,note,number\n"Kłos",,1\n\nPromyk,,2',
    ],
)
def test_files_as_spreadsheets_write_them(tmp_path: Path, text: str) -> None:
    """Comma or semicolon, byte order mark, quotes, blank lines and any order of columns are read alike."""
    lines = lines_of(tmp_path / "a.csv", text)
    assert [line.value for line in lines if isinstance(line, Line)] == [(1, "Kłos", ""), (2, "Promyk", "")]
    assert not [line for line in lines if isinstance(line, Refused)]


def test_bad_lines_are_refused_one_by_one(tmp_path: Path) -> None:
    """A bad line is refused with the number an editor shows, and the lines around it stay."""
    lines = lines_of(tmp_path / "a.csv", "number,name\n1,Kłos\nx,Promyk\n3\n,Perła\n5,Optyk\n")
    assert [line.number for line in lines if isinstance(line, Line)] == [2, 6]
    assert [line for line in lines if isinstance(line, Refused)] == [
        Refused(3, "number is not between 0 and 99"),
        Refused(4, "has 1 fields, the header has 2"),
        Refused(5, "number is empty"),
    ]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("name\nKłos\n", "column 'number' is missing"),
        ("number,name,colour\n", "column 'colour' is unknown"),
        ("number,name,name\n", "twice"),
        (b"number,name\n1,K\xb3os\n", "not UTF-8"),
        ('number,name\n1,"Kłos\n', "line 2"),
        ("", "column 'number' is missing"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, text: str | bytes, cause: str) -> None:
    """A wrong header, encoding or quoting stops the import with one line that names the file."""
    with pytest.raises(CommandError, match=cause) as caught:
        lines_of(tmp_path / "a.csv", text)
    assert caught.value.status is Exit.USAGE
    assert "a.csv" in str(caught.value)


def test_an_absent_file_says_so(tmp_path: Path) -> None:
    """A path that is not there is a line with cause and cure."""
    with pytest.raises(CommandError, match="No such file"):
        list(read_lines(tmp_path / "absent.csv", COLUMNS, read_pair))
    assert count_lines(tmp_path / "absent.csv") == 0


async def test_batches_are_stored_and_refusals_of_the_store_are_reported(tmp_path: Path) -> None:
    """Every good line reaches the store in bounded batches; what the store refuses joins the report."""
    path = tmp_path / "a.csv"
    path.write_text("number,name\n" + "".join(f"{n % 120},a\n" for n in range(2_500)), encoding="utf-8")
    sizes: list[int] = []

    async def store(batch: list[Line[tuple[int, str, str]]]) -> list[Refused]:
        sizes.append(len(batch))
        return [Refused(line.number, "is there already") for line in batch if line.value[0] == 7]

    lines = read_lines(path, COLUMNS, read_pair)
    stored, refused = await import_lines(lines, store, what="pairs", lines_total=count_lines(path))
    assert max(sizes) == BATCH_LINES_MAX
    assert stored + len(refused) == 2_500
    assert [entry.line for entry in refused] == sorted(entry.line for entry in refused)
    assert {entry.reason for entry in refused} == {"number is not between 0 and 99", "is there already"}


def test_the_report_for_scripts_lists_every_refused_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json the report is one document, and the exit status says that lines were refused."""
    status = report(3, [Refused(5, "number is empty")], what="cards", as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "imported": 3,
        "refused": [{"line": 5, "reason": "number is empty"}],
    }
    assert status is Exit.DIFFERENCES
    assert report(3, [], what="cards", as_json=False) is Exit.OK
