"""Operation of the switch: the command `cityswitch`, the demo, set-up. Top layer: everything may be used here,
and nothing below knows that this package exists.
"""
