"""A page per bundled study: its README, with its tables to download."""

from __future__ import annotations

import re

import empathymodels as em
from empathymodels.recovery.certificate import design_of
from empathymodels.study.bundled import study_folder
from model_pages import csv_files


def pages() -> dict[str, str | bytes]:
    """Return the pages of all bundled studies, their tables, and the index."""
    made: dict[str, str | bytes] = {"studies/index.md": index()}
    models = {design_of(model): model for model in em.list_models()}
    for name in em.list_studies():
        text = (study_folder(name) / "README.md").read_text(encoding="utf-8")
        made[f"studies/{name}.md"] = with_downloads(name, text, models.get(name))
        made |= {f"studies/{name}/{file.name}": file.read_bytes() for file in csv_files(name)}
    return made


def with_downloads(name: str, text: str, model: str | None) -> str:
    """Add the tables of a study, and the model it was simulated from, to what is said of it."""
    links = ", ".join(f"{{download}}`{file.name} <{name}/{file.name}>`" for file in csv_files(name))
    title, _, rest = text.partition("\n\n")
    of = f" Model: [{model}](../models/{model}.md)." if model else ""
    return f"{title}\n\nTables: {links}.{of}\n\n{rest}"


def index() -> str:
    """Return the index of bundled studies."""
    rows = [f"| [{name}]({name}.md) | {said_of(name)} |" for name in em.list_studies()]
    names = "\n".join(f"{name} <{name}>" for name in em.list_studies())
    return "\n".join(
        [
            "# Bundled studies",
            "",
            "All of them are simulated, with data from nobody, on designs like those that were "
            "published; the true parameters lie beside the data. `em.load_study(name)` returns "
            "one. Open data of real people come by `em.fetch_study`, see "
            "[open studies](../how_to/open_studies.md).",
            "",
            "| study | is |",
            "|---|---|",
            *rows,
            "",
            f"```{{toctree}}\n:hidden:\n\n{names}\n```",
            "",
        ]
    )


def said_of(name: str) -> str:
    """Return what the heading of a study's README says of it."""
    text = (study_folder(name) / "README.md").read_text(encoding="utf-8")
    return re.sub(r"^# `?\w+`?: ", "", text.splitlines()[0])
