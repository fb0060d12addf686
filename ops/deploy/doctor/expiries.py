"""What ends by its date, and the master key's note.

Owns the limits in days. Must not read the database: it is given what was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ledger.registry.erasures import KeysLeft
from ledger.registry.key_expiry import KeysRunningOut
from ledger.registry.peppers import Peppers
from ops.deploy.doctor.finding import Finding, Level
from ops.office.master_key import KeyState
from switch.process.certificate import Certificate

DAY_MS: Final = 86_400_000
CERTIFICATE_DAYS_WARN: Final = 30
CERTIFICATE_DAYS_DANGER: Final = 7
KEY_DAYS_WARN: Final = 14


def judge_certificate(certificate: Certificate | None, now_ms: int) -> Finding:
    """Judge how long terminals can go on trusting the certificate; None: they speak plain TCP."""
    if certificate is None:
        return Finding("certificate", "ok", "terminals speak plain TCP")
    endangers, cure = "no terminal can connect", "Renew it, then `systemctl reload cityswitch` (SIGHUP)."
    if problem := certificate.problem(now_ms):
        return Finding("certificate", "danger", problem, endangers, cure)
    days = (certificate.not_after_ms - now_ms) // DAY_MS
    seen = f"valid until {certificate.until}, {days} days"
    if days >= CERTIFICATE_DAYS_WARN:
        return Finding("certificate", "ok", seen)
    level: Level = "danger" if days < CERTIFICATE_DAYS_DANGER else "warning"
    return Finding("certificate", level, seen, f"{endangers} after that", cure)


def judge_revocations(until_ms: int | None, now_ms: int) -> Finding:
    """Judge how long the lists of revoked terminals' certificates hold; None: there is none."""
    if until_ms is None:
        return Finding("revoked certificates", "ok", "no list that ends")
    days = (until_ms - now_ms) // DAY_MS
    if days >= CERTIFICATE_DAYS_DANGER:
        return Finding("revoked certificates", "ok", f"the list holds for {days} days")
    level: Level = "danger" if days < 1 else "warning"
    return Finding(
        "revoked certificates", level, f"the list of tls_client_crl holds for {days} days",
        "no terminal can connect after that",
        "Have the authority make a newer one, then `systemctl reload cityswitch` (SIGHUP).",
    )  # fmt: skip


def judge_terminal_keys(keys: KeysRunningOut) -> Finding:
    """Judge how many active terminals have no key, or will have none soon."""
    if not keys.ended and not keys.ending:
        return Finding("terminal keys", "ok", f"none ends within {KEY_DAYS_WARN} days")
    seen = (
        f"of active terminals {keys.ended} have no key that holds and {keys.ending} will have none within "
        f"{KEY_DAYS_WARN} days, e.g. {keys.example}"
    )
    return Finding(
        "terminal keys", "danger" if keys.ended else "warning", seen, "these terminals cannot sign on",
        "`cityswitch terminals key rotate`, and bring each terminal its file.",
    )  # fmt: skip


def judge_vault(keys: KeysLeft) -> Finding:
    """Judge whether the vault of holders' keys and the database are of one time."""
    if keys.newest > keys.drawn:
        return Finding(
            "holders' keys", "danger", f"the database knows key {keys.newest}, the vault has {keys.drawn}",
            "who these holders are cannot be read, and no further one can be added",
            "Put the newest copy of the vault beside the master key.",
        )  # fmt: skip
    if keys.left_over:
        return Finding(
            "holders' keys", "danger", f"{keys.left_over} that were destroyed are in the database",
            "somebody who was erased has a card, flags and a date of birth again",
            "`cityswitch holders erasures --apply`",
        )  # fmt: skip
    return Finding("holders' keys", "ok", f"{keys.drawn}; every erasure is in the database")


def judge_rotation(states: Sequence[KeyState]) -> Finding:
    """Judge whether a rotation of the master key was begun and not ended."""
    here = [one for one in states if one.state != "destroyed"]
    if len(here) == 1:
        return Finding("rotation", "ok", f"everything is under key {here[0].number} of the master key")
    seen = "; ".join(
        f"key {one.number} ({one.state}): {one.terminal_keys} terminals', {one.holders_keys} holders' keys"
        for one in here
    )
    return Finding(
        "rotation", "warning", seen, "who has the former master key can open what is under it",
        "Go on with `cityswitch master-key rewrap`, then `destroy` (docs/how-to/rotate.md).",
    )  # fmt: skip


def judge_left(left: Sequence[Path]) -> Finding:
    """Judge what killed writers left beside the master key and the vault of holders' keys."""
    if not left:
        return Finding("keys left beside", "ok", "none beside the master key and the vault")
    return Finding(
        "keys left beside", "warning", ", ".join(map(str, left)),
        "a key outlives its destruction there, and whoever copies the folder has it",
        "Where no `cityswitch master-key` or `init` runs now: `shred -u` on each.",
    )  # fmt: skip


def judge_peppers(held: Mapping[int, Peppers], lacking: Sequence[int]) -> Finding:
    """Judge which programmes have a pepper in overlap, and of which the key file lacks the newest."""
    if lacking:
        return Finding(
            "peppers", "danger", f"the key file lacks the newest pepper of programme {lacking[0]}",
            "no card of it is found by its number", "Bring the newest key file here.",
        )  # fmt: skip
    seen = "; ".join(
        f"programme {programme}: pepper {peppers.former} in overlap with {peppers.newest}"
        for programme, peppers in held.items()
        if peppers.former is not None
    )
    if not seen:
        return Finding("peppers", "ok", "each programme has one pepper")
    return Finding(
        "peppers", "warning", seen, "who has the former pepper can try numbers of the cards under it",
        "`cityswitch pepper status` counts these; then `pepper reenter`, `retire` (docs/how-to/rotate.md).",
    )  # fmt: skip


def judge_key_note(uses: Sequence[tuple[str, str]], database: str) -> Finding:
    """Judge the note beside the master key, of what it was used for, against the database of this place."""
    places = [where for _, where in uses]
    if database in places:
        others = len(set(places)) - 1
        more = f", and for {others} other places" if others else ""
        return Finding("master key's note", "ok", f"used for {database}{more}")
    seen = f"used for {', '.join(places) or 'nothing that was noted'}, not for {database}"
    return Finding(
        "master key's note", "warning", seen,
        "it is not known which database cannot be read without this key",
        "If it is this database's (the check `registry` says), run `cityswitch init`: it adds the line.",
    )  # fmt: skip
