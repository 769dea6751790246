"""The gallery of models: a page each from its card, an index by what one has recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import empathymodels as em
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.declaration.recorded import RECORDED, by_recording, needed_columns
from empathymodels.recovery.certificate import certificate_of, design_of, is_current
from empathymodels.study.bundled import study_folder
from model_pictures import picture

ROOT = Path(__file__).parents[2]
LEADS = "What was published|What is ours|What cannot be told apart|Traps"


def pages() -> dict[str, str | bytes]:
    """Return the pages of all models, their pictures, and the index."""
    made: dict[str, str | bytes] = {}
    for name in em.list_models():
        model = em.get_model(name)
        study = design_of(name)
        made[f"models/{name}.md"] = page(model, study)
        made[f"models/{name}.png"] = picture(model, em.load_study(study))
    return made | {"models/index.md": index(), "models/certificates.md": certificates()}


def snippet(model: Model, study: str) -> str:
    """Return the lines that fit a model to the study that comes with it, and compare a rival."""
    lines = [
        "import empathymodels as em",
        "",
        f'study = em.load_study("{study}")',
        f'model = em.get_model("{model.name}")',
        "fit = em.fit(model, study, seed=1)",
        "em.check(fit)",
        "em.estimates(fit)",
    ]
    if rival := next(iter(model.rivals), None):
        lines += [
            f'rival = em.fit(model.rival("{rival}"), study, seed=1)',
            f'em.compare({{"{model.name}": fit, "{rival}": rival}})',
        ]
    return "\n".join(lines)


def page(model: Model, study: str) -> str:
    """Return the page of a model: its card, with a picture, lines to run and data to download."""
    title, *sections = re.split(r"^## ", em.card(model), flags=re.MULTILINE)
    head, _, claim = title.partition("\n\n")
    texts = dict(section.split("\n\n", 1) for section in sections)
    texts["Notes"] = paragraphs(texts.get("Notes", ""))
    alt = f"Means of the bundled study {study}, as its people answered."
    parts = [
        head,
        claim.strip(),
        f"```{{image}} {model.name}.png\n:alt: {alt}\n:class: dark-light\n```",
        f"Means over people in the bundled study [`{study}`](../studies/{study}.md), which was "
        "simulated from this model: dots, with two standard errors.",
        f"## Fit it\n\n```python\n{snippet(model, study)}\n```",
        own_data(model, study),
        *seen_in(model.name),
        *(f"## {name}\n\n{text.strip()}" for name, text in texts.items() if text.strip()),
    ]
    return "\n\n".join(parts) + "\n"


def own_data(model: Model, study: str) -> str:
    """Say where the bundled tables are, as patterns for one's own."""
    links = [
        f"{{download}}`{file.name} <../studies/{study}/{file.name}>`"
        for file in csv_files(study)
        if file.stem in ("trials", "participants", "regions")
    ]
    return (
        f"Tables of the bundled study, as a pattern for yours: {', '.join(links)}. With your own, "
        "`study = em.Study(trials='trials.csv')`; see [your data](../start/your_data.md)."
    )


def csv_files(study: str) -> list[Path]:
    """Return the tables of a bundled study."""
    return sorted(study_folder(study).glob("*.csv"))


def seen_in(model: str) -> Iterator[str]:
    """Say which notebooks go through a model."""
    links = [
        f"[](../notebooks/{file.stem}.ipynb)"
        for file in sorted((ROOT / "notebooks").glob("*.py"))
        if file.with_suffix(".ipynb").is_file() and f'"{model}"' in file.read_text(encoding="utf-8")
    ]
    if links:
        yield f"Worked through in: {'; '.join(links)}."


def paragraphs(notes: str) -> str:
    """Begin a paragraph with every kind of note."""
    return re.sub(rf"^({LEADS})\b", r"\n**\1**", notes, flags=re.MULTILINE).strip()


def index() -> str:
    """Return the index of models: by what was recorded, then all, then the review's systems."""
    models = [em.get_model(name) for name in em.list_models()]
    parts = [
        "# Models",
        "Every model is one file. Its page is made from what that file declares: equations, "
        "parameters and priors, columns, rivals, traps, sources. First by what you have recorded, "
        "then all by name, then by the systems of the review of motivated empathy. What the models "
        "[recover](certificates.md) of simulated people is on a page of its own.",
    ]
    for kind, found in by_recording(models).items():
        rows = []
        for model, said in found:
            link, told = f"[{model.name}]({model.name}.md)", " · ".join(map(tidy, said))
            rows.append(f"| {link} | {told} | {columns(model)} |")
        head = f"## {RECORDED[kind]}\n\n| model | recorded | with the columns |\n|---|---|---|"
        parts.append("\n".join([head, *rows]))
    rows = [f"| [{n}]({n}.md) | {tidy(t)} |" for n, t in em.list_models().items()]
    parts.append("\n".join(["## All models", "", "| model | says |", "|---|---|", *rows]))
    parts.append(systems())
    pages = "\n".join([*em.list_models(), "certificates"])
    parts.append(f"```{{toctree}}\n:hidden:\n\n{pages}\n```")
    return "\n\n".join(parts) + "\n"


def columns(model: Model) -> str:
    """Name the columns without which a model cannot be fitted, or those that it can read."""
    names = [f"`{name}`" for name in needed_columns(model)]
    return ", ".join(names) or "of these any: " + ", ".join(
        f"`{c.name}`" for c in model.columns[:6]
    )


def tidy(text: str) -> str:
    """Return a text that may stand in a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def systems() -> str:
    """Return the README's table of the review's systems, with links that lead within the site."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("\n## The systems of the review\n")[1].split("\n## ")[0]
    table = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    for name in em.list_models():
        table = table.replace(f"`{name}`", f"[{name}]({name}.md)")
    table = table.replace("](notebooks/", "](../notebooks/").replace("](docs/", "](../")
    return f"## By the systems of the review\n\n{table}"


def certificates() -> str:
    """Return a row per certificate: what the models recover."""
    models = [em.get_model(name) for name in em.list_models()]
    rows = [certificate_row(model) for model in models if certificate_of(model) is not None]
    text = (Path(__file__).parent / "certificates.md").read_text(encoding="utf-8")
    return text.replace("ROWS\n", "\n".join(rows) + "\n")


def certificate_row(model: Model) -> str:
    """Return what the certificate of a model says, in one row."""
    found = certificate_of(model) or {}
    marks = "†" * (not is_current(found)) + "‡" * (found["fingerprint"] != fingerprint(model))
    people = [row for row in found["recovery"]["table"] if row["whose"] == "people"]
    r = [(row["correlation"] or 0, row["parameter"]) for row in people]
    held = [row["coverage_90"] for row in people if row["coverage_90"] is not None]
    cells = [f"[{model.name}]({model.name}.md){marks}"]
    cells += [f"`{found['study']}`", str(found["recovery"]["n"])]
    cells.append(f"{min(r)[0]:.2f} to {max(r)[0]:.2f} (`{min(r)[1]}`)" if r else "–")
    cells.append(f"{min(held):.2f} to {max(held):.2f}" if held else "–")
    cells.append(contests(found))
    return f"| {' | '.join(cells)} |"


def contests(found: dict) -> str:
    """Say in how many simulated contests the model that simulated was chosen."""
    if "confusion" not in found:
        return "–"
    pattern = r"the model that simulated was chosen in ([\d,]+) of ([\d,]+)"
    told = re.match(pattern, found["confusion"]["reading"])
    return f"{told[1]} of {told[2]}, {len(found['confusion']['table'])} models" if told else "–"
