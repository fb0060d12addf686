"""The harnesses there are, by name, and their committed corpus.

The corpus of a harness is one file, corpus/NAME.hex: an input a line, shortest first. It is what
`python -m tests.fuzz --keep` left of everything that runs have found.
"""

from pathlib import Path
from typing import Final

from tests.fuzz import csv_files, decoder, frames, handshake, http_api, programme_files, session
from tests.fuzz.target import Target

TARGETS: Final[dict[str, Target]] = {
    module.TARGET.name: module.TARGET
    for module in (frames, handshake, decoder, session, programme_files, csv_files, http_api)
}
CORPUS: Final = Path(__file__).parent / "corpus"


def read_corpus(target: Target) -> list[bytes]:
    """Return the committed inputs of a harness."""
    path = CORPUS / f"{target.name}.hex"
    return [bytes.fromhex(line) for line in path.read_text().splitlines()] if path.exists() else []


def write_corpus(target: Target, inputs: set[bytes]) -> None:
    """Write the committed inputs of a harness, in an order of their own."""
    lines = [one.hex() for one in sorted(inputs, key=lambda data: (len(data), data))]
    (CORPUS / f"{target.name}.hex").write_text("".join(f"{line}\n" for line in lines))


def beginning(target: Target) -> list[bytes]:
    """What every run begins with: the committed corpus, and the harness' own seeds."""
    return list(dict.fromkeys([*read_corpus(target), *target.seeds()]))
