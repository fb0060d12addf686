"""Pictures and PDFs for tests, made by hand so that nothing in them is unknown: few bytes, a page's sides."""

import zlib

JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300"
    + "01" * 64
    + "ffc0000b0806da04d801011100ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b5"
    "100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f024336272"
    "82090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a"
    "838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9da"
    "e1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008010100003f00fbd0ffd9"
)


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def jpeg(width: int, height: int) -> bytes:
    """A picture that says it has so many pixels."""
    was, sides = bytes.fromhex("06da04d8"), height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return JPEG.replace(b"\xff\xc0\0\x0b\x08" + was, b"\xff\xc0\0\x0b\x08" + sides)


def png(
    *more: bytes, width: int = 1_240, height: int = 1_754, interlace: int = 0, raw: bytes | None = None
) -> bytes:
    """A picture in shades of grey; `more`: chunks between its header and its pixels."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 0, 0, 0, interlace))
    pixels = zlib.compress((b"\0" + b"\x7f" * width) * height if raw is None else raw)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(more)
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )


def pdf(*objects: bytes) -> bytes:
    """A page without anything on it; `objects`: what stands in the file besides."""
    body = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    body += b"2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n"
    for number, text in enumerate(objects, 3):
        body += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    return body + b"xref\n0 1\ntrailer\n<</Root 1 0 R/Size 3>>\nstartxref\n%d\n%%%%EOF\n" % len(body)


def stream(told: bytes, body: bytes) -> bytes:
    """A stream of a PDF, and what its dictionary tells of it."""
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (told, len(body), body)


def packed_objects(text: bytes, name: bytes = b"ObjStm") -> bytes:
    """A stream of objects, compressed."""
    return stream(b"/Type/%s/N 1/First 4/Filter/FlateDecode" % name, zlib.compress(text))


def zip_end(comment: bytes = b"") -> bytes:
    """What an archive without files ends with."""
    return b"PK\x05\x06" + bytes(16) + len(comment).to_bytes(2, "little") + comment
