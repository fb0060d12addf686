"""The HTTP API: what each system may, and what it never gets."""
