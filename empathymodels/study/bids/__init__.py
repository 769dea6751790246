"""A study from the behaviour in a BIDS data set: its events, its people, and their sidecars.

Doors: none.
May import: the other files of `study`.
"""
