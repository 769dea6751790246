"""Hierarchical Bayesian models of motivated empathy, from behaviour and brain data.

>>> import empathymodels as em
>>> study = em.load_study("outgroup_help")
>>> model = em.get_model("outgroup_help_learning")

Then ``em.fit``, ``em.check``, ``em.compare``, ``em.estimates``, ``em.latents``, ``em.predict``.
Names are imported when first used, so that listing and ``--help`` answer at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymc_extras.prior import Prior

    from empathymodels.calibrating import calibrate
    from empathymodels.catalog import get_model, list_models
    from empathymodels.certifying import certify
    from empathymodels.checking import check
    from empathymodels.citing import cite
    from empathymodels.comparing import compare
    from empathymodels.competing import fit_rivals
    from empathymodels.confusing import confuse
    from empathymodels.describing import card
    from empathymodels.diagnosing import diagnose_design
    from empathymodels.equations import pick, put
    from empathymodels.estimating import contrast, estimates
    from empathymodels.fitting import fit
    from empathymodels.leaving_out import loo, with_log_likelihood
    from empathymodels.likelihood import log_likelihood
    from empathymodels.mediating import path_effects
    from empathymodels.model import Model
    from empathymodels.nouns import (
        Column,
        FirstResponse,
        Parameter,
        Reference,
        Response,
        State,
        Statistic,
        Summary,
    )
    from empathymodels.plots.calibration import plot_calibration
    from empathymodels.plots.comparison import plot_compare
    from empathymodels.plots.confusion import plot_confusion
    from empathymodels.plots.correlations import plot_correlations
    from empathymodels.plots.latents import plot_latent, plot_response_over_latent
    from empathymodels.plots.motives import plot_motives
    from empathymodels.plots.parameters import plot_parameters, plot_people
    from empathymodels.plots.predictions import plot_predictions, plot_statistics
    from empathymodels.plots.recovery import plot_recovery
    from empathymodels.plots.selection import plot_selection
    from empathymodels.pointwise import point_estimates
    from empathymodels.power_scaling import sensitivity
    from empathymodels.powering import design_power
    from empathymodels.predicting import latents, predict
    from empathymodels.recovering import recover
    from empathymodels.reporting.page import report
    from empathymodels.responses import (
        CensoredNormal,
        Choice,
        HurdleSquareRoot,
        OrderedBeta,
        Ordinal,
        RoundedNormal,
        SoftmaxChoice,
        measured,
        thresholds,
    )
    from empathymodels.retesting import reliability
    from empathymodels.saving import load, save
    from empathymodels.selecting import select
    from empathymodels.simulating import simulate
    from empathymodels.study import Study, list_studies, load_study
    from empathymodels.verifying import verify

__version__ = "0.2.0"

_HOME = {
    "calibrating": ("calibrate",),
    "catalog": ("get_model", "list_models"),
    "certifying": ("certify",),
    "checking": ("check",),
    "citing": ("cite",),
    "comparing": ("compare",),
    "competing": ("fit_rivals",),
    "confusing": ("confuse",),
    "describing": ("card",),
    "diagnosing": ("diagnose_design",),
    "equations": ("pick", "put"),
    "estimating": ("contrast", "estimates"),
    "fitting": ("fit",),
    "leaving_out": ("loo", "with_log_likelihood"),
    "likelihood": ("log_likelihood",),
    "mediating": ("path_effects",),
    "model": ("Model", "Prior"),
    "nouns": (
        "Column",
        "FirstResponse",
        "Parameter",
        "Reference",
        "Response",
        "State",
        "Statistic",
        "Summary",
    ),
    "plots.calibration": ("plot_calibration",),
    "plots.comparison": ("plot_compare",),
    "plots.confusion": ("plot_confusion",),
    "plots.correlations": ("plot_correlations",),
    "plots.latents": ("plot_latent", "plot_response_over_latent"),
    "plots.motives": ("plot_motives",),
    "plots.parameters": ("plot_parameters", "plot_people"),
    "plots.predictions": ("plot_predictions", "plot_statistics"),
    "plots.recovery": ("plot_recovery",),
    "plots.selection": ("plot_selection",),
    "pointwise": ("point_estimates",),
    "power_scaling": ("sensitivity",),
    "powering": ("design_power",),
    "predicting": ("latents", "predict"),
    "recovering": ("recover",),
    "reporting.page": ("report",),
    "responses": (
        "CensoredNormal",
        "Choice",
        "HurdleSquareRoot",
        "OrderedBeta",
        "Ordinal",
        "RoundedNormal",
        "SoftmaxChoice",
        "measured",
        "thresholds",
    ),
    "retesting": ("reliability",),
    "saving": ("load", "save"),
    "selecting": ("select",),
    "simulating": ("simulate",),
    "study": ("Study", "list_studies", "load_study"),
    "verifying": ("verify",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = [*_MODULE_OF, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'empathymodels' has no attribute '{name}'")
    value = getattr(import_module(f"empathymodels.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
