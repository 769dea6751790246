"""The models there are: the folder ``models`` and any file a user names."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from empathymodels.declaration.docstring import (
    docstring_of,
    references_of,
    section_of,
    title_of,
)
from empathymodels.messages import did_you_mean, listed

if TYPE_CHECKING:
    from empathymodels.declaration.model import Model

FOLDER = Path(__file__).parents[1] / "models"


def list_models() -> dict[str, str]:
    """Return the name of every built-in model with its one-line description.

    Examples
    --------
    >>> import empathymodels as em
    >>> "outgroup_help_learning" in em.list_models()
    True
    """
    files = sorted(path for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
    return {path.stem: docstring_of(path).partition("\n")[0].rstrip(".") for path in files}


def get_model(name: str | Path) -> Model:
    """Return a model by name, or from a file of one's own.

    Parameters
    ----------
    name : str or Path
        A name that `list_models` gives, or the path of a Python file that defines ``model``.
        What ``Model(...)`` leaves out is read from the file's docstring: its title (the first
        line, after a name and a colon), notes (section ``Notes``) and references (section
        ``References``, each a citation that ends in its DOI).

    Raises
    ------
    KeyError
        No built-in model has that name.
    FileNotFoundError
        The file does not exist.
    TypeError
        The name is no text, or the file does not define a `Model` called ``model``.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.get_model("outgroup_help_learning").states[0].name
    'value'
    """
    if not isinstance(name, str | Path):
        raise TypeError(
            f"A model must be named by text or by the path of its file; found {name!r}. Name one "
            f"of {listed(list_models())}."
        )
    path = Path(name)
    if path.suffix == ".py":
        if not path.is_file():
            raise FileNotFoundError(
                f"A model file must exist where you say; found none at {path}. Check the path."
            )
        return _read(path.resolve(), path.stat().st_mtime_ns)
    known = list_models()
    if str(name) not in known:
        raise KeyError(
            f"There is no built-in model '{name}'. There are {listed(known)}; a file of your own "
            "is given by its path, ending in .py." + did_you_mean(str(name), known)
        )
    built_in = FOLDER / f"{name}.py"
    return _read(built_in, built_in.stat().st_mtime_ns)


@cache
def _read(path: Path, changed: int) -> Model:
    from empathymodels.declaration.dependencies import check_declaration
    from empathymodels.declaration.model import Model
    from empathymodels.declaration.parts import Reference

    module = _run(path)
    model = getattr(module, "model", None)
    if not isinstance(model, Model):
        raise TypeError(
            f"A model file must define `model = Model(...)`; {path.name} defines "
            f"{type(model).__name__ if model is not None else 'no `model`'}. Add it."
        )
    text = docstring_of(path)
    model = replace(
        model,
        name=path.stem,
        source=str(path),
        title=model.title or title_of(text),
        references=model.references or tuple(Reference(*one) for one in references_of(text)),
        notes=model.notes or section_of(text, "Notes"),
    )
    return check_declaration(model)


def _run(path: Path) -> ModuleType:
    name = f"empathymodels_file_{path.stem}"
    if path.parent == FOLDER:
        name = f"empathymodels.models.{path.stem}"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    # not through the loader, whose byte-code cache overlooks an edit within the same second
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    return module
