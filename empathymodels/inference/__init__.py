"""From a model and a study to a fit: sampling, approximation, files, the reader of fits.

Verbs: fit, fit_rivals, point_estimates, save, load.
Doors: centring, convergence, fit, fit_files, fits, point_estimates, refit, sample, starts,
store_progress.
May import: simulation, engine, and what lies below them.
"""
