"""Hierarchical Bayesian models of motivated empathy, from behaviour and brain data.

>>> import empathymodels as em
>>> study = em.load_study("outgroup_help")
>>> model = em.get_model("outgroup_help_learning")

Then ``em.fit``, ``em.check``, ``em.compare``, ``em.estimates``, ``em.latents``, ``em.predict``.
The public names and their homes are listed in ``__init__.pyi``; they are imported when first used,
so that listing and ``--help`` answer at once.
"""

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

from empathymodels.late_imports import import_late
from empathymodels.version import __version__

for _package in ("arviz", "formulaic", "pymc_extras"):
    import_late(_package)


def _homes() -> dict[str, str]:
    """Module of every public name, as the stub beside this file imports it."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = (node for node in stub.body if isinstance(node, ast.ImportFrom))
    return {alias.name: str(node.module) for node in imports for alias in node.names}


_HOME = _homes()
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'empathymodels' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
