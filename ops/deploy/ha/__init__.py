"""Patroni nodes whose primary is killed under load: `make ha-demo`, docs/how-to/high-availability.md."""
