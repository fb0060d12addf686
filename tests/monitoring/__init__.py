"""Tests of what an operator watches the switch with, by a real Prometheus."""
