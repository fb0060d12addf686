"""One terminal: its memory, its line to the switch, its retries and reversals."""
