"""What follows from a fit: estimates, contrasts, latents, predictions, paths, reliability.

Verbs: estimates, contrast, latents, predict, reliability, path_effects.
Doors: against_truth, contrast, estimates, latents, population_values, predict, predicted_rows,
quantities, reliability, summary.
May import: inference, simulation, and what lies below them.
"""
