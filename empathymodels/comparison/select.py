"""Select models for a population: how many people each of them describes best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
from scipy.special import expit

from empathymodels.arguments import checked_arguments
from empathymodels.comparison.evidence_tables import Evidences, checked_evidences
from empathymodels.comparison.model_frequencies import (
    equal_families_evidence,
    exceedance,
    posterior,
    responsibilities,
)
from empathymodels.comparison.variational import variational
from empathymodels.messages import counted, not_converged

SURE = 0.95  # probability from which a reading takes sides


@dataclass(frozen=True)
class _Settings:
    prob: float
    draws: int
    seed: int


@checked_arguments
def select(
    evidences: pd.DataFrame | Mapping[str, Any],
    *,
    evidence: str | None = None,
    families: Mapping[str, Sequence[str]] | None = None,
    groups: Mapping[Any, Any] | pd.Series | None = None,
    prob: float = 0.95,
    draws: int = 20_000,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Tell how frequent models are among people (random-effects Bayesian model selection).

    People may differ in the model that describes them. From the log evidence :math:`L_{sk}` of
    each person s under each model k follow the frequencies r of the models in the population:

    .. math::

        r \sim \text{Dirichlet}(1, \ldots, 1), \quad m_s \sim \text{Categorical}(r), \quad
        p(y_s \mid m_s = k) = \exp L_{sk}

    Parameters
    ----------
    evidences : DataFrame or mapping
        One of

        - fits by name, from which log evidences per person are computed;
        - a table (participant, model) of log evidences, whose ``attrs["evidence"]`` says what
          they are, or a comparison that carries one as ``attrs["evidences"]``;
        - either of these by condition, of the same people and models:
          ``{"pain": table, "neutral": other_table}``.
    evidence : {"left_out", "fixed_prior"}, optional
        What to compute from fits: the log-density of a person's data given everybody else's,
        :math:`\log p(y_s \mid y_{-s})`, unless asked for that under a prior which is fixed
        before the data. Where people's weights fail, give a comparison with ``refit=True``.
    families : mapping of str to sequence of str, optional
        Models by family; every model in one. Families are equally probable a priori however many
        models they have: a model's prior count is one over the size of its family.
    groups : Series or mapping, optional
        Group of every participant, by participant; of others it may tell, too.
    prob : float in (0, 1)
        Mass of the highest-density intervals.
    draws : int
        How many draws of the posterior.
    seed : int
        Seed of these draws.

    Returns
    -------
    DataFrame
        Index: models, as given. Columns:

        - ``frequency``: expected share of people whom the model describes; ``sd``, ``hdi_low``,
          ``hdi_high``: its uncertainty;
        - ``exceedance``: probability that the model is the most frequent one;
        - ``protected_exceedance``: the same, if differences may be due to chance:
          exceedance times (1 - omnibus risk) plus omnibus risk / number of models;
        - ``converged``, of evidences from fits: whether these passed all checks of their sampling
          (not under a fixed prior, which takes no draws of theirs).

        With several conditions it is about models that hold throughout. ``attrs``:

        - ``evidence``: what was compared; ``participants``: how many people; ``prob``;
        - ``omnibus_risk``: probability that all models are equally frequent, against any
          frequencies, both a priori equally probable; ``log_evidence`` of any frequencies;
        - ``responsibilities``: DataFrame (participant, model), the probability of each
          person's model;
        - ``variational``: DataFrame (``count``, ``frequency``, ``exceedance``,
          ``protected_exceedance``; ``attrs["omnibus_risk"]``), the approximation behind most
          published exceedance probabilities, to be compared with them (see Notes);
        - ``families``: the same table of families, if asked;
        - ``groups``: the same columns by group and model, if asked, and ``p_groups_differ``, the
          probability that groups have frequencies of their own, against the same in all;
        - ``conditions``: the same columns by condition and model, if several, and
          ``same_model``, a table of how many people have the same model in all conditions;
        - ``reading``: the verdict in words.

    Raises
    ------
    TypeError
        Neither tables nor fits.
    ValueError
        Evidences of different kinds, or of none stated; values that are not finite; one model;
        repeated participants; conditions of other people or models; families that
        leave a model out, hold it twice, or name an unknown one; people without a group. All faults
        are told at once.

    Notes
    -----
    The order of people makes no difference. With few models (up to three for 1,000 people, four
    for 150) frequencies, their standard deviations, the omnibus risk and the evidences are exact
    sums over all ways to assign people to models; intervals, exceedance probabilities and
    responsibilities come from independent draws of that posterior. With more models all of them
    come from draws of sequential Monte Carlo with Gibbs sweeps: try another `seed` to see how far
    they can be trusted.

    The usual variational approximation assigns people independently of each other's assignment;
    where evidences do not tell models apart it is much too sure of the frequencies, and its omnibus
    risk differs, too. With evidences that say nothing at all, the omnibus risk here is 0.5, as
    before the data.

    Evidences are taken as independent between people. Probabilities given everybody else's data are
    so only approximately: each includes what the population was learned from.

    Whether people have the same model in all conditions is asked of all combinations of models,
    in two families: the same throughout, or not. Groups are compared by the evidence for one set
    of frequencies against that for one set per group.

    References
    ----------
    Stephan, Penny, Daunizeau, Moran & Friston (2009), doi:10.1016/j.neuroimage.2009.03.025.
    Penny et al. (2010), doi:10.1371/journal.pcbi.1000709 (families).
    Rigoux, Stephan, Friston & Daunizeau (2014), doi:10.1016/j.neuroimage.2013.08.065 (omnibus
    risk, protected exceedance, groups and conditions).

    Examples
    --------
    >>> import pandas as pd
    >>> import empathymodels as em
    >>> table = pd.DataFrame({"learning": [-40.0, -38.0, -51.0], "static": [-47.0, -45.0, -49.0]})
    >>> table.attrs["evidence"] = "-BIC/2"
    >>> em.select(table).loc["learning", "frequency"].round(2)
    np.float64(0.66)
    """
    _refuse_few(draws)
    checked = checked_evidences(evidences, evidence=evidence, families=families, groups=groups)
    settings, total = _Settings(prob, draws, seed), checked.total
    table = _frequencies(total, _own(total), settings)
    table.attrs |= {
        "evidence": checked.kind,
        "participants": len(total),
        "variational": _variational(total),
    }
    if families is not None:
        family_of = {model: name for name, members in families.items() for model in members}
        table.attrs["families"] = _frequencies(total, family_of, settings).rename_axis("family")
    if checked.groups is not None:
        table.attrs |= _by_group(total, checked.groups, table.attrs["log_evidence"], settings)
    if len(checked.tables) > 1:
        table.attrs |= _by_condition(checked, settings)
    table.attrs["reading"] = _reading(table)
    if any("not_converged" in one.attrs for one in checked.tables.values()):
        poor = _poor(checked)
        table["converged"] = [not any(of == name for of, _ in poor) for name in table.index]
        told = {f"{of} in {where}" if where else of: why for (of, where), why in poor.items()}
        table.attrs["not_converged"] = told
        table.attrs["reading"] += not_converged(told)
    return table


