"""Outputs of the equations as one compiled function, and the data that it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pytensor
from pymc.pytensorf import collect_default_updates, compile, reseed_rngs
from pytensor.compile.mode import Mode

from empathymodels.compiling import INTERPRETED, compiling, numba_mode
from empathymodels.declaration.fingerprint import graph_text, program_fingerprint
from empathymodels.layout.arrangement import Arrangement

OFTEN = 1000  # evaluations from which on compiling takes less time than it saves


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


@dataclass(frozen=True, eq=False)
class Program:
    """Outputs as a function of inputs, the data that it reads, and its random streams.

    What is evaluated once or a few hundred times is interpreted, since compiling it takes longer
    than all of that: of the likelihood of `outgroup_help_learning` 3.5 seconds, for which one
    evaluation takes 0.2 in place of 2 milliseconds. Both ways share data and streams. Their results
    may differ in last digits, so which one it is follows from the question alone, never from what
    was asked before. So it is with outputs: those that are asked for are computed, and streams that
    they do not draw from stay where they are.

    Attributes
    ----------
    inputs, outputs : sequence of tensor
        Symbolic; outputs follow from inputs, data and streams.
    data : dict of str to shared variable
        What can be given other values.
    key : str
        Its identity among those that are kept.
    """

    inputs: Sequence[Any]
    outputs: Sequence[Any]
    data: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""

    def __call__(
        self,
        *inputs: Any,
        data: Mapping[str, np.ndarray] | None = None,
        often: bool = False,
        only: tuple[int, ...] | None = None,
    ) -> Any:
        """Evaluate outputs, all or some by their places, at values of the inputs, given data.

        They are compiled where asked `often`.
        """
        for name, array in (data or {}).items():
            self.data[name].set_value(array, borrow=True)
        function = self._function(only, often=often)
        with np.errstate(all="ignore"):  # as what is compiled: infinities are seen in results
            return _call(function, *inputs) if often else function(*inputs)

    @cached_property
    def random(self) -> list[Any]:
        """Streams that draws among the outputs come from."""
        streams = list(collect_default_updates(inputs=self.inputs, outputs=self.outputs))
        reseed_rngs(streams, 0)
        return streams

    def reseed(self, seed: int | None) -> None:
        """Start the random draws again from a seed."""
        reseed_rngs(self.random, seed)

    @cached_property
    def _functions(self) -> dict[tuple[tuple[int, ...] | None, bool], Any]:
        """What was made so far, by places of outputs and whether it is compiled."""
        return {}

    def _function(self, only: tuple[int, ...] | None, *, often: bool) -> Any:
        key = only, often
        if key not in self._functions:
            self._functions[key] = self._made(only, numba_mode() if often else INTERPRETED)
        return self._functions[key]

    def _made(self, only: tuple[int, ...] | None, mode: Mode) -> Any:
        self.random  # noqa: B018, streams begin before they are read
        outputs = list(self.outputs) if only is None else [self.outputs[k] for k in only]
        with compiling():
            return compile(
                list(self.inputs),
                outputs,
                random_seed=False,
                mode=mode,
                on_unused_input="ignore",
            )


def _call(function: Any, *inputs: Any) -> Any:
    # imports numba, of which a few evaluations need none
    from empathymodels.engine.pieces import call

    return call(function, *inputs)


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
