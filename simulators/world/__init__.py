"""The world simulated: cities, people and faults by a seed, and an auditor who knows the rules himself."""
