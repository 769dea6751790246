"""What takes long to make and is asked for again: the last few are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


class Kept:
    """Things by key, of which those asked for last are kept: rivals of one study, for example.

    Parameters
    ----------
    most : int
        How many of them.
    """

    def __init__(self, most: int = 16):
        self._most, self._things = most, OrderedDict[Hashable, Any]()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what is kept under a key, or what ``make()`` returns, which is kept from now."""
        if key not in self._things:
            self._things[key] = make()
        self._things.move_to_end(key)
        while len(self._things) > self._most:
            self._things.popitem(last=False)
        return self._things[key]
