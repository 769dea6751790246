"""Is it sound? A design before sampling, a fit after it, a model file at any time.

Verbs: diagnose_design, check, sensitivity, verify.
Doors: check, predictive_statistics, sensitivity.
May import: results, inference, simulation, and what lies below them.
"""
