"""The documents and the tree agree: what a page names is there, and every room is on the page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("protocol", "ledger", "switch", "simulators", "bench", "ops")
VENDORED = "VENDOR"
PAGES = tuple(
    sorted(
        str(path.relative_to(ROOT))
        for path in (
            *ROOT.glob("*.md"),
            *(found for at in (*PACKAGES, "docs", "tests") for found in (ROOT / at).rglob("*.md")),
        )
        if path.stem != VENDORED
    )
)
PATH = re.compile(r"`((?:\.ci|tests|" + "|".join(PACKAGES) + r")/[\w./-]*\w|pyproject\.toml|Makefile)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SCHEME = re.compile(r"[a-z]+:")
MADE = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()}
"""What runs make: it is on no page's word that it is there."""


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the usual renderers make them."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(here: Path, page: str, link: str) -> bool:
    """Return whether a link's file exists, and has the heading it names."""
    path, _, anchor = link.partition("#")
    target = here / path if path else ROOT / page
    return target.exists() and (not anchor or anchor in anchors(target))


def test_pages_are_found() -> None:
    """The pages that are checked are all there are, wherever they stand."""
    assert {"README.md", "SECURITY.md", "docs/tutorial.md", "protocol/SPEC.md", "bench/README.md"} <= {*PAGES}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_on_a_page_is_there(page: str) -> None:
    """A file or folder that a document names in code or links to exists."""
    text = (ROOT / page).read_text(encoding="utf-8")
    here = (ROOT / page).parent
    named = [
        path
        for path in PATH.findall(text)
        if path not in MADE and not any((at / path).exists() for at in (ROOT, here))
    ]
    linked = [
        link
        for link in LINK.findall(text)
        if not SCHEME.match(link) and not leads_somewhere(here, page, link)
    ]
    assert (named, linked) == ([], [])


def test_every_room_is_on_the_page() -> None:
    """ARCHITECTURE.md, "The parts", names every folder with code in it."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    parts = text.partition("## The parts")[2].partition("\n## ")[0]
    for package in PACKAGES:
        assert f"`{package}/`" in parts
        for room in (path.parent.name for path in (ROOT / package).glob("*/__init__.py")):
            assert f"`{room}`" in parts or f"`{room}/`" in parts, f"{package}/{room}"


def test_the_code_cites_what_is_in_the_repository() -> None:
    """A document that the code cites by name is one of the repository's."""
    cited = re.compile(r"\b([A-Za-z_-]+\.md)\b|\((design), ")
    names, unknown = {Path(page).name for page in PAGES}, []
    for folder in (*PACKAGES, "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for match in cited.finditer(path.read_text(encoding="utf-8")):
                name = match[1] or match[2]
                if name not in names:
                    unknown.append(f"{path.relative_to(ROOT)}: {name}")
    assert unknown == []
