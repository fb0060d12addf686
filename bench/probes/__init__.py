"""Single figures: how fast a block acts, how fast a switch starts."""
