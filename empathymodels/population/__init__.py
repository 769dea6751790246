"""People from a population: how they scatter, on which scale, with which covariates.

Doors: blocks, covariates, design_matrix, draws, given_values, labels, new_people, parametrisation,
population_draws, scales, scatter, stored_covariates, variables.
May import: layout, declaration, study.
"""
