"""What an attacker does to the switch, and what comes of it."""
