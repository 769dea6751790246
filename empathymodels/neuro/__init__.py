"""From a fit into the scanner: latents as events of a GLM, and results of many GLMs as one.

Verbs: to_events, combine_glms.
Doors: none.
May import: results, and what lies below it.
"""
