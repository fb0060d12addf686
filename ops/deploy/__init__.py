"""What runs the switch for real: units, container, backup, and the doctor."""
