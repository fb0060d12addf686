"""Files with secrets: written beside their place, safe on the disk, and only then put there.

Owns the order. A file that is there already is never overwritten; what was written beside and never put in
place is removed, unless it may hold the only copy of something that counts (`keep`).
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping
from pathlib import Path

from ledger.errors import RegistryRefused

_NO_PLACE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


class PrivateFiles:
    """Some files to be made together, each with mode 0600."""

    def __init__(self, texts: Mapping[Path, str]) -> None:
        self._texts = texts
        self._beside: dict[Path, Path] = {}

    def write_beside(self) -> None:
        """Write all texts to new files next to their places, through to the disk.

        Raises RegistryRefused for a place that is taken, OSError when the disk does not take it; nothing is
        left behind then.
        """
        try:
            for place in self._texts:
                if place.exists() or place.is_symlink():
                    raise RegistryRefused(f"{place} is there already: name a new file")
            for place, text in self._texts.items():
                beside = place.with_name(f".{place.name}.{os.getpid()}")
                descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                self._beside[place] = beside
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
            self._sync_folders()
        except OSError as error:
            self.remove()
            if error.errno in _NO_PLACE:
                raise RegistryRefused(f"{error.filename}: {error.strerror}: name another place") from None
            raise

    def put_in_place(self) -> None:
        """Give the files their names. Raises OSError; the rest then stays beside, see `kept`."""
        for place, beside in list(self._beside.items()):
            os.link(beside, place)  # fails where rename would overwrite
            del self._beside[place]
            os.unlink(beside)
        self._sync_folders()

    def remove(self) -> None:
        """Remove what stands beside: it counts for nothing."""
        for beside in self._beside.values():
            with contextlib.suppress(OSError):
                os.unlink(beside)
        self._beside.clear()

    def kept(self) -> list[Path]:
        """What still stands beside its place."""
        return list(self._beside.values())

    def _sync_folders(self) -> None:
        for folder in {place.parent for place in self._texts}:
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
