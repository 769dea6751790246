"""The paragraphs that the methods section of a paper needs, from what the fits record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from empathymodels.declaration.parts import Parameter, Reference
from empathymodels.declaration.supports import SUPPORTS
from empathymodels.declaration.text import claims, prior_text, steps_text
from empathymodels.inference.convergence import RHAT_ROW
from empathymodels.inference.fits import recorded
from empathymodels.messages import counted, sentence
from empathymodels.population.variables import LKJ_CONCENTRATION
from empathymodels.reporting.cite import BUILT_ON, reference_text, references_of
from empathymodels.reporting.fit_section import PREDICTIVE, Fitted, prior_words
from empathymodels.reporting.study_section import observations, trials_per_person

RHAT = Reference(
    "Vehtari, A., Gelman, A., Simpson, D., Carpenter, B., & Bürkner, P.-C. (2021). "
    "Rank-normalization, folding, and localization: an improved R-hat for assessing convergence "
    "of MCMC. Bayesian Analysis, 16(2), 667-718.",
    "10.1214/20-BA1221",
)
LOO = Reference(
    "Vehtari, A., Gelman, A., & Gabry, J. (2017). Practical Bayesian model evaluation using "
    "leave-one-out cross-validation and WAIC. Statistics and Computing, 27(5), 1413-1432.",
    "10.1007/s11222-016-9696-4",
)
STACKING = Reference(
    "Yao, Y., Vehtari, A., Simpson, D., & Gelman, A. (2018). Using stacking to average Bayesian "
    "predictive distributions. Bayesian Analysis, 13(3), 917-1007.",
    "10.1214/17-BA1091",
)
POWER_SCALING = Reference(
    "Kallioinen, N., Paananen, T., Bürkner, P.-C., & Vehtari, A. (2024). Detecting and diagnosing "
    "prior and likelihood sensitivity with power-scaling. Statistics and Computing, 34, 57.",
    "10.1007/s11222-023-10366-5",
)
PREDICTED = {  # by unit of a comparison
    "trial": "{number:,} values of {responses}",
    "participant": "{responses} of somebody new ({number:,} participants left out, their own "
    "parameters integrated out)",
    "future": "{responses} in a later block ({number:,} blocks of participants, each predicted "
    "from the blocks before)",
}


def methods(
    everything: Sequence[Fitted], comparison: pd.DataFrame | None, references: Sequence[str]
) -> list[str]:
    """Return the paragraphs: data, a paragraph per fit, comparison, software."""
    return [
        *_data(everything, references),
        *(_of_fit(found, everything[0], references) for found in everything),
        *([_compared(comparison, references)] if comparison is not None else []),
        _software(everything, references),
    ]


def _cited(wanted: Sequence[Reference], references: Sequence[str]) -> str:
    """Return the numbers of references in the list, as " [1, 2]"."""
    texts = map(reference_text, wanted)
    numbers = sorted(references.index(text) + 1 for text in texts if text in references)
    return f" [{', '.join(map(str, numbers))}]" if numbers else ""


# --------------------------------------------------------------------------------- data


def _data(everything: Sequence[Fitted], references: Sequence[str]) -> Iterator[str]:
    told: dict[str, list[Fitted]] = {}
    for found in everything:
        told.setdefault(found.arrangement.study.digest, []).append(found)
    for same in told.values():
        yield _of_study(same, references)


def _of_study(same: Sequence[Fitted], references: Sequence[str]) -> str:
    arrangement = same[0].arrangement
    study = arrangement.study
    trials = trials_per_person(study)
    kind = "simulated data" if study.simulated else "data"
    citation = " ".join(study.citation.split())
    cited = f" [{references.index(citation) + 1}]" if citation in references else ""
    people = counted(len(arrangement.participants), "participant")
    sentences = [
        f"Analyses are of {kind} of {people} "
        f"(study '{study.name}'{cited}{'; ' + trials if trials else ''})."
    ]
    sentences += (
        [f"Steps taken before the analysis: {'; '.join(study.changes)}."] if study.changes else []
    )
    for numbers, names in _together({f.name: observations(f.arrangement) for f in same}).items():
        whose = "" if len(names) == len(same) else f" of {_joined(names)}"
        sentences.append(f"The likelihood{whose} is that of {numbers}.")
    gaps = {name: n for found in same for name, n in recorded(found.fit, "missing").items()}
    if gaps:
        listed = ", ".join(f"{number:,} of {name}" for name, number in gaps.items())
        sentences.append(
            f"Missing values ({listed}) were not imputed: a missing response is not scored, and "
            "what a missing value would change stays as it is."
        )
    return " ".join(sentences)


def _together(texts: dict[str, str]) -> dict[str, list[str]]:
    """Return the names that have the same text, by text."""
    found: dict[str, list[str]] = {}
    for name, text in texts.items():
        found.setdefault(text, []).append(name)
    return found


def _joined(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


# ---------------------------------------------------------------------------------- fits


def _of_fit(found: Fitted, first: Fitted, references: Sequence[str]) -> str:
    model = found.model
    cited = _cited(references_of(found.fit), references)
    sentences = [f"Model '{found.name}' ({model.label}{cited}): {model.title.rstrip('.')}."]
    sentences += [f"This variant ({_words(n)}): {text}" for n, text in claims(model).items()]
    told = [] if found is first else _recorded(first)
    sentences += [text for text in _recorded(found) if text not in told]
    sentences += _priors(found, first)
    sentences += [
        f"The response {name} was left out: {why.rstrip('.')}."
        for name, why in recorded(found.fit, "left_out").items()
    ]
    sentences += [
        f"{sentence(_words(name))} was held at {why.rstrip('.')}."
        for name, why in recorded(found.fit, "held").items()
    ]
    sentences += [
        f"{sentence(_words(name))} depended on covariates of participants ({entry.formula}; "
        f"{''.join(f'{coding}; ' for coding in entry.factors)}"
        f"effects {prior_text(model.parameter(name).effect_prior)})."
        for name, entry in found.covariates.items()
    ]
    if "correlation" in found.fit["posterior"]:
        names = ", ".join(_words(str(n)) for n in found.fit["posterior"]["correlated"].to_numpy())
        sentences.append(
            f"Correlations over people of {names} had an LKJ prior ({LKJ_CONCENTRATION:g})."
        )
    return " ".join([*sentences, *_made(found, first), *_diagnosed(found, references)])


def _recorded(found: Fitted) -> list[str]:
    """Say of every rating in which steps, and between which ends, its scale records it."""
    return [
        f"{sentence(_words(r.name))} was taken as recorded {steps_text(r)}, and at an end of its "
        f"scale ({r.ends['lowest']:g} to {r.ends['highest']:g}) as standing for all beyond it."
        for r in found.arrangement.model.responses
        if found.arrangement.needs[r.name].in_steps
    ]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _priors(found: Fitted, first: Fitted) -> Iterator[str]:
    """Yield the priors and held values, of later fits those that differ from the first's."""
    own, others = _prior_texts(found), {} if found is first else _prior_texts(first)
    new = {name: text for name, text in own.items() if others.get(name) != text}
    held = {p.name for p in found.arrangement.parameters if p.fixed is not None}
    free = _together({name: text for name, text in new.items() if name not in held})
    if free:
        told = "; ".join(f"{_named(names)}, {text}" for text, names in free.items())
        yield f"Priors of population means, and of standard deviations between people: {told}."
    told_as_held = {name: text for name, text in new.items() if name in held}
    for text, names in _together(told_as_held).items():
        yield f"Of the parameters, {_named(names)} {'was' if len(names) == 1 else 'were'} {text}."
    if len(new) < len(own):
        yield f"{'Other priors' if new else 'Priors'} were those of '{first.name}'."


