"""What was chosen, as the Python script that does it: the worker runs it, and so can anybody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from empathymodels.study.expressions import Column, Operation, Text, Values, written
from empathymodels.version import __version__

INDENT = "    "
WRITTEN_BY = '"""Written by empathymodels '
DESIGN = """
table = em.diagnose_design(model, study{covariates})
em.write_table(table, "design.csv", overwrite=True)
"""
ANALYSIS = """
models = {models}
fits = {{}}
for name, variant in models.items():
    print(f"Fitting {{name}}", flush=True)
    # draws go to the store as they come: run this again, and it goes on where it was stopped
    fits[name] = em.fit(variant, study{settings}, store=f"{{name}}.zarr")
    em.save(fits[name], f"{{name}}.nc")

for name, fit in fits.items():
    print(f"Checking {{name}}", flush=True)
    em.write_table(em.check(fit), f"{{name}}-checks.csv", overwrite=True)
    em.write_table(em.estimates(fit), f"{{name}}-estimates.csv", overwrite=True)


def keep(figure, file):
    figure.savefig(file, dpi=150, bbox_inches="tight")
    plt.close(figure)

{comparison}
print("Writing the report", flush=True)
em.report(fits, "report.html", question={question}{compared})

for name, fit in fits.items():
    print(f"Drawing {{name}}", flush=True)
    keep(em.plot_parameters(fit), f"{{name}}-parameters.png")
    for one, values in fit["posterior"].data_vars.items():
        if "participant" in values.dims and (values.std("participant") > 0).any():
            keep(em.plot_people(fit, one), f"{{name}}-people-{{one}}.png")
    for one in fit["observed_data"].data_vars:
        keep(em.plot_predictions(fit, one), f"{{name}}-predictions-{{one}}.png")
"""
COMPARISON = """
comparison = None
try:
    comparison = em.compare(fits)
    em.write_table(comparison, "comparison.csv", overwrite=True)
    Path("comparison.txt").write_text(comparison.attrs["reading"], encoding="utf-8")
    keep(em.plot_compare(comparison), "comparison.png")
except ValueError as reason:  # they are not fits of the same observations
    print(reason, flush=True)
"""


def study_arguments(choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `Study`, or of `Study.from_bids`, without where the files are.

    A column of the files that has one of our names, and is not meant so, gets another name.
    """
    columns: dict[str, dict[str, str]] = {}
    for table, names in choices.get("columns", {}).items():
        own = choices["files"][table]["columns"]
        renamed = {ours: theirs for ours, theirs in names.items() if theirs and theirs != ours}
        taken = set(names.values())
        aside = {f"{n}_in_file": n for n in names if names[n] != n and n in own and n not in taken}
        columns |= {table: renamed | aside} if renamed | aside else {}
    data_set, given = choices.get("bids"), dict[str, Any]()
    if data_set:
        together = {ours: own for names in columns.values() for ours, own in names.items()}
        given |= {"task": data_set["task"], "keep": data_set["keep"], "columns": together}
    else:
        given |= {"name": choices["name"], "columns": columns}
    given |= {key: choices.get(key) for key in ("missing", "codes", "file_names")}
    given |= {"encoding": choices["encoding"]} if choices.get("encoding") != "utf-8" else {}
    return {key: value for key, value in given.items() if value}


def exclusion_arguments(choices: Mapping[str, Any]) -> dict[str, str]:
    """Return the arguments of `Study.exclude` that leave people out; none where all stay."""
    people = choices.get("left_out")
    if not people:
        return {}
    condition = Operation("in", (Column("participant"), Values(tuple(map(Text, people)))))
    reason = choices.get("left_out_reason") or "no reason was given"
    return {"query": written(condition), "table": "participants", "reason": reason}


def design_script(choices: Mapping[str, Any]) -> str:
    """Return the script that says what the design can tell."""
    given = choices.get("covariates")
    covariates = f", covariates={_code(given)}" if given else ""
    return _beginning(choices, "design") + DESIGN.format(covariates=covariates)


def analysis_script(choices: Mapping[str, Any]) -> str:
    """Return the script that fits, checks, draws, compares and reports."""
    rivals = choices["rivals"]
    variants = {choices["model"]: "model"} | {
        name: f"model.rival({_code(name)})" for name in rivals
    }
    lines = [f"{INDENT}{_code(name)}: {code}," for name, code in variants.items()]
    given = {key: choices.get(key) for key in ("covariates", "draws", "seed")}
    settings = {key: value for key, value in given.items() if value not in (None, {})}
    return _beginning(choices, "analysis") + ANALYSIS.format(
        models="\n".join(["{", *lines, "}"]),
        settings="".join(f", {key}={_code(value)}" for key, value in settings.items()),
        comparison=COMPARISON if rivals else "",
        compared=", comparison=comparison" if rivals else "",
        question=_code(choices["question"]),
    )


def is_same(script: str, other: str) -> bool:
    """Whether two scripts do the same; the version that wrote them may differ."""
    return _without_version(script) == _without_version(other)


def _without_version(script: str) -> str:
    return script.partition("\n")[2] if script.startswith(WRITTEN_BY) else script


def _beginning(choices: Mapping[str, Any], kind: str) -> str:
    """Return the lines that read the study and the model; texts of the user are quoted."""
    lines = [
        f"{WRITTEN_BY}{__version__}. Run it beside the files that it names:",
        "",
        f"{INDENT}python {kind}.py",
        '"""',
        "",
        *(["from pathlib import Path", ""] if kind == "analysis" and choices["rivals"] else []),
        *(["import matplotlib.pyplot as plt", ""] if kind == "analysis" else []),
        "import empathymodels as em",
        "",
        *_study_lines(choices),
    ]
    own = choices.get("model_file")
    model = f"{_code(own['file'])})  # a copy of {_code(own['own'])}" if own else ""
    return "\n".join([*lines, f"model = em.get_model({model or _code(choices['model']) + ')'}", ""])


def _study_lines(choices: Mapping[str, Any]) -> list[str]:
    """Return the lines that read the study, and leave people out of it."""
    lines, exclusion = _reading_lines(choices), exclusion_arguments(choices)
    if exclusion:
        query = _code(exclusion.pop("query"))
        given = [query, *(f"{key}={_code(value)}" for key, value in exclusion.items())]
        lines += ["study = study.exclude(", *(f"{INDENT}{one}," for one in given), ")"]
    return lines


def _reading_lines(choices: Mapping[str, Any]) -> list[str]:
    if choices.get("study"):
        return [f"study = em.load_study({_code(choices['study'])})"]
    given = [f"{key}={_code(value)}," for key, value in study_arguments(choices).items()]
    if data_set := choices.get("bids"):
        given.insert(0, f"{_code(data_set['file'])},  # given as {_code(data_set['own'])}")
        return ["study = em.Study.from_bids(", *(INDENT + line for line in given), ")"]
    files = [
        f"{table}={_code(file['file'])},  # given as {_code(file['own'])}"
        for table, file in choices["files"].items()
    ]
    return ["study = em.Study(", *(INDENT + line for line in [*files, *given]), ")"]


def _code(value: Any) -> str:
    """Return texts, numbers, lists and mappings of them as Python, which they share with JSON."""
    return json.dumps(value, ensure_ascii=False)
