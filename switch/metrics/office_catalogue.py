"""The metrics of the office's site: who was let in, and which letters did not go, in numbers.

Owns their declarations. Must not know values. Invariant: no label names a login.
"""

from __future__ import annotations

from typing import Final

from switch.metrics.city_catalogue import PROGRAMME
from switch.metrics.declaration import Label, counter

SITE: Final = "of `cityswitch office serve --metrics-port`"
RESULT: Final = Label(
    "result",
    "how it ended",
    ("signed_in", "refused", "locked", "second_factor_failed", "copied_passkey"),
)
HOW: Final = Label("how", "by what it ended", ("signed_out", "ended", "others_ended", "copied_passkey"))
WHAT: Final = Label(
    "what",
    "what of it changed",
    ("made", "name", "password", "second", "passkey_added", "passkey_named", "passkey_removed", "deleted"),
)

SIGN_INS = counter(
    "sign_ins",
    "Attempts to sign in on the web, by how they ended",
    "`refused` and `locked` grow much faster than `signed_in`: somebody guesses passwords. See"
    " docs/office/holder.md, Watch it: who still gets in, and what to do."
    " `second_factor_failed` of officers: somebody has their password. `copied_passkey`: call its owner.",
    PROGRAMME,
    RESULT,
    where=SITE,
)
SESSIONS_ENDED = counter(
    "sessions_ended",
    "Sessions that were ended on the web, not those that ran out",
    "`others_ended` in a row: people find sessions they do not know. Look at cityswitch_sign_ins_total.",
    PROGRAMME,
    HOW,
    where=SITE,
)
LOGIN_CHANGES = counter(
    "login_changes",
    "Changes of logins on the web",
    "Many at an hour without reason: `cityswitch audit --object logins` and `--object passkeys` say whose.",
    PROGRAMME,
    WHAT,
    where=SITE,
)
LETTERS_NOT_SENT = counter(
    "letters_not_sent",
    "Letters of the site that were given up: links to apply, and to applications",
    "Grows: the mail server is away, or refuses. The log says which by `letter_not_sent`.",
    where=SITE,
)
