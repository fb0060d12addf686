"""Mutations drawn from a seed: of bytes with msgpack in mind, and of texts line by line.

Owns what is changed. Knows no harness. Invariant: a function of its generator and its input.
"""

import random
from typing import Final

MARKS: Final = {
    0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 2, 0xC9: 5, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8,
    0xD0: 1, 0xD3: 8, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4,
}  # fmt: skip
INTERESTING: Final = [
    *(bytes([byte]) for byte in bytes.fromhex("007f808f90919fa0bfc0c1c2e0ff")),
    *(bytes([mark]) + b"\xff" * size for mark, size in MARKS.items()),
    *map(bytes.fromhex, ("cb7ff8000000000000", "d4ff00", "d38000000000000000", "a2c328", "a3eda080")),
]
"""Every mark of msgpack, most with a length or a value that cannot be."""
SCRAPS: Final = [
    "", "0", "-1", "true", "9" * 30, "1e400", "nan", "[]", "{}", "[[]]", '""', '"\\u0000"', '"' + "x" * 300,
    "2024-02-30", "2024-06-01", "24:00:00", "'''", "[", "=", "\0", "\u202e", "ż" * 70, "0x", "1_0", "{a = 1}",
    "18446744073709551616",
]  # fmt: skip


def mutated(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Change a body in one to four places: a byte, a mark, a piece of another body, a cut, a repetition."""
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(6):
            case 0:
                data = data[:at] + rng.randbytes(1) + data[at + 1 :]
            case 1:
                data = data[:at] + rng.choice(INTERESTING) + data[at + rng.randrange(2) :]
            case 2:
                other = rng.choice(others)
                data = data[:at] + other[rng.randrange(len(other) + 1) :]
            case 3:
                data = data[:at] + data[at + rng.randrange(1, 9) :]
            case 4:
                data = data[:at] + data[at : at + rng.randrange(1, 9)] * rng.randrange(1, 40) + data[at:]
            case _:
                data = bytes([0x91]) * rng.randrange(1, 30) + data
    return data


def mutated_text(rng: random.Random, text: str, separator: str) -> str:
    """Change a file in one to three places: a line lost, doubled, moved, cut, or given another value."""
    lines = text.split("\n")
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(lines))
        name, mark, value = lines[at].partition(separator)
        match rng.randrange(7):
            case 0:
                del lines[at]
            case 1:
                lines.insert(rng.randrange(len(lines)), lines[at])
            case 2:
                lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
            case 3 | 4:
                lines[at] = f"{name}{mark or separator}{rng.choice(SCRAPS)}"
            case 5:
                other = rng.choice(lines).partition(separator)[2]
                lines[at] = f"{name}{mark}{other or value}"
            case _:
                place = rng.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:place] + rng.choice(SCRAPS) + lines[at][place:]
        lines = lines or [""]
    return "\n".join(lines)
