"""The drill of the alerts: each is fired once by the real fault, on a live switch under a live Prometheus."""
