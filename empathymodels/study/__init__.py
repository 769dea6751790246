"""`Study`: up to three tidy tables, read from tables, files, BIDS folders or the package.

Noun: Study. Verbs: load_study, list_studies, fetch_study.
Doors: bids.overview, bundled, column_types, expressions, keys, open_studies, open_study,
participants, recoding, study, table_files.
May import: no other folder.
"""
