"""Outputs of the equations as one compiled function, and the data that it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytensor
from pymc.pytensorf import compile, reseed_rngs

from empathymodels.compiling import compiling, numba_mode
from empathymodels.declaration.fingerprint import graph_text, program_fingerprint
from empathymodels.layout.arrangement import Arrangement


@dataclass(frozen=True)
class SharedData:
    """Makes arrays symbolic, as `observe` asks for it: those of one name are the same.

    Attributes
    ----------
    variables : dict of str to shared variable
        What was made, by name. Values may be swapped, sizes not.
    """

    variables: dict[str, Any] = field(default_factory=dict)

    def __call__(self, name: str, array: np.ndarray) -> Any:
        """Return the variable of a name, which begins with the values of an array."""
        if name not in self.variables:
            made = pytensor.shared(array, name=name, shape=np.shape(array))
            self.variables[name] = made
        return self.variables[name]

    @property
    def values(self) -> dict[str, np.ndarray]:
        """The arrays."""
        return {name: variable.get_value() for name, variable in self.variables.items()}


@dataclass(frozen=True)
class Program:
    """A compiled function, the data that it reads, and its random streams.

    Attributes
    ----------
    function : callable
        From values of the inputs to those of the outputs.
    random : list of shared variable
        Streams that draws among the outputs come from.
    data : dict of str to shared variable
        What can be given other values.
    key : str
        Its identity among those that are kept.
    """

    function: Any
    random: list[Any]
    data: dict[str, Any]
    key: str = ""

    def __call__(self, *inputs: Any, data: Mapping[str, np.ndarray] | None = None) -> Any:
        """Evaluate at values of the inputs, given data by name."""
        for name, array in (data or {}).items():
            self.data[name].set_value(array, borrow=True)
        return self.function(*inputs)

    def reseed(self, seed: int | None) -> None:
        """Start the random draws again from a seed."""
        reseed_rngs(self.random, seed)


def compiled_program(
    inputs: Sequence[Any], outputs: Sequence[Any], data: SharedData | None = None, *, key: str = ""
) -> Program:
    """Compile outputs as one function of inputs and data."""
    with compiling():
        function, updates = compile(
            list(inputs),
            list(outputs),
            random_seed=0,
            mode=numba_mode(),
            return_updates=True,
            on_unused_input="ignore",
        )
    return Program(function, list(updates), data.variables if data else {}, key)


def program_key(arrangement: Arrangement, data: Mapping[str, np.ndarray]) -> str:
    """Identity of what is compiled: equations, declarations and sizes, but no values."""
    shapes = sorted((name, array.shape, str(array.dtype)) for name, array in data.items())
    sizes = {dim: len(labels) for dim, labels in arrangement.levels.items()}
    sizes |= {"participant": len(arrangement.participants), "trial": len(arrangement.trials)}
    varying = [arrangement.varies_within_sequence(p) for p in arrangement.parameters]
    equations = arrangement.equations  # of as many levels as the study has
    cell = graph_text([*equations.next_states.values(), *equations.readable.values()])
    model = program_fingerprint(arrangement.model)
    return repr((model, shapes, sorted(sizes.items()), varying, cell))


def with_values(
    data: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return data with other values; of what is given, names that they lack are passed over.

    Raises
    ------
    ValueError
        An array has another shape.
    """
    found = dict(data)
    for name in data.keys() & given.keys():
        found[name] = np.array(given[name], dtype=data[name].dtype)
        if found[name].shape != data[name].shape:
            raise ValueError(
                f"Data must keep their shapes: '{name}' has {data[name].shape}; found "
                f"{found[name].shape}."
            )
    return found