def _named(names: Sequence[str]) -> str:
    return ", ".join(map(_words, names))


def _prior_texts(found: Fitted) -> dict[str, str]:
    return {p.name: _prior_text(found, p) for p in found.arrangement.parameters}


def _prior_text(found: Fitted, parameter: Parameter) -> str:
    mean, spread, _ = prior_words(found.arrangement.model, parameter)
    if parameter.fixed is not None:
        return mean
    text = f"{mean} and {spread}" if spread else mean
    scale = SUPPORTS[parameter.support].words
    unit = f"in units of the range of {_words(parameter.scale_of)}" if parameter.scale_of else ""
    own = {"participant": "", "population": "one value for all"}
    whose = own.get(parameter.level, f"one value per {parameter.level}")
    notes = [text for text in (scale, unit, whose) if text]
    return f"{text} ({', '.join(notes)})" if notes else text


def _made(found: Fitted, first: Fitted) -> Iterator[str]:
    settings = recorded(found.fit, "settings")
    if found.method != "nuts":
        how = {"laplace": "by Laplace's method", "map": "by a single point, its maximum"}
        yield f"The posterior was approximated {how[found.method]}, not sampled ({_seed(found)})."
        return
    if found is not first and first.method == "nuts" and settings_alike(found, first):
        yield f"It was sampled as '{first.name}' was ({_seed(found)})."
        return
    draws = found.fit["posterior"].sizes
    text = (
        f"The posterior was sampled with the No-U-Turn sampler: {counted(draws['chain'], 'chain')} "
        f"of {counted(draws['draw'], 'draw')} after {settings['tune']:,} steps of adaptation, "
        f"target acceptance {settings['target_accept']:g}, {_seed(found)}"
    )
    more = ", ".join(f"{name} {value}" for name, value in (settings["sampler"] or {}).items())
    yield f"{text}{f', {more}' if more else ''}."