def _poor(checked: Evidences) -> dict[tuple[str, str], str]:
    """What fits failed whose evidences are compared, by model and condition."""
    return {
        (model, condition): why
        for condition, table in checked.tables.items()
        for model, why in table.attrs.get("not_converged", {}).items()
    }


def _refuse_few(draws: int) -> None:
    if draws < 1_000:
        raise ValueError(
            f"draws must be at least 1,000, or tails of the posterior are lost; found {draws}. "
            "Leave it out for 20,000."
        )


def _frequencies(
    evidences: pd.DataFrame, family_of: Mapping[Any, Any], settings: _Settings
) -> pd.DataFrame:
    """Table of how frequent families of models are; models alone are families of one."""
    names = list(dict.fromkeys(family_of.values()))
    family = np.array([names.index(family_of[model]) for model in evidences.columns])
    member = np.equal.outer(family, np.arange(len(names))).astype(float)  # (model, family)
    values, prior = evidences.to_numpy(), 1 / member.sum(axis=0)[family]
    draws, seed = settings.draws, settings.seed
    found = posterior(values, prior, draws=draws, seed=seed)
    alike = equal_families_evidence(values, prior, family, draws=draws, seed=seed)
    mean, sd = found.moments(member)
    each = found.draws(draws, seed=seed)  # (draw, model)
    shares = each @ member  # (draw, family)
    risk = float(expit(alike - found.log_evidence))
    largest = np.bincount(shares.argmax(axis=1), minlength=len(names)) / draws
    low, high = np.array([az.hdi(one, prob=settings.prob) for one in shares.T]).T
    table = pd.DataFrame(
        {
            "frequency": mean,
            "sd": sd,
            "hdi_low": low,
            "hdi_high": high,
            "exceedance": largest,
            "protected_exceedance": _protected(largest, risk),
        },
        index=pd.Index(names, name="model"),
    )
    whose = responsibilities(values, each) @ member
    table.attrs = {
        "prob": settings.prob,
        "omnibus_risk": risk,
        "log_evidence": found.log_evidence,
        "responsibilities": pd.DataFrame(whose, evidences.index, names),
    }
    return table


