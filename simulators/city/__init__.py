"""A city: people, partners, and the registry that holds them."""
