"""Pages that follow from the package: models, API, command line, studies, notebooks, its map."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

import api_pages
import empathymodels as em
import model_pages
import package_pages
import study_pages

SAID = (
    "Hierarchical Bayesian models of motivated empathy in Python: ratings, choices and brain "
    "responses. A study is up to three tidy tables (em.Study), a model is one trial of one person "
    "in one file (em.get_model), em.fit samples people and population, and em.check, em.estimates, "
    "em.contrast, em.compare and em.report read the fit."
)
ORDER = ["", "start", "how_to", "models", "explanation", "evidence", "reference", "api"]


def pages() -> dict[str, str | bytes]:
    """Return every generated file of the documentation, by its path within `docs`."""
    return {
        **model_pages.pages(),
        **study_pages.pages(),
        **api_pages.pages(),
        **package_pages.pages(),
    }


def write(folder: Path) -> None:
    """Write the files that are new or another, and remove those that are no longer made."""
    made = pages()
    for name, content in made.items():
        file = folder / name
        data = content.encode() if isinstance(content, str) else content
        if not file.exists() or file.read_bytes() != data:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    for place in {Path(name).parts[0] for name in made}:
        for file in (folder / place).rglob("*"):
            if file.is_file() and file.relative_to(folder).as_posix() not in made:
                file.unlink()


def overview(app: Sphinx, exception: Exception | None) -> None:
    """Write `llms.txt`: what the package is, and its pages by title, for programs that read."""
    if exception is None and app.builder.name == "html":
        (Path(app.outdir) / "llms.txt").write_text(llms(app), encoding="utf-8")


def llms(app: Sphinx) -> str:
    """Return the overview, by folders in the order of the site."""
    titles = {name: title.astext() for name, title in app.env.titles.items()}
    said = {f"models/{name}": text for name, text in em.list_models().items()}
    said |= {f"api/{name}": api_pages.first_line(name) for name in em.__all__}
    folders: dict[str, list[str]] = {}
    for name in sorted(titles):
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    parts = [f"# {app.config.project}\n\n> {SAID}"]
    for folder in sorted(folders, key=lambda f: ORDER.index(f) if f in ORDER else len(ORDER)):
        links = "\n".join(
            f"- [{titles[name]}]({name}.html)" + (f": {said[name]}" if name in said else "")
            for name in folders[folder]
        )
        parts.append(f"## {titles.get(f'{folder}/index', folder or 'The site')}\n\n{links}")
    return "\n\n".join(parts) + "\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the pages written before Sphinx looks for its sources."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir)))
    app.connect("build-finished", overview)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
