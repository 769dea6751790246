"""Certificates that come with the package, and how cards show them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from empathymodels.identity import fingerprint
from empathymodels.model import Model
from empathymodels.study import list_studies, study_folder
from empathymodels.wording import counted, listed

FILE = "certificate.json"
WEAK = 0.5  # correlation of estimates with true values below which a card warns
COLUMNS = {
    "correlation": "r",
    "bias": "bias",
    "rmse": "RMSE",
    "coverage_50": "in 50 %",
    "coverage_90": "in 90 %",
    "contraction": "contraction",
}
Tabulate = Callable[..., str]


def certificate_of(model: Model) -> dict[str, Any] | None:
    """Return the certificate that comes with a built-in model, if there is one."""
    for name in list_studies():
        file = study_folder(name) / FILE
        if file.is_file():
            found = json.loads(file.read_text(encoding="utf-8"))
            if found["model"] == model.name and not model.variant:
                return found
    return None


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
        _recovery(found["recovery"], tabulate),
    ]
    if "confusion" in found:
        parts.append(_confusion(found["confusion"], tabulate))
    if "calibration" in found:
        entry = found["calibration"]
        parts.append(f"Calibration, {_sets(entry)}: {entry['reading']}.")
    return "\n\n".join(parts)


def _recovery(entry: dict[str, Any], tabulate: Tabulate) -> str:
    rows = [
        (f"`{row['parameter']}`", row["whose"], *(_number(row[name]) for name in COLUMNS))
        for row in entry["table"]
    ]
    table = tabulate(("parameter", "whose", *COLUMNS.values()), rows)
    weak = [
        row["parameter"]
        for row in entry["table"]
        if row["whose"] != "population" and (row["correlation"] or 0) < WEAK
    ]
    text = (
        f"Recovery, {_sets(entry)} (correlation, bias and error of posterior means; share of true "
        f"values in central intervals; {entry['reading']}):\n\n{table}"
    )
    if weak:
        text += (
            f"\n\nFrom this design estimates of {listed(weak, 30)} correlate less than {WEAK} with "
            "true values: do not interpret them person by person."
        )
    return text


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


def _number(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2) + 0.0:.2f}"  # no -0.00
