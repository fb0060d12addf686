"""A file that was sent to a page, looked at before anything is kept.

Owns the thread it is looked at in. Must not know whose it is. Invariant: no more of a
file is read than one may have, and it goes on only as it was found to be.
"""

from __future__ import annotations

from typing import Final

import trio
from starlette.datastructures import UploadFile

from ops.office.uploads.attachment import check_attachment
from ops.office.uploads.check import FILE_BYTES_MAX, Checked

_WORK: Final = trio.CapacityLimiter(2)
"""So many files are looked at at a time: it takes a processor's time and memory."""


async def checked_file(kind: str, file: UploadFile) -> Checked:
    """Return a file as it was found to be, for what it is attached as. Raises UploadRefused."""
    data = await file.read(FILE_BYTES_MAX + 1)
    return await trio.to_thread.run_sync(check_attachment, kind, data, limiter=_WORK)
