"""Made-up data: simulated studies, people from priors, likelihoods at given values.

Verbs: simulate, log_likelihood.
Doors: log_likelihood, made_up, placeholders, prior_people, simulate, simulate_draws, uninformed.
May import: engine, population, and what lies below them.
"""
