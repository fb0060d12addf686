"""Tests of switch/."""
