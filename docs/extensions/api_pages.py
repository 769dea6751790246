"""Pages of the public names, by the part of the package in which they live."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import empathymodels as em
from empathymodels.responses.distribution import ResponseDistribution
from package_pages import pictures

PACKAGE = Path(em.__file__).parent
TITLES = {
    "study": "Data",
    "declaration": "Models",
    "inference": "Fitting",
    "checks": "Checks",
    "results": "Results",
    "comparison": "Comparison",
    "plots": "Pictures",
    "recovery": "What simulated studies tell",
    "simulation": "Simulation",
    "reporting": "Cards, reports, citations",
    "neuro": "Brain images and feedback",
    "responses": "Distributions of responses",
    "learners": "Learners",
}


def homes() -> dict[str, list[str]]:
    """Return the public names of every folder of the package, as the stub lists them."""
    stub = (PACKAGE / "__init__.pyi").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for folder, name in re.findall(
        r"^from empathymodels\.(\w+)\.[\w.]+ import (\w+) as", stub, re.MULTILINE
    ):
        found.setdefault(folder, []).append(name)
    order = [*TITLES, *(folder for folder in found if folder not in TITLES)]
    return {folder: found[folder] for folder in order if folder in found}


def pages() -> dict[str, str]:
    """Return a page per public name, and their index."""
    made = {f"api/{name}.rst": page(name) for names in homes().values() for name in names}
    return made | {"api/index.md": index()}


def page(name: str) -> str:
    """Return the page of a public name."""
    thing = getattr(em, name)
    parts = [name, "=" * len(name), ""]
    if not inspect.isclass(thing):
        parts.append(f".. autofunction:: empathymodels.{name}")
    elif issubclass(thing, ResponseDistribution):
        parts += [
            f"The function of a response returns ``em.{name}.dist(...)``, with what stands below.",
            "",
            f".. autoclass:: empathymodels.{name}",
        ]
    else:
        parts += [f".. autoclass:: empathymodels.{name}", "   :members:"]
    if name in (shown := pictures()):
        title = shown[name][0].stem
        parts += [
            "",
            f".. figure:: ../pictures/{name}.png",
            f"   :alt: What em.{name} draws in notebook {title}.",
            "",
            f"   From :doc:`../notebooks/{title}`.",
        ]
    return "\n".join([*parts, ""])


def index() -> str:
    """Return the index of public names."""
    parts = [
        "# API",
        "All public names, by the part of the package in which they live. Types are those of the "
        "numpydoc docstrings; every function says what it raises and shows an example. `em` is "
        "`import empathymodels as em`. Priors are given as `em.Prior`, which is one of "
        "pymc-extras with messages of its own.",
    ]
    for folder, names in homes().items():
        rows = [f"| [`em.{name}`]({name}.rst) | {first_line(name)} |" for name in names]
        title = TITLES.get(folder, folder.capitalize())
        parts.append("\n".join([f"## {title}", "", "| name | gives |", "|---|---|", *rows]))
    names = "\n".join(name for found in homes().values() for name in found)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{names}\n```")
    return "\n\n".join(parts) + "\n"


def first_line(name: str) -> str:
    """Return the summary of a docstring, as Markdown in a cell."""
    text = (inspect.getdoc(getattr(em, name)) or "").split("\n\n")[0].replace("\n", " ")
    return re.sub(r":\w+:`([^`]+)`", r"`\1`", text).replace("``", "`").replace("|", "\\|")
