"""A study laid out for a model: checked, scored, in engine order; no probability yet.

Doors: arrange, arrangement, levels, plausibility, rating_timing, rows, scoring.
May import: declaration, study.
"""
