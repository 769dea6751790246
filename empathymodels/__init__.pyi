"""The public names, each imported from its home: the one list of them.

`empathymodels.__init__` imports a name from there when it is first used.
"""

from pymc_extras.prior import Prior as Prior

from empathymodels.checks.check import check as check
from empathymodels.checks.diagnose_design import diagnose_design as diagnose_design
from empathymodels.checks.sensitivity import sensitivity as sensitivity
from empathymodels.checks.verify import verify as verify
from empathymodels.comparison.compare import compare as compare
from empathymodels.comparison.loo import loo as loo
from empathymodels.comparison.loo import with_log_likelihood as with_log_likelihood
from empathymodels.comparison.select import select as select
from empathymodels.declaration.catalog import get_model as get_model
from empathymodels.declaration.catalog import list_models as list_models
from empathymodels.declaration.model import Model as Model
from empathymodels.declaration.parts import Column as Column
from empathymodels.declaration.parts import FirstResponse as FirstResponse
from empathymodels.declaration.parts import Parameter as Parameter
from empathymodels.declaration.parts import Reference as Reference
from empathymodels.declaration.parts import Response as Response
from empathymodels.declaration.parts import State as State
from empathymodels.declaration.parts import Statistic as Statistic
from empathymodels.declaration.parts import Summary as Summary
from empathymodels.declaration.plain_normal import plain_normal as plain_normal
from empathymodels.inference.fit import fit as fit
from empathymodels.inference.fit_rivals import fit_rivals as fit_rivals
from empathymodels.inference.load import load as load
from empathymodels.inference.point_estimates import point_estimates as point_estimates
from empathymodels.inference.save import save as save
from empathymodels.learners.volatility import hgf_binary as hgf_binary
from empathymodels.learners.volatility import volatile_kalman as volatile_kalman
from empathymodels.neuro.combine_glms import combine_glms as combine_glms
from empathymodels.neuro.extract import extract as extract
from empathymodels.neuro.filter import Filter as Filter
from empathymodels.neuro.regions import regions as regions
from empathymodels.neuro.signature_scores import signature_scores as signature_scores
from empathymodels.neuro.simulate_feedback import simulate_feedback as simulate_feedback
from empathymodels.neuro.to_events import to_events as to_events
from empathymodels.plots.calibration import plot_calibration as plot_calibration
from empathymodels.plots.comparison import plot_compare as plot_compare
from empathymodels.plots.confusion import plot_confusion as plot_confusion
from empathymodels.plots.correlations import plot_correlations as plot_correlations
from empathymodels.plots.latents import plot_latent as plot_latent
from empathymodels.plots.latents import plot_response_over_latent as plot_response_over_latent
from empathymodels.plots.motives import plot_motives as plot_motives
from empathymodels.plots.parameters import plot_parameters as plot_parameters
from empathymodels.plots.parameters import plot_people as plot_people
from empathymodels.plots.predictions import plot_predictions as plot_predictions
from empathymodels.plots.predictions import plot_statistics as plot_statistics
from empathymodels.plots.recovery import plot_recovery as plot_recovery
from empathymodels.plots.regions import plot_regions as plot_regions
from empathymodels.plots.selection import plot_selection as plot_selection
from empathymodels.recovery.calibrate import calibrate as calibrate
from empathymodels.recovery.certify import certify as certify
from empathymodels.recovery.confuse import confuse as confuse
from empathymodels.recovery.design_power import design_power as design_power
from empathymodels.recovery.recover import recover as recover
from empathymodels.reporting.card import card as card
from empathymodels.reporting.cite import cite as cite
from empathymodels.reporting.report import report as report
from empathymodels.responses.choice import Choice as Choice
from empathymodels.responses.choice import SoftmaxChoice as SoftmaxChoice
from empathymodels.responses.conductance import HurdleSquareRoot as HurdleSquareRoot
from empathymodels.responses.distribution import measured as measured
from empathymodels.responses.likert import Ordinal as Ordinal
from empathymodels.responses.likert import thresholds as thresholds
from empathymodels.responses.options import pick as pick
from empathymodels.responses.options import put as put
from empathymodels.responses.rounded import RoundedNormal as RoundedNormal
from empathymodels.responses.slider import CensoredNormal as CensoredNormal
from empathymodels.responses.slider import OrderedBeta as OrderedBeta
from empathymodels.results.contrast import contrast as contrast
from empathymodels.results.estimates import estimates as estimates
from empathymodels.results.latents import latents as latents
from empathymodels.results.path_effects import path_effects as path_effects
from empathymodels.results.predict import predict as predict
from empathymodels.results.reliability import reliability as reliability
from empathymodels.simulation.log_likelihood import log_likelihood as log_likelihood
from empathymodels.simulation.simulate import simulate as simulate
from empathymodels.study.bundled import list_studies as list_studies
from empathymodels.study.bundled import load_study as load_study
from empathymodels.study.study import Study as Study
from empathymodels.version import __version__ as __version__

__all__: list[str]
