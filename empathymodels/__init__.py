"""Hierarchical Bayesian models of motivated empathy, from behaviour and brain data.

>>> import empathymodels as em
>>> study = em.load_study("outgroup_help")
>>> model = em.get_model("outgroup_help_learning")

Then ``em.fit``, ``em.check``, ``em.compare``, ``em.estimates``, ``em.latents``, ``em.predict``.
Names are imported when first used, so that listing and ``--help`` answer at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from empathymodels.version import __version__

if TYPE_CHECKING:
    from pymc_extras.prior import Prior

    from empathymodels.checks.check import check
    from empathymodels.checks.diagnose_design import diagnose_design
    from empathymodels.checks.sensitivity import sensitivity
    from empathymodels.checks.verify import verify
    from empathymodels.comparison.compare import compare
    from empathymodels.comparison.loo import loo, with_log_likelihood
    from empathymodels.comparison.select import select
    from empathymodels.declaration.catalog import get_model, list_models
    from empathymodels.declaration.model import Model
    from empathymodels.declaration.parts import (
        Column,
        FirstResponse,
        Parameter,
        Reference,
        Response,
        State,
        Statistic,
        Summary,
    )
    from empathymodels.inference.fit import fit
    from empathymodels.inference.fit_rivals import fit_rivals
    from empathymodels.inference.load import load
    from empathymodels.inference.point_estimates import point_estimates
    from empathymodels.inference.save import save
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
    from empathymodels.recovery.calibrate import calibrate
    from empathymodels.recovery.certify import certify
    from empathymodels.recovery.confuse import confuse
    from empathymodels.recovery.design_power import design_power
    from empathymodels.recovery.recover import recover
    from empathymodels.reporting.card import card
    from empathymodels.reporting.cite import cite
    from empathymodels.reporting.report import report
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
    from empathymodels.responses.options import pick, put
    from empathymodels.results.contrast import contrast
    from empathymodels.results.estimates import estimates
    from empathymodels.results.latents import latents
    from empathymodels.results.path_effects import path_effects
    from empathymodels.results.predict import predict
    from empathymodels.results.reliability import reliability
    from empathymodels.simulation.log_likelihood import log_likelihood
    from empathymodels.simulation.simulate import simulate
    from empathymodels.study.bundled import list_studies, load_study
    from empathymodels.study.study import Study

_HOME = {
    "checks.check": ("check",),
    "checks.diagnose_design": ("diagnose_design",),
    "checks.sensitivity": ("sensitivity",),
    "checks.verify": ("verify",),
    "comparison.compare": ("compare",),
    "comparison.loo": (
        "loo",
        "with_log_likelihood",
    ),
    "comparison.select": ("select",),
    "declaration.catalog": (
        "get_model",
        "list_models",
    ),
    "declaration.model": (
        "Model",
        "Prior",
    ),
    "declaration.parts": (
        "Column",
        "FirstResponse",
        "Parameter",
        "Reference",
        "Response",
        "State",
        "Statistic",
        "Summary",
    ),
    "inference.fit": ("fit",),
    "inference.fit_rivals": ("fit_rivals",),
    "inference.load": ("load",),
    "inference.point_estimates": ("point_estimates",),
    "inference.save": ("save",),
    "plots.calibration": ("plot_calibration",),
    "plots.comparison": ("plot_compare",),
    "plots.confusion": ("plot_confusion",),
    "plots.correlations": ("plot_correlations",),
    "plots.latents": (
        "plot_latent",
        "plot_response_over_latent",
    ),
    "plots.motives": ("plot_motives",),
    "plots.parameters": (
        "plot_parameters",
        "plot_people",
    ),
    "plots.predictions": (
        "plot_predictions",
        "plot_statistics",
    ),
    "plots.recovery": ("plot_recovery",),
    "plots.selection": ("plot_selection",),
    "recovery.calibrate": ("calibrate",),
    "recovery.certify": ("certify",),
    "recovery.confuse": ("confuse",),
    "recovery.design_power": ("design_power",),
    "recovery.recover": ("recover",),
    "reporting.card": ("card",),
    "reporting.cite": ("cite",),
    "reporting.report": ("report",),
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
    "responses.options": (
        "pick",
        "put",
    ),
    "results.contrast": ("contrast",),
    "results.estimates": ("estimates",),
    "results.latents": ("latents",),
    "results.path_effects": ("path_effects",),
    "results.predict": ("predict",),
    "results.reliability": ("reliability",),
    "simulation.log_likelihood": ("log_likelihood",),
    "simulation.simulate": ("simulate",),
    "study.bundled": (
        "list_studies",
        "load_study",
    ),
    "study.study": ("Study",),
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
