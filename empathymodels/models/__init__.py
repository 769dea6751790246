"""Built-in models, one file each; the file's name is the model's name.

Doors: none.
May import: the front door (`empathymodels`) and PyMC alone.
"""
