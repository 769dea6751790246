"""Steps of learners with several states each, for the equations of any model.

Functions: hgf_binary, volatile_kalman.
Doors: none.
May import: no other folder.
"""
