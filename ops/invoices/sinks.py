"""Where issued documents go: a plug, with files in a folder as the one that is there.

Owns the protocol of a sink, the sink of files, and how another one is found. Must not know the registry.
Invariants: sending the same document twice is the same as once; a file stands whole under its name or not at
all.
"""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.registry.invoices import Kind

GROUP: Final = "cityswitch.invoice_sinks"
"""Entry points of a package that brings a sink: each a callable without arguments that returns one."""


class Document(NamedTuple):
    """One document as it was issued."""

    text: str
    kind: Kind
    content: bytes


class Sink(Protocol):
    """Takes documents one by one, in the order of their numbers, in a thread of its own."""

    name: str
    """How it is called in the registry, at most 64 characters."""

    def send(self, document: Document) -> str:
        """Send one document and return its KSeF number, "" where it is not known (yet, or a note never).

        The same document may come again, for a run can end between the sending and the note of it. Raises
        RegistryRefused for a document that was refused, OSError where it could not be sent now.
        """


class FileSink:
    """Puts each document as a file into a folder, for whoever carries them on: F-CODE-2026-17.xml."""

    name = "file"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path_of(self, document: Document) -> Path:
        """Return where a document stands."""
        return self.folder / f"{document.text.replace('/', '-')}.xml"

    def send(self, document: Document) -> str:
        """Write the file through to the disk and only then give it its name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.path_of(document)
        if _is_there(place, document.content):
            return ""
        descriptor, beside = tempfile.mkstemp(prefix=f".{place.name}.", dir=self.folder)  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(document.content)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(beside, place)  # fails where rename would overwrite
            except FileExistsError:
                _is_there(place, document.content)
        finally:
            os.unlink(beside)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return ""


def _is_there(place: Path, content: bytes) -> bool:
    """Return whether the file is there as it should be. Raises RegistryRefused where it is another."""
    try:
        if place.read_bytes() == content:
            return True
    except FileNotFoundError:
        return False
    raise RegistryRefused("{place} is another document: move it away", place=place)


def find_sink(name: str, folder: Path) -> Sink:
    """Return the sink of that name: "file", or one an installed package brings. Raises NotInRegistry."""
    if name == FileSink.name:
        return FileSink(folder)
    for found in entry_points(group=GROUP, name=name):
        sink: Sink = found.load()()
        return sink
    known = sorted({FileSink.name, *(found.name for found in entry_points(group=GROUP))})
    raise NotInRegistry("there is no sink of that name: {sinks}", sinks=tuple(known))
