"""What PyTensor says while compiling, and users need not know."""

import warnings
from contextlib import nullcontext

import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.graph.fg import FunctionGraph

from empathymodels.compiling import compiling, numba_mode


@pytest.mark.parametrize(("how", "said"), [(nullcontext, 1), (compiling, 0)])
def test_loops_over_many_arrays_are_not_the_users_concern(how, said):
    """Without a C compiler they are not fused, which takes no longer in numba."""
    arrays = [pt.dvector() for _ in range(40)]
    total = sum(pt.exp(one) for one in arrays)
    with warnings.catch_warnings(record=True) as found, pytensor.config.change_flags(cxx=""):
        warnings.simplefilter("always")
        with how():
            numba_mode().optimizer.rewrite(FunctionGraph(arrays, [total], clone=True))
    assert sum("Loop fusion failed" in str(one.message) for one in found) == said
