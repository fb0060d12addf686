"""Notices: what holders are told by e-mail or SMS of what happened to their card or application."""
