"""Files that people send with an application: what they are by their content, and nothing more than that."""
