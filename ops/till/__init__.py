"""A terminal for people: who it is, where its switch is, and how an answer looks on paper."""
