"""Distributions of responses that PyMC lacks, or has in a slower or less exact form.

Nouns: Choice, CensoredNormal, OrderedBeta, Ordinal, OrdinalGiven and kin. Verbs: measured,
thresholds, pick, put.
Doors: distribution, options, rounded.
May import: no other folder.
"""
