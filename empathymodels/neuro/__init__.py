"""From images to tables, from a fit into the scanner: regions, signatures, events, online filter.

Verbs: regions, extract, fit_regions, region_effects, signature_scores, train_signature, to_events,
combine_glms, Filter, simulate_feedback.
Doors: images, regions.
May import: recovery, checks, results, and what lies below. nilearn is imported when used.
"""
