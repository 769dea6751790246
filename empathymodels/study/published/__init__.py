"""Open studies of others, one file each: where the data are, and how raw files become a `Study`.

Traps of a data set are met in its file, once for all. A file is named after the citation and has
its entries by the name that `fetch_study` knows.
Doors: none.
May import: the other files of `study`.
"""
