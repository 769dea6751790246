"""Pictures of fits: each function takes a fit (or a table) and returns a matplotlib figure.

Verbs: plot_*.
Doors: comparison, correlations, effects, motives, parameters, predictions.
May import: recovery, checks, neuro, results, and what lies below them.
"""
