"""What an office does, as use cases: one place for the command, the API, the web and the simulators' desk."""
