"""Every bound of the wire in one place: sizes, ranges, counts and time-outs.

Owns the numbers; knows nothing of sockets, clocks or storage. The time-outs are rules of the protocol that
SPEC.md states: they are named here so that both sides take them from one place, but nothing in this package
waits. Invariant: the bounds fit each other, asserted when the module is loaded.
"""

from typing import Final

VERSION: Final = 1
"""The only version spoken today; it stands in the third byte of every frame."""
VERSIONS_MAX: Final = 4
"""Most versions a HELLO may offer."""

# Frames (sizes in bytes).
LENGTH_SIZE: Final = 2
HEADER_SIZE: Final = 4
"""Length field, version and type."""
TAG_SIZE: Final = 16
FRAME_UNAUTHENTICATED_MAX: Final = 128
"""A whole frame, length field included, until the peer has proved its key."""
FRAME_MAX: Final = 4096
"""A whole frame, length field included, on an open session."""
BODY_MAX: Final = FRAME_MAX - HEADER_SIZE - TAG_SIZE

# Keys and nonces (sizes in bytes).
KEY_SIZE: Final = 32
NONCE_SIZE: Final = 32
SESSION_ID_SIZE: Final = 8
MAC_SIZE: Final = 32

# Ranges of fields.
TERMINAL_MAX: Final = 99_999_999
GENERATION_MAX: Final = 32_767
STAN_MAX: Final = 2**31 - 1
TERMINAL_TIME_MAX: Final = 2**32 - 1
AMOUNT_WIRE_MAX: Final = 10**12
"""Bound of amounts and tiers either way; zero, negative and too much get result codes from the switch."""
COUNT_MAX: Final = 2**31 - 1
INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
CODE_MAX: Final = 255
TIERS_MAX: Final = 16
BITS_MAX: Final = 255
"""Bound of a set of eight flags, known or not yet."""
MESSAGE_NUMBER_MAX: Final = 0x3F
OFFER_MAX: Final = 2**28 - 1
"""An offer's number and the number of one of its limits fit 31 bits together."""
OFFER_KIND_MAX: Final = 15

# Lists, each with a page where it may be longer than its bound.
OPERATIONS_MAX: Final = 32
OFFERS_MAX: Final = 48
"""Offers in one SIGN_ON reply; the next page is asked for by the last number."""

TOTALS_STANS_MAX: Final = 10_000
"""Most STANs one TOTALS may cover."""
BENEFITS_MAX: Final = 32
"""Benefits in one VERIFY reply; the next page is asked for by the last number."""
WRAPPED_KEY_SIZE: Final = 12 + KEY_SIZE + 16
"""Nonce, key and tag of AES-256-GCM."""

# Texts, in bytes of UTF-8 both ways: terminals have fixed buffers, and so has the switch.
CARD_BYTES_MAX: Final = 255
"""Far more than any card text that can be right: what a reader read wrongly is declined, not hung up on."""
SOFTWARE_BYTES_MAX: Final = 32
PROGRAMME_BYTES_MAX: Final = 32
PARTNER_NAME_BYTES_MAX: Final = 64
OFFER_NAME_BYTES_MAX: Final = 32
RECEIPT_BYTES_MAX: Final = 512
RESULT_TEXT_BYTES_MAX: Final = 64

# Card numbers.
CARD_DIGITS_MIN: Final = 16
CARD_DIGITS_MAX: Final = 19

# Time-outs of a connection.
HANDSHAKE_TIMEOUT_S: Final = 5
"""From the accepted connection to the ACCEPT written."""
FRAME_TIMEOUT_S: Final = 5
"""From the first byte of a frame to its last."""
WRITE_TIMEOUT_S: Final = 5
"""For the peer to take what is written to it."""
IDLE_TIMEOUT_S: Final = 120
"""Between frames of an open session."""

# The terminal's patience.
REPLY_TIMEOUT_S: Final = 5
TRIES_MAX: Final = 3
RETRY_WINDOW_S: Final = 15
"""After so long (or so many tries) without a final reply, an abandoned request is reversed."""
BACKOFF_MIN_S: Final = 1
BACKOFF_MAX_S: Final = 60

assert HEADER_SIZE + TAG_SIZE < FRAME_UNAUTHENTICATED_MAX < FRAME_MAX <= 0xFFFF
assert HEADER_SIZE + 3 + MAC_SIZE <= FRAME_UNAUTHENTICATED_MAX
# HELLO at its widest: two arrays, versions of two bytes each, u32, u16, bin8.
assert HEADER_SIZE + 2 + 2 * VERSIONS_MAX + 5 + 3 + 2 + NONCE_SIZE <= FRAME_UNAUTHENTICATED_MAX
# The widest replies, every integer in nine bytes: a status with its original, a sign-on full of offers.
assert (4 + 11) * 9 + 3 + RECEIPT_BYTES_MAX <= BODY_MAX
assert 8 * 9 + BENEFITS_MAX * (1 + 2 * 9) + 3 + RECEIPT_BYTES_MAX <= BODY_MAX
assert (
    11 * 9
    + (2 + PROGRAMME_BYTES_MAX)
    + (2 + PARTNER_NAME_BYTES_MAX)
    + TIERS_MAX * (1 + 2 * 9)
    + OPERATIONS_MAX
    + OFFERS_MAX * (1 + 5 + 1 + 2 + OFFER_NAME_BYTES_MAX)
    <= BODY_MAX
)
assert RETRY_WINDOW_S == REPLY_TIMEOUT_S * TRIES_MAX
assert RESULT_TEXT_BYTES_MAX <= RECEIPT_BYTES_MAX
# Track 1 (79 characters) and track 2 (40) as one text, ISO/IEC 7813.
assert CARD_BYTES_MAX >= 79 + 40
assert REPLY_TIMEOUT_S <= IDLE_TIMEOUT_S
