"""Owns the last steps before a Postgres program runs as our child; started as a script, never imported.

    python -I postgres_child.py <parent pid> <user> <death signal> <program> <argument>...

`user` is "same", "map:<uid>" (as root: a user namespace in which root's files belong to that uid, because
Postgres refuses to run as root) or "become:<uid>:<gid>" (as root, where user namespaces are not allowed).
The death signal is sent to the child when its parent's thread ends, so that no server outlives a killed
switch. It is set after the user has been changed, because a change of credentials clears it; and it
counts the thread that started the child, so the parent must start it from a thread that lives as long as
it does.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
EXIT_CANNOT_MAP = 120
EXIT_ORPHAN = 121


def main(arguments: list[str]) -> None:
    """Become the user, bind our life to the parent's, and turn into the program."""
    parent, user, death_signal, program = int(arguments[0]), arguments[1], int(arguments[2]), arguments[3]
    libc = ctypes.CDLL(None, use_errno=True)
    way, _, ids = user.partition(":")
    if way == "map":
        uid, gid = os.geteuid(), os.getegid()
        try:
            if libc.unshare(CLONE_NEWUSER) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{ids} {uid} 1"),
                ("gid_map", f"{ids} {gid} 1"),
            ):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
        except OSError:
            sys.exit(EXIT_CANNOT_MAP)
    elif way == "become":
        new_uid, new_gid = (int(number) for number in ids.split(":"))
        os.setgroups([])
        os.setgid(new_gid)
        os.setuid(new_uid)
    if death_signal and hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked to be told
            sys.exit(EXIT_ORPHAN)
    os.execv(program, arguments[3:])  # noqa: S606 that is what this script is for


if __name__ == "__main__":
    main(sys.argv[1:])
