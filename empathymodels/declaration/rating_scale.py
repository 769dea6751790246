"""How a rating is recorded: in steps, between the ends of its scale."""

from __future__ import annotations

import numpy as np
from pymc.distributions.distribution import SymbolicRandomVariable
from pytensor.graph.basic import Variable
from pytensor.tensor.random.op import RandomVariable

from empathymodels.declaration.equations import Names, stopped
from empathymodels.declaration.parts import Response
from empathymodels.declaration.symbols import equality_refused
from empathymodels.responses.rounded import grain, rounded

FINEST = 1000  # steps of a scale beyond which a rating tells nothing more
USUAL = 100  # steps of a scale that is no whole number of units wide
DISTINCT = 10  # different ratings from which a coarser step is believed, where not all occur
FEWEST_STEPS = 4  # and steps of the whole scale from which it is believed, where all occur
STRAY = 0.01  # share of ratings whose finer step may be a mistake
ON_STEP = 1e-6  # share of a step within which a rating is taken to be on it


def distribution_of(response: Response, latent: Names, parameters: Names, data: Names) -> Variable:
    """Return what is observed of a response: what its scale records of its distribution."""
    return as_recorded(response, stated_distribution(response, latent, parameters, data))


def stated_distribution(
    response: Response, latent: Names, parameters: Names, data: Names
) -> Variable:
    """Call a response's function, with the ends of its range among the data.

    Raises
    ------
    TypeError
        It cannot be called with latents, parameters and data, or returns no distribution.
    """
    rule = (
        f"The function of response '{response.name}' takes latent, parameters and data and returns "
        "a distribution, which must be unnamed: pm.Normal.dist(mean, noise), say."
    )
    try:
        with equality_refused():
            stated = response.function(latent, parameters, data.also(**response.ends))
    except (TypeError, ValueError, NotImplementedError) as error:
        raise TypeError(f"{rule} {stopped(error)}") from error
    owner = stated.owner if isinstance(stated, Variable) else None
    if owner is None or not isinstance(owner.op, RandomVariable | SymbolicRandomVariable):
        raise TypeError(f"{rule} It returned {type(stated).__name__} {str(stated)[:60]}.")
    return stated


def as_recorded(response: Response, stated: Variable) -> Variable:
    """Return what a response's scale records of a distribution; itself where it has no steps."""
    if not has_steps(response):
        return stated
    low, high = response.ends.values()
    return rounded(stated, low, high, resolution_of(response))


def has_steps(response: Response) -> bool:
    """Whether a response's scale has steps; see `Needs.in_steps` for whether they are used."""
    return response.range is not None and response.resolution is not None


def resolution_of(response: Response) -> float:
    """The step of a response with a range; until data tell, the usual one of that range."""
    assert response.range is not None
    if isinstance(response.resolution, int | float):
        return float(response.resolution)
    return float(np.ptp(response.range)) / usual_steps(response)


def grain_of(response: Response) -> float:
    """Width within which marks on a response's scale are alike."""
    assert response.range is not None
    return grain(resolution_of(response), float(np.ptp(response.range)))


def middle_of(response: Response) -> float:
    """The step nearest to the middle of a response's range."""
    assert response.range is not None
    low, high = response.range
    step = resolution_of(response)
    return low + step * round((high - low) / 2 / step)


def usual_steps(response: Response) -> int:
    """Number of steps of a range as ratings usually have them: of one unit, or a hundredth."""
    assert response.range is not None
    width = float(np.ptp(response.range))
    return int(width) if width == round(width) and 2 <= width <= FINEST else USUAL


def observed_resolution(response: Response, values: np.ndarray) -> float:
    """Read from ratings in which steps they were recorded.

    Whole units (or hundredths of a scale that is no whole number of units wide), unless ratings
    between them show finer steps, or enough different ratings on a coarser grid show that one.
    Ratings without steps count as recorded to a thousandth of their scale.
    """
    assert response.range is not None
    low, high = response.range
    inside = values[np.isfinite(values) & (values >= low) & (values <= high)]
    shares = np.unique((inside - low) / (high - low))
    usual = usual_steps(response)
    if _all_on(shares, usual):
        for number in (n for n in range(FEWEST_STEPS, usual) if usual % n == 0):
            if _all_on(shares, number) and len(shares) >= min(DISTINCT, number + 1):
                return (high - low) / number
        return (high - low) / usual
    finer = (n for n in range(usual + 1, FINEST + 1) if _all_on(shares, n))
    return (high - low) / next(finer, FINEST)


def _all_on(shares: np.ndarray, number: int) -> bool:
    """Whether all shares of a scale are on one of its steps."""
    return bool((np.abs(shares * number - np.round(shares * number)) < ON_STEP).all())


def steps_of(response: Response) -> np.ndarray:
    """All values that a response with a range can be recorded as, rising."""
    assert response.range is not None
    low, high = response.range
    step = resolution_of(response)
    return np.minimum(low + step * np.arange(round((high - low) / step) + 1), high)


def off_step(response: Response, values: np.ndarray) -> np.ndarray:
    """Ratings that lie between the steps that are known; none between the finest there are."""
    is_known = response.range is not None and isinstance(response.resolution, int | float)
    if not is_known or np.ptp(response.range or 0.0) / resolution_of(response) > FINEST - 0.5:
        return np.zeros(len(values), dtype=bool)
    assert response.range is not None
    steps = (values - response.range[0]) / resolution_of(response)
    return np.isfinite(values) & (np.abs(steps - np.round(steps)) >= ON_STEP)


def strays(response: Response, values: np.ndarray) -> tuple[np.ndarray, float]:
    """Find the few ratings between units that alone make the step finer than it is for all others.

    Parameters
    ----------
    response : Response
        With a range.
    values : ndarray (row,)
        Ratings, with NaN where there is none.

    Returns
    -------
    ndarray (row,) of bool
        At most a hundredth of the ratings, or a single one of at least `DISTINCT`; often none.
    float
        The step that all others show.
    """
    assert response.range is not None
    low, high = response.range
    none, step = np.zeros(len(values), dtype=bool), observed_resolution(response, values)
    given = np.isfinite(values)
    if given.sum() <= DISTINCT or (high - low) / step < usual_steps(response) + 0.5:
        return none, step
    most = max(1, int(STRAY * given.sum()))
    fewest = max(1, len(np.unique(values[given])) - most - 1)  # steps that hold all the others
    for number in range(fewest, round((high - low) / step)):
        shares = (values - low) / (high - low) * number
        off = given & ~(np.abs(shares - np.round(shares)) < ON_STEP)
        if off.sum() <= most:
            coarser = observed_resolution(response, values[~off])
            if round((high - low) / coarser) == number:
                return off, coarser
    return none, step
