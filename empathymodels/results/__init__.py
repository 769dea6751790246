"""What follows from a fit: estimates, contrasts, latents, predictions, paths, reliability.

Verbs: estimates, contrast, latents, predict, reliability, path_effects, write_table.
Doors: against_truth, contrast, estimates, latents, of_regions, population_values, predict,
predicted_rows, quantities, reliability, summary, write_table.
May import: inference, simulation, and what lies below them.
"""
