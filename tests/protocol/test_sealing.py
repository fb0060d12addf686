"""Tags in C and in Python: the same bytes, the same refusals; and Python alone where there is no C."""

import hmac
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.setup import build_native
from protocol import limits, sealing
from protocol.sealing import plain

ROOT = Path(__file__).resolve().parents[2]
BODIES = st.binary(min_size=1, max_size=400)
VARIANTS = ("plain", "native", "native without SHA instructions")
EVERYWHERE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
"""The fixture is the same for all examples of a test."""


def native() -> ModuleType:
    """Return the C; where it is not built the test is skipped, never in CI."""
    if importlib.util.find_spec("protocol.sealing.native") is None:
        assert "CI" not in os.environ, "CI builds the C"
        pytest.skip("protocol/sealing/native.c is not built here (no compiler or no Python.h)")
    return importlib.import_module("protocol.sealing.native")


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """Each way of doing it in turn."""
    if request.param == "plain":
        yield plain
        return
    module = native()
    module.use_instructions(request.param == "native")
    yield module
    module.use_instructions(True)


def frame_of(key: bytes, sequence: int, type_byte: int, body: bytes) -> bytes:
    """A data frame by the words of SPEC.md, "Frames" and "Tags"."""
    head = (2 + len(body) + limits.TAG_SIZE).to_bytes(2) + bytes([limits.VERSION, type_byte])
    tag = hmac.digest(key, sequence.to_bytes(8) + head + body, "sha256")[: limits.TAG_SIZE]
    return head + body + tag


@EVERYWHERE
@given(st.binary(max_size=64), st.lists(st.tuples(st.integers(0, 255), BODIES), min_size=1, max_size=5))
def test_frames_are_sealed_and_opened_as_specified(
    variant: ModuleType, key: bytes, messages: list[tuple[int, bytes]]
) -> None:
    """Each frame is header, body and HMAC-SHA256 over its number and both; and opens to its body."""
    sealer, opener = variant.Sealer(key), variant.Opener(key)
    for sequence, (type_byte, body) in enumerate(messages):
        frame = sealer.seal(type_byte, body)
        assert frame == frame_of(key, sequence, type_byte, body)
        assert opener.open(frame) == body


@pytest.mark.parametrize("size", [*range(1, 260), limits.BODY_MAX])
def test_every_length_is_tagged_alike(variant: ModuleType, size: int) -> None:
    """Wherever a hash block ends in a frame: the tag is that of the standard library."""
    body, key = bytes(index % 251 for index in range(size)), bytes(range(32))
    frame = variant.Sealer(key).seal(0x20, body)
    assert frame == frame_of(key, 0, 0x20, body)
    assert variant.Opener(key).open(frame) == body


@EVERYWHERE
@given(st.integers(0, 255), st.binary(max_size=400))
def test_a_digest_is_the_first_8_bytes_of_sha256(variant: ModuleType, type_byte: int, body: bytes) -> None:
    """Of the message number and the body, signed, whatever the repeat and reply bits."""
    digest = sha256(bytes([type_byte & 0x3F]) + body).digest()
    assert variant.request_digest(type_byte, body) == int.from_bytes(digest[:8], signed=True)


@EVERYWHERE
@given(BODIES, st.data())
def test_a_changed_frame_is_not_opened(variant: ModuleType, body: bytes, data: st.DataObject) -> None:
    """One bit anywhere, another place in the order, another key, the other direction: None, and the right
    frame still opens after it.
    """
    key = bytes(range(32))
    frame = variant.Sealer(key).seal(0x20, body)
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    changed = bytearray(frame)
    changed[bit // 8] ^= 1 << bit % 8
    opener = variant.Opener(key)
    assert opener.open(bytes(changed)) is None
    assert variant.Opener(bytes(32)).open(frame) is None
    assert opener.open(frame) == body
    assert opener.open(frame) is None


def test_what_is_no_frame_is_refused_and_not_read(variant: ModuleType) -> None:
    """A key that is too long, and, in C, too few bytes or no bytes at all: ValueError, before anything is
    read.
    """
    for kind in (variant.Opener, variant.Sealer):
        with pytest.raises(ValueError, match="at most 64 bytes"):
            kind(bytes(65))
    if variant is plain:
        return
    for wrong in (b"", bytes(limits.HEADER_SIZE + limits.TAG_SIZE), bytearray(40), "x" * 40, None):
        with pytest.raises(ValueError, match="a whole data frame"):
            variant.Opener(b"").open(wrong)
    for arguments in ((256, b"x"), (-1, b"x"), (1, "x"), (1, bytes(65_518)), (1,)):
        with pytest.raises((ValueError, TypeError)):
            variant.Sealer(b"").seal(*arguments)
    for arguments in ((256, b"x"), (-1, b"x"), (1, None), ()):
        with pytest.raises((ValueError, TypeError)):
            variant.request_digest(*arguments)


WITHOUT_C = """
import sys
{before}
import protocol.sealing
assert not protocol.sealing.IS_NATIVE
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "tests/protocol/test_vectors.py"]))
"""


@pytest.mark.parametrize(
    "before",
    [
        'sys.modules["protocol.sealing.native"] = None',
        'import types; old = types.ModuleType("native"); old.LAYOUT = (4, 32, 1)\n'
        'sys.modules["protocol.sealing.native"] = old',
    ],
    ids=["not built", "built for another layout"],
)
def test_python_does_it_where_there_is_no_c(before: str) -> None:
    """Without the C, or with that of another layout of frames, every published vector still holds."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_C.format(before=before)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_c_is_what_runs_where_it_is_built() -> None:
    """Nobody runs the slower one by mistake."""
    assert sealing.Opener is native().Opener
    assert sealing.IS_NATIVE


def test_without_a_compiler_or_headers_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The set-up goes on, and tells in a line what to install; what is there already is left alone."""
    monkeypatch.setattr(build_native, "target", lambda _: tmp_path / "native.so")
    monkeypatch.setenv("CC", "false")
    source, *_ = build_native.SOURCES
    assert build_native.build(source).startswith("false failed")
    monkeypatch.setattr(build_native.sysconfig, "get_path", lambda _: str(tmp_path))
    assert "no Python.h" in build_native.build(source)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no C compiler" in build_native.build(source)
    assert list(tmp_path.iterdir()) == []
