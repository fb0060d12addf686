"""Where a command works: which settings, which database, which state directory.

Owns the options --config, --dsn, --state-dir, --master-key-file and the settings that follow. Must not open
anything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Group, Parameter

from switch.config import ENVIRONMENT_PREFIX, Config, load_config

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
        Parameter(
            help="Postgres 15 or newer (postgresql://…), without a password, which belongs in CITYSWITCH_DSN "
            "or PGPASSFILE; without a DSN the embedded one is used."
        ),
    ] = None
    state_dir: Annotated[
        Path | None,
        Parameter(help="Folder of the embedded Postgres, its master key and terminals' memories (var)."),
    ] = None
    master_key_file: Annotated[
        Path | None,
        Parameter(help="The master key of a database of your own; the embedded one has its own."),
    ] = None

    @property
    def file(self) -> Path | None:
        """The settings file that counts: the one named, else ./cityswitch.toml if it exists."""
        return self.config or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)

    @property
    def is_named(self) -> bool:
        """Whether somebody said where to work, be it by a settings file or a state directory."""
        in_environment = f"{ENVIRONMENT_PREFIX}STATE_DIR" in os.environ
        return self.state_dir is not None or self.file is not None or in_environment

    def options(self) -> dict[str, Any]:
        """The settings these options set; None where not given."""
        paths = {"state_dir": self.state_dir, "master_key_file": self.master_key_file}
        return {"dsn": self.dsn, **{name: str(path) if path else None for name, path in paths.items()}}

    def settings(self, **more: Any) -> Config:
        """Return the settings with these options, and more, over them. Raises `ConfigError`."""
        return load_config(self.file, options={**self.options(), **more})


HERE: Final = Place()
"""The default of every command's last parameter."""
