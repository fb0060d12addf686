"""Operation of the switch: the command `cityswitch`, the demo, set-up.

The top layer: everything may be used here, and nothing below knows that this package exists.
"""
