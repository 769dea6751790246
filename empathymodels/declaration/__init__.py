"""What a model is: `Model` and its parts, equations read once, variants, fingerprints.

Nouns: Model, Parameter, Column, State, Response and kin.
Verbs: list_models, get_model, plain_normal.
Doors: catalog, dependencies, equations, fingerprint, formulas, missing_values, model, parts,
priors, rating_scale, record, recorded, response_scale, supports, text.
May import: responses, study.
"""
