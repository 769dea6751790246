"""The rival that every model with ratings has: their densities."""

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model


@checked_arguments
def plain_normal(model: Model) -> Model:
    """Ratings have neither steps nor ends: densities of a normal, as most analyses take them.

    A rival for any model with ratings: ``Model(rivals=(em.plain_normal, ...))``. It reproduces
    published totals. Its densities are never compared with the probabilities of `RoundedNormal`.

    Parameters
    ----------
    model : Model
        A model whose normal responses have ranges, in the units of the data.

    Raises
    ------
    ValueError
        No response has a range.

    See Also
    --------
    Model.with_resolution : Steps for single responses.
    RoundedNormal : What ratings have otherwise.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.plain_normal(em.get_model("affect_congruence")).response("rating").resolution is None
    True
    """
    return model.with_resolution(None)
