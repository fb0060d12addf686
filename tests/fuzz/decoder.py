"""The decoder: any body, for any message there is. One byte says which, the rest is the body."""

from protocol import limits
from protocol.messages import DECODE_ERRORS, MESSAGE_OF, REPLY_OF, REQUEST_OF, decoder, encode, texts_fit
from protocol.published.samples import sample
from protocol.published.vector_cases import REPLIES, REQUESTS
from tests.fuzz.mutate import mutated
from tests.fuzz.sides import OPENING
from tests.fuzz.target import Escape, Outcome, Target

NUMBERS = list(MESSAGE_OF)
READERS = [(decoder(message), message) for message in MESSAGE_OF.values()]


def run(data: bytes) -> Outcome:
    """Read it or refuse it by a declared error; what was read is of its class and reads the same again."""
    if not data:
        return Outcome("empty")
    which = data[0] % len(READERS)
    decode, message = READERS[which]
    try:
        got = decode(data[1:])
    except DECODE_ERRORS as error:
        return Outcome("refused", (which, str(error)))
    if type(got) is not message or decode(encode(got)) != got:
        raise Escape(f"{message.__name__} is not what was written")
    return Outcome("read", (which, texts_fit(got)))


def seeds() -> list[bytes]:
    """A sample of every message, and the messages of vectors.json."""
    messages = {**REQUEST_OF, **REPLY_OF}.items()
    bodies = [bytes([NUMBERS.index(number)]) + encode(sample(message)) for number, message in messages]
    handshake = (OPENING.hello, OPENING.challenge, OPENING.proof, OPENING.accept)
    bodies += [bytes([NUMBERS.index(frame[3])]) + frame[4:] for frame in handshake]
    place = {message: NUMBERS.index(number) for number, message in MESSAGE_OF.items()}
    bodies += [bytes([place[type(message)]]) + encode(message) for _, message, _ in REQUESTS]
    bodies += [bytes([NUMBERS.index(number | 0x80)]) + encode(message) for _, number, message in REPLIES]
    return bodies


TARGET = Target("decoder", run, seeds, mutated, ("protocol",), limits.BODY_MAX + 1)
