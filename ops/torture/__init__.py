"""The torture: real processes, real faults, by a seed; what terminals were told is held to the books."""
