"""Key derivation and tags against the published vectors of RFC 5869 and RFC 4231."""

import pytest

from protocol.keys import derive_session_keys, hkdf_expand, hkdf_extract, mac

# RFC 5869 appendix A.1 to A.3: key material, salt, info, PRK, OKM.
RFC_5869 = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


@pytest.mark.parametrize(("key_material", "salt", "info", "prk", "okm"), RFC_5869)
def test_hkdf_is_rfc_5869(key_material: str, salt: str, info: str, prk: str, okm: str) -> None:
    """HKDF-SHA256 gives the published values of appendix A.1, A.2 and A.3."""
    extracted = hkdf_extract(bytes.fromhex(salt), bytes.fromhex(key_material))
    assert extracted.hex() == prk
    assert hkdf_expand(extracted, bytes.fromhex(info), len(okm) // 2).hex() == okm


def test_mac_is_rfc_4231() -> None:
    """HMAC-SHA256 gives the published value of RFC 4231 test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert mac(b"Jefe", b"what do ya want for nothing?").hex() == expected


def test_every_input_changes_every_key() -> None:
    """Terminal key, either nonce and the transcript each change all five keys; no two are equal."""
    base = (bytes(32), bytes(32), bytes(32), bytes(32))
    keys = derive_session_keys(*base)
    assert len(set(keys)) == 5
    for place in range(4):
        changed = [*base]
        changed[place] = bytes(31) + b"\x01"
        assert not set(keys) & set(derive_session_keys(*changed))
