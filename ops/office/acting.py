"""Who acts, and which acts want a reason.

Owns the two rules: without a name it is the operating system's user; what stops a card, a programme or a key
is written down with a reason. Must not know how either is asked for.
"""

from __future__ import annotations

import os
import pwd

from ledger.errors import RegistryRefused
from ledger.registry.audit import Actor


def this_user() -> str:
    """Return who runs this process, by the system's word; behind sudo, who called it."""
    user = os.geteuid()
    if user == 0 and os.environ.get("SUDO_USER"):
        return os.environ["SUDO_USER"]
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # a number without a name, as in a container
        return os.environ.get("USER") or f"uid {user}"


def with_reason(actor: Actor) -> Actor:
    """Return the actor of an act that wants a reason. Raises RegistryRefused where there is none."""
    if not actor.reason.strip():
        raise RegistryRefused("this wants a reason, which is kept with it: name it with --reason")
    return actor
