"""Pages for people who run it: one shell (security, languages, look), and a folder for each of its pages."""

from ops.web.numbers import bound_addresses

bound_addresses()
