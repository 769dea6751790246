"""Certificates that come with the package, and how cards show them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.inference.convergence import NOT_MIXED
from empathymodels.messages import counted, listed
from empathymodels.recovery.coverage import FEWEST_MIXED
from empathymodels.study.bundled import list_studies, study_folder

FILE = "certificate.json"
WEAK = 0.5  # correlation of estimates with true values below which a card warns
COLUMNS = {
    "correlation": "r",
    "bias": "bias",
    "rmse": "RMSE",
    "coverage_50": "in 50 %",
    "coverage_90": "in 90 %",
    "contraction": "contraction",
    "mixed": "chains mixed",
}
CENTRING = "every data set"  # on which centring is measured, as `fit` does; once: the first alone
OLD_WAY = (
    "Made the old way, to be made again: centring was measured on the first data set alone and "
    "chains started without a pilot, so that they mixed less often than those of `fit` do now."
)
Tabulate = Callable[..., str]


def certificate_of(model: Model) -> dict[str, Any] | None:
    """Return the certificate that comes with a built-in model, if there is one."""
    return None if model.variant else _bundled().get(model.name)


def design_of(name: str) -> str:
    """Name of the bundled study on whose design a built-in model is certified.

    That of its certificate, or before it has one the study that was simulated from the model.

    Raises
    ------
    KeyError
        No bundled study is for this model.
    """
    known = {
        about["model"]: study for study, about in _of_studies("study.json") if "model" in about
    }
    known |= {model: str(found["study"]) for model, found in _bundled().items()}
    if name not in known:
        raise KeyError(
            f"Models of bundled studies have a design of their own: {listed(known)}; found "
            f"'{name}'. Name a study as its design."
        )
    return known[name]


def _bundled() -> dict[str, dict[str, Any]]:
    """Certificates of the bundled studies, by model."""
    return {found["model"]: found for _, found in _of_studies(FILE)}


def _of_studies(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a file says in the folder of every bundled study that has it."""
    for study in list_studies():
        file = study_folder(study) / name
        if file.is_file():
            yield study, json.loads(file.read_text(encoding="utf-8"))


def read_certificate(file: Path) -> dict[str, Any]:
    """Read a certificate that `certify` wrote; empty for whatever else lies there."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    wanted = {"model", "fingerprint", "study", "recovery"}
    return found if isinstance(found, dict) and wanted <= set(found) else {}


def is_answer(
    certificate: dict[str, Any], model: Model, study: str, options: Mapping[str, float]
) -> bool:
    """Whether a certificate is what `certify` would give: nothing that it depends on is another.

    Parameters
    ----------
    certificate : dict
        Empty where there is none.
    model, study : Model, str
        What would be certified, and at which design.
    options : mapping
        ``minutes``, ``calibration`` and ``seed``.
    """
    wanted = {"study": study, "fingerprint": fingerprint(model), "seed": options["seed"]}
    wanted["asked"] = {name: options[name] for name in ("minutes", "calibration")}
    return is_current(certificate) and all(certificate.get(n) == v for n, v in wanted.items())


def is_current(certificate: dict[str, Any]) -> bool:
    """Whether data sets were sampled as `fit` samples, each with a pilot of its own."""
    return certificate.get("centring") == CENTRING


def certificate_text(model: Model, tabulate: Tabulate) -> str:
    """Say what was recovered, confused and calibrated; "" where there is no certificate."""
    found = certificate_of(model)
    if found is None:
        return ""
    again = f"`empathymodels certify {found['model']} --study {found['study']}`"
    if found["fingerprint"] != fingerprint(model):
        return f"Made for other equations or priors, so not shown. Make it anew: {again}."
    trials = f" and {found['trials']:,} trials" if found["trials"] else ""
    where = f"`{found['study']}` ({counted(found['people'], 'participant')}{trials} in all)"
    parts = [
        f"Simulated from the prior on the design of {where} and fitted again, by {again} "
        f"(empathymodels {found['versions']['empathymodels']}, seed {found['seed']}).",
        "" if is_current(found) else OLD_WAY,
        _recovery(found["recovery"], tabulate),
    ]
    if "confusion" in found:
        parts.append(_confusion(found["confusion"], tabulate))
    if "calibration" in found:
        entry = found["calibration"]
        parts.append(f"Calibration, {_sets(entry)}: {entry['reading']}.")
        parts.append(_pooled(entry, tabulate))
    return "\n\n".join(filter(None, parts))


def _recovery(entry: dict[str, Any], tabulate: Tabulate) -> str:
    rows = [
        (f"`{row['parameter']}`", row["whose"], *(_cell(row, name) for name in COLUMNS))
        for row in entry["table"]
    ]
    table = tabulate(("parameter", "whose", *COLUMNS.values()), rows)
    weak = [
        row["parameter"]
        for row in entry["table"]
        if row["whose"] != "population" and (row["correlation"] or 0) < WEAK
    ]
    parts = [
        f"Recovery, {_sets(entry)} (correlation, bias and error of posterior means; share of true "
        "values in central intervals; share of values about which chains agreed, with an R-hat of "
        f"at most {NOT_MIXED}; {entry['reading']}):",
        table,
        _pooled(entry, tabulate),
    ]
    if weak:
        parts.append(
            f"From this design estimates of {listed(weak, 30)} correlate less than {WEAK} with "
            "true values: do not interpret them person by person."
        )
    return "\n\n".join(filter(None, parts))


def _pooled(entry: dict[str, Any], tabulate: Tabulate) -> str:
    """Table of the coverage of all numbers of a kind together."""
    if "pooled" not in entry:
        return ""
    shares = ("coverage_50", "coverage_90")
    rows = [
        (
            f"all {row['kind']}",
            *(f"{_number(row[n], 3)} ({_number(row[f'{n}_se'], 3)})" for n in shares),
            f"{row['left_out']:,}" if row.get("left_out") else "",
        )
        for row in entry["pooled"]
    ]
    coverages = [COLUMNS[name] for name in shares]
    heads = ("pooled (standard error over data sets)", *coverages, "not informative, left out")
    return tabulate(heads, rows)


def _confusion(entry: dict[str, Any], tabulate: Tabulate) -> str:
    first, *chosen = entry["table"][0]
    rows = [(f"`{row[first]}`", *(_number(row[name]) for name in chosen)) for row in entry["table"]]
    table = tabulate(("simulated", *(f"`{name}`" for name in chosen)), rows)
    text = (
        f"Confusion with its rivals, {counted(entry['n'], 'data set')} from each (share in which "
        f"each predicted best, by trial; {entry['reading']}):\n\n{table}"
    )
    if entry["left_out"]:
        names = ", ".join(f"`{name}`" for name in entry["left_out"])
        text += f"\n\nLeft out: {names}, not to be compared with the others on this design."
    return text


def _sets(entry: dict[str, Any]) -> str:
    failed = f", {entry['failed']} of them failed" if entry["failed"] else ""
    return f"{counted(entry['n'], 'data set')}{failed}"


def _cell(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    is_poor = name == "mixed" and value is not None and value < FEWEST_MIXED
    return _number(value) + ": not informative" * is_poor


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # no -0.00