def _protected(exceedance: np.ndarray, risk: float) -> np.ndarray:
    return (1 - risk) * exceedance + risk / len(exceedance)


def _variational(evidences: pd.DataFrame) -> pd.DataFrame:
    values, size = evidences.to_numpy(), evidences.shape[1]
    counts, bound = variational(values, np.ones(size))
    alike = np.logaddexp.reduce(values, axis=1).sum() - len(values) * np.log(size)
    risk, largest = float(expit(alike - bound)), exceedance(counts)
    columns = {"count": counts, "frequency": counts / counts.sum(), "exceedance": largest}
    table = pd.DataFrame(
        columns | {"protected_exceedance": _protected(largest, risk)},
        index=pd.Index(evidences.columns, name="model"),
    )
    table.attrs = {"omnibus_risk": risk, "log_evidence": bound}
    return table


def _by_group(
    evidences: pd.DataFrame, groups: pd.Series, pooled: float, settings: _Settings
) -> dict[str, Any]:
    tables = {
        group: _frequencies(evidences.loc[groups == group], _own(evidences), settings)
        for group in groups.unique()
    }
    apart = sum(table.attrs["log_evidence"] for table in tables.values())
    return {"groups": _stacked(tables, "group"), "p_groups_differ": float(expit(apart - pooled))}


def _by_condition(checked: Evidences, settings: _Settings) -> dict[str, Any]:
    tables = {
        condition: _frequencies(table, _own(table), settings)
        for condition, table in checked.tables.items()
    }
    models = checked.total.columns
    combined = {
        models_of: sum(
            table[model] for table, model in zip(checked.tables.values(), models_of, strict=True)
        )
        for models_of in product(models, repeat=len(tables))
    }
    joint = pd.DataFrame(np.transpose(list(combined.values())), checked.total.index)
    same = dict(enumerate("same" if len(set(c)) == 1 else "different" for c in combined))
    same_model = _frequencies(joint, same, settings).rename_axis("models")
    return {"conditions": _stacked(tables, "condition"), "same_model": same_model}


def _own(evidences: pd.DataFrame) -> dict[Any, Any]:
    return {model: model for model in evidences.columns}


def _stacked(tables: Mapping[Any, pd.DataFrame], name: str) -> pd.DataFrame:
    plain = {key: pd.DataFrame(table, copy=True) for key, table in tables.items()}
    for table in plain.values():
        table.attrs = {}
    return pd.concat(plain, names=[name])


# ----------------------------------------------------------------------------- in words


def _reading(table: pd.DataFrame) -> str:
    about, several = table.attrs, "same_model" in table.attrs
    parts = [_most_frequent(table, "model")]
    if "families" in about:
        parts.append(_most_frequent(about["families"], "family"))
    if "groups" in about:
        parts.append(_of_groups(about["p_groups_differ"]))
    if several:
        parts.append(_of_conditions(about["same_model"]))
    people = counted(about["participants"], "participant")
    held = ", each model held in all conditions" * several
    return f"by {about['evidence']} of {people}{held}: " + "; ".join(parts)


def _most_frequent(table: pd.DataFrame, noun: str) -> str:
    best = table["protected_exceedance"].idxmax()
    row, risk = table.loc[best], table.attrs["omnibus_risk"]
    verdict = f"undecided which {noun} is most frequent, '{best}' leads"
    if row["protected_exceedance"] > SURE:
        verdict = f"'{best}' is the most frequent {noun}"
    return (
        f"{verdict}: {_share(row, table.attrs['prob'])}, protected exceedance probability "
        f"{row['protected_exceedance']:.2f}, risk that all are equally frequent {risk:.2f}"
    )


def _share(row: pd.Series, prob: float) -> str:
    share, low, high = (100 * row[name] for name in ("frequency", "hdi_low", "hdi_high"))
    return f"{share:.0f} % of people ({100 * prob:g} % interval {low:.0f} to {high:.0f})"


def _of_groups(p_differ: float) -> str:
    verdict = "undecided whether groups differ in their frequencies"
    if p_differ > SURE:
        verdict = "groups differ in their frequencies"
    if p_differ < 1 - SURE:
        verdict = "groups have the same frequencies"
    return f"{verdict}: probability of a difference {p_differ:.2f}"


def _of_conditions(table: pd.DataFrame) -> str:
    p_same = float(table.loc["same", "protected_exceedance"])
    verdict = "undecided whether most people have the same model in all conditions"
    if p_same > SURE:
        verdict = "most people have the same model in all conditions"
    if p_same < 1 - SURE:
        verdict = "most people change their model between conditions"
    share = _share(table.loc["same"], table.attrs["prob"])
    return f"{verdict}: {share} have the same, probability of most {p_same:.2f}"
