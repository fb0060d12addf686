"""Where a command works: which settings, which database, which state directory.

Owns the options --config, --dsn and --state-dir and the settings that follow. Must not open anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Group, Parameter

from switch.config import Config, load_config

DEFAULT_FILE: Final = Path("cityswitch.toml")


@Parameter(name="*", group=Group("Where", sort_key=9))
@dataclass(frozen=True, kw_only=True)
class Place:
    """The options every command shares."""

    config: Annotated[Path | None, Parameter(help="Settings file; ./cityswitch.toml where there is one.")] = (
        None
    )
    dsn: Annotated[
        str | None,
        Parameter(help="Postgres 15 or newer (postgresql://…); without it the embedded one is used."),
    ] = None
    state_dir: Annotated[
        Path | None,
        Parameter(help="Folder of the embedded Postgres, the master key and terminals' memories (var)."),
    ] = None

    @property
    def file(self) -> Path | None:
        """The settings file that counts: the one named, else ./cityswitch.toml if it exists."""
        return self.config or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)

    def options(self) -> dict[str, Any]:
        """The settings these options set; None where not given."""
        return {"dsn": self.dsn, "state_dir": str(self.state_dir) if self.state_dir else None}

    def settings(self, **more: Any) -> Config:
        """Return the settings with these options, and more, over them. Raises `ConfigError`."""
        return load_config(self.file, options={**self.options(), **more})


HERE: Final = Place()
"""The default of every command's last parameter."""
