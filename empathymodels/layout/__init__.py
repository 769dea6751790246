"""A study laid out for a model: checked, scored, in engine order; no probability yet.

Doors: arrange, arrangement, levels, plausibility, rows, scoring.
May import: declaration, study.
"""
