"""Which commit a change is compared with, and a checkout of it to run from.

Owns the talk with git. Must not know what is run there. Invariants: the checkout is a git worktree below the
bench's directory, exactly at the commit and without changes; it stays there for the next comparison.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from bench.circumstances import ROOT
from bench.errors import CannotRun

SHORT: Final = 10


class Checkout(NamedTuple):
    """A directory that holds one state of the project, and what that state is called."""

    root: Path
    name: str


def present() -> Checkout:
    """Return this very checkout, changes and all. Raises `CannotRun`."""
    name = _git("rev-parse", f"--short={SHORT}", "HEAD")
    return Checkout(ROOT, f"{name} with changes" if is_changed(ROOT) else name)


def is_changed(root: Path) -> bool:
    """Return whether a file that git knows differs from its commit. Raises `CannotRun`."""
    return bool(_git("status", "--porcelain", "--untracked-files=no", root=root))


def default_base() -> str:
    """Return what a change is compared with if nothing is said: HEAD while it is uncommitted, else HEAD^."""
    return "HEAD" if is_changed(ROOT) else "HEAD^"


def base(commit: str, directory: Path, root: Path = ROOT) -> Checkout:
    """Return a checkout of `commit`, made below `directory` unless it is there. Raises `CannotRun`."""
    full = _git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", root=root)
    where = (directory / f"base-{full[:SHORT]}").absolute()
    if not (where / ".git").exists():
        _git("worktree", "prune", root=root)
        _git("worktree", "add", "--quiet", "--force", "--detach", str(where), full, root=root)
    if _git("rev-parse", "HEAD", root=where) != full or is_changed(where):
        raise CannotRun(f"{where} is not as commit {full[:SHORT]} left it: remove it and start again")
    build = where / "ops" / "setup" / "build_native.py"
    if build.exists():  # each side runs what its own set-up would have built
        subprocess.run([sys.executable, str(build)], check=False)
    return Checkout(where, full[:SHORT])


def _git(*arguments: str, root: Path = ROOT) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    except OSError as error:
        raise CannotRun(f"git cannot be run: {error}") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or "no such commit").splitlines()[-1]
        raise CannotRun(f"git {' '.join(arguments)}: {said}") from None
    return done.stdout.strip()
