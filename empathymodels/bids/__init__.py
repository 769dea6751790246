"""A study from the behaviour in a BIDS data set: its events, its people, and their sidecars.

While files are read, what their names say stands in columns called ``sub-``, ``ses-``, ``run-``,
so that it cannot be mistaken for a column of the files. The study's log names them so.
"""
