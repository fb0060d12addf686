"""docs/tutorial.md from the first line to the last, as a newcomer types it."""

from pathlib import Path

import pytest

from tests.tutorial import PAGE, Reader, dialogues, masked, rewritten


def test_the_tutorial_is_run_line_by_line(tmp_path: Path) -> None:
    """Every command of the page prints what stands below it."""
    page = PAGE.read_text(encoding="utf-8")
    reader = Reader(tmp_path)
    try:
        reader.store(page)
        for command, shown in dialogues(page):
            assert masked(reader.type(command)) == masked(shown), command
    finally:
        reader.close()


def test_only_what_is_the_readers_own_may_differ() -> None:
    """A date may differ, and a point may not."""
    assert masked("2026-11-27 03:10  4 pts") == masked("2027-01-01 13:59   4 pts")
    assert masked("4 pts") != masked("5 pts")


@pytest.mark.parametrize("printed", ["", "one\n", "one\ntwo\n"])
def test_a_page_is_written_with_what_was_printed(printed: str) -> None:
    """Outputs take the place of the old ones; words and files stay."""
    page = "Words.\n\n```toml a.toml\nx = 1\n```\n\n```console\n$ first\nold\n$ second\n```\n"
    new = rewritten(page, [printed, "last\n"])
    assert dialogues(new) == [("first", printed), ("second", "last\n")]
    assert "x = 1" in new
    assert "old" not in new
