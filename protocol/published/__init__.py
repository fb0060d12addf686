"""What is generated for vendors: the tables of SPEC.md and the test vectors."""