def _seed(found: Fitted) -> str:
    return f"seed {found.fit.attrs['seed']}"


def settings_alike(found: Fitted, first: Fitted) -> bool:
    """Whether two fits were sampled with the same settings, those aside that are measured."""
    measured = dict.fromkeys(("centring", "anchoring", "combinations"))
    one, other = ({**recorded(f.fit, "settings"), **measured} for f in (found, first))
    return one == other


def _diagnosed(found: Fitted, references: Sequence[str]) -> Iterator[str]:
    values = dict(zip(found.checks["check"], found.checks["value"], strict=True))
    if found.method == "nuts":
        named = {
            RHAT_ROW: "largest R-hat of the population",
            "R-hat, people": "of people",
            "bulk ESS, population": "smallest bulk effective sample size of the population",
            "tail ESS, population": "tail effective sample size",
        }
        told = [f"{text} {_short(values[name])}" for name, text in named.items() if name in values]
        told.append(counted(int(values["divergences"]), "divergent transition"))
        sampled = f"{', '.join(told)}{_cited([RHAT], references)}"
        yield f"{sampled[:1].upper()}{sampled[1:]}."
    failed = found.failed()["check"]
    if others := [name for name in failed if not name.startswith(PREDICTIVE)]:
        yield f"Of the checks of sampling and design, these failed: {'; '.join(others)}."
    predictive = [name.removeprefix(PREDICTIVE) for name in failed if name.startswith(PREDICTIVE)]
    number = int(found.checks["check"].str.startswith(PREDICTIVE).sum())
    if predictive:
        yield (
            f"Of {counted(number, 'posterior predictive check')}, {len(predictive)} failed: "
            f"{', '.join(predictive)}."
        )
    elif number:
        yield f"{counted(number, 'posterior predictive check')} found no misfit."


def _short(value: Any) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"


# ------------------------------------------------------------------- comparison and software


def _compared(comparison: pd.DataFrame, references: Sequence[str]) -> str:
    responses = ", ".join(map(_words, comparison.attrs.get("responses", [])))
    number = comparison.attrs.get("observations")
    unit = comparison.attrs.get("unit", "trial")
    about = f" of {PREDICTED[unit].format(responses=responses, number=number)}" if number else ""
    reading = comparison.attrs.get("reading", "")
    return (
        f"Models were compared by the expected log predictive density (elpd){about}, with "
        f"{_left_out(comparison, unit)} and stacking weights"
        f"{_cited([LOO, STACKING], references)}" + (f": {reading}." if reading else ".")
    )


def _left_out(comparison: pd.DataFrame, unit: str) -> str:
    """Say how it was found what is predicted without the data that are left out."""
    smoothed = "Pareto-smoothed leave-one-out cross-validation"
    if unit == "trial":
        return smoothed
    exact = pd.concat(list(comparison.attrs["units"].values()))["exact"]
    if exact.all():
        return "fits without what is predicted"
    return smoothed + (f" ({int(exact.sum())} by fits without them)" if exact.any() else "")


def _software(everything: Sequence[Fitted], references: Sequence[str]) -> str:
    """Say which versions were used, and where to find what to cite for them."""
    texts = []
    for found in everything:
        versions = {"Python": found.fit.attrs["python"], **recorded(found.fit, "versions")}
        texts.append(", ".join(f"{name} {version}" for name, version in versions.items()))
    own = [k + 1 for k, text in enumerate(references) if _is_software(text)]
    cited = f" [{', '.join(map(str, own))}]" if own else ""
    told = _together(dict(zip([f.name for f in everything], texts, strict=True)))
    sets = [
        text if len(told) == 1 else f"{text} ({_joined(names)})" for text, names in told.items()
    ]
    scaled = _cited([POWER_SCALING], references)
    told_of = (
        f"How far results lean on priors was told by power-scaling{scaled}. " if scaled else ""
    )
    return f"{told_of}Software: {'; '.join(sets)}{cited}."


def _is_software(text: str) -> bool:
    return text.startswith("empathymodels, version") or text in map(reference_text, BUILT_ON)
