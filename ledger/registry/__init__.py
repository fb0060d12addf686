"""The registry: who takes part. Reads for the switch, writes for the operator, secrets."""
