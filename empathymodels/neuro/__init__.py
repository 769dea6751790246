"""From images to tables, from a fit into the scanner: regions, signatures, events, online filter.

Verbs: regions, extract, signature_scores, train_signature, to_events, combine_glms, Filter,
simulate_feedback.
Doors: images, regions.
May import: results, and what lies below it. nilearn is imported when used.
"""
