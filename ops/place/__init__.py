"""Where a command works: its settings, its state directory, and the database that these name."""
