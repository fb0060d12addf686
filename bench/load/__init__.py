"""Load tests with Locust over blocking sockets."""
