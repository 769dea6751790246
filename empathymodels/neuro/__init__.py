"""From a fit into the scanner: latents as events of a GLM, and results of many GLMs as one.

Verbs: to_events, combine_glms.
Doors: combine_glms, to_events.
May import: results, and what lies below it.
"""
