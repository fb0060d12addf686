"""Writes the committed files of rules anew: `python -m ops.monitoring.rules`."""

from __future__ import annotations

from ops.monitoring.rules.everything import files

if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
        print(f"{path.name}: {len(text.splitlines())} lines")
