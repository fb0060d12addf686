"""Tests of what runs the switch for real."""
