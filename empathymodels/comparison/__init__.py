"""Which model predicts better, or describes more people: of observations, people or blocks.

Verbs: compare, classify, select, loo, with_log_likelihood.
Doors: comparable, compare.
May import: checks, inference, and what lies below them.
"""
