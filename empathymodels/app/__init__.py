"""The page: analyses in a browser, for those who do not write Python.

A *session* is a folder: the data, what was chosen, the scripts that say it in Python, their draws
and results. A *worker* runs one script at a time. The server answers this machine alone.

Doors: serve.
May import: all that lies below, but not `cli`.
"""
