"""Where a frame ends, for servers that know no more of the protocol than its two bytes of length."""


def whole_frames(data: bytes) -> int:
    """Return how many bytes at the beginning of `data` are whole frames."""
    size, at = len(data), 0
    while size - at >= 2:
        end = at + 2 + (data[at] << 8 | data[at + 1])
        if end > size:
            break
        at = end
    return at
