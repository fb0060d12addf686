"""The processes of the switch: supervisor, workers, their HTTP pages and the registry feed."""
