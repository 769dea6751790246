"""The compiled loop over trials, and what is made of it: density, latents, simulators.

Doors: build, c_function, density, evaluator, feedback, linear_map, observe,
pieces, program.
May import: population, layout, and what lies below them.
"""
