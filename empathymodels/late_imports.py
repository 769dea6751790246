"""Packages that are imported in full only when something in them is asked for.

`pymc_extras.prior` alone is needed to declare a model, and the package around it imports many times
as much; ArviZ imports all that it draws with.
"""

import sys
from importlib.util import find_spec, module_from_spec
from threading import RLock
from typing import Any


def import_late(name: str) -> None:
    """Let a package run its ``__init__`` at the first look at what that defines.

    Its modules can be imported one by one before. A package that is imported already stays.
    """
    spec = find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    module, loader, lock, has_begun = module_from_spec(spec), spec.loader, RLock(), False

    def __getattr__(attribute: str) -> Any:  # what Python asks for names that a module lacks
        nonlocal has_begun
        with lock:
            if not has_begun:
                has_begun = True
                try:
                    loader.exec_module(module)
                except BaseException:
                    has_begun = False
                    raise
        found = vars(module)
        if attribute in found or found.get("__getattr__") is not __getattr__:
            return getattr(module, attribute)
        raise AttributeError(f"module '{name}' has no attribute '{attribute}'")

    vars(module)["__getattr__"] = __getattr__
    sys.modules[name] = module
