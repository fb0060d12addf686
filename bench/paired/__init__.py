"""Two commits of the switch side by side, measured in turn within one run: did a change make it slower?"""
