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
NUMBER = re.compile(r"^\d+\. ")
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


def headings_cited(text: str) -> list[tuple[str, str]]:
    """Return the pages that a text cites, each with the heading it cites, whatever lines they are on."""
    words = re.sub(r"\s*\n[\s#*/-]*", " ", text)
    return re.findall(r'\b(?:[\w-]+/)*([\w-]+\.md), "([^"\\]+)"', words)


def test_a_heading_that_is_cited_is_on_its_page() -> None:
    """Whoever looks up the reason of a rule finds it under the words the code cites."""
    headings: dict[str, set[str]] = {}
    for page in PAGES:
        found = HEADING.findall((ROOT / page).read_text(encoding="utf-8"))
        headings.setdefault(Path(page).name, set()).update(NUMBER.sub("", each) for each in found)
    paths = [ROOT / page for page in PAGES]
    for folder in (*PACKAGES, "tests"):
        paths += [path for kind in ("py", "pyi", "c", "sql") for path in (ROOT / folder).rglob(f"*.{kind}")]
    cited = {
        (str(path.relative_to(ROOT)), page, heading)
        for path in paths
        for page, heading in headings_cited(path.read_text(encoding="utf-8"))
    }
    assert len(cited) > 20
    dangling = [cite for cite in sorted(cited) if cite[2] not in headings.get(cite[1], set())]
    assert dangling == []


def test_a_citation_may_be_broken_into_lines() -> None:
    """In prose, in a comment of Python, of C and of SQL."""
    broken = 'SPEC.md, "One\n# two", docs/rules.md,\n     * "Three\n-- four"; rules.md and "five"'
    assert headings_cited(broken) == [("SPEC.md", "One two"), ("rules.md", "Three four")]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_is_there(page: str) -> None:
    """A block of code or of output has something in it: an empty one is an output that was never pasted."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    fences = [number for number, line in enumerate(lines) if line.lstrip().startswith("```")]
    assert len(fences) % 2 == 0
    blocks = zip(fences[::2], fences[1::2], strict=True)
    assert [begin + 1 for begin, end in blocks if not "".join(lines[begin + 1 : end]).strip()] == []
