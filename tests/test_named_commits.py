"""A commit that a page names can be looked up: it is in the history, or the page says that it is not."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Seven figures, as git shortens, ten, as the bench does, or all forty. With a letter and a digit among them,
# or it is a number or a word.
COMMIT = re.compile(r"(?<![\w#])(?=\d*[a-f])(?=[a-f]*\d)(?:[0-9a-f]{7}|[0-9a-f]{10}|[0-9a-f]{40})(?!\w)")
SAID_TO_BE_OUTSIDE = re.compile(
    r"`?(?P<gone>[0-9a-f]{7})[0-9a-f]*`?,? \(?(?:which is )?not in the history any more|"
    r"'s repository at commit `(?P<theirs>[0-9a-f]{7})"
)
BYTES = "protocol/SPEC.md"
"""Frames in hexadecimal, and no commit."""


def git(*words: str) -> str:
    """What git says here. Skips where this is no checkout, or git is not there."""
    if shutil.which("git") is None:
        pytest.skip("git is not on the PATH")
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this is no checkout of git: {done.stderr.strip()}")
    return done.stdout


def missing(text: str, history: list[str]) -> set[str]:
    """The commits that a page names, that are not in the history, and that are not said to be outside."""
    outside = {found["gone"] or found["theirs"] for found in SAID_TO_BE_OUTSIDE.finditer(text)}
    return {
        named
        for named in COMMIT.findall(text)
        if named[:7] not in outside and not any(commit.startswith(named) for commit in history)
    }


def test_every_commit_named_is_in_the_history() -> None:
    """What was measured at a commit can be measured again; who rebases sees here what named the old one."""
    pages = [page for page in git("ls-files", "*.md").splitlines() if page != BYTES]
    if git("rev-parse", "--is-shallow-repository").strip() == "true":
        pytest.skip("a shallow clone has not the whole history")
    history = git("rev-list", "HEAD").split()
    texts = {page: (ROOT / page).read_text(encoding="utf-8") for page in pages}
    assert sum(len(COMMIT.findall(text)) for text in texts.values()) > 50
    found = {page: sorted(names) for page, text in texts.items() if (names := missing(text, history))}
    assert found == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("at abc1234, (0123abc; 0123abc456 with changes)", {"abc1234"}),
        ("--base abc1234`, `0123abc999`", {"abc1234", "0123abc999"}),
        ("abc1234 (which is not in the history any more), and again abc1234def", set()),
        ("commit abc1234 (not in the history any more)", set()),
        ("the Ministry's repository at commit `abc1234`", set()),
        ("#abc1234 1234567 abcdefa 12345678ab1 x0123fab ce 0098ab9a", set()),
    ],
)
def test_what_is_a_commit(text: str, names: set[str]) -> None:
    """Numbers, words, colours and bytes are none; one that is said to be outside is not looked for."""
    assert missing(text, ["0123abc456" + "0" * 30]) == names
