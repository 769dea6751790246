"""The compiled loop over trials, and what is made of it: density, latents, simulators.

Doors: build, density, evaluator, feedback, observe, program.
May import: population, layout, and what lies below them.
"""
