"""A model on its way to a worker process: its text and its changes, never its functions."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from empathymodels.declaration.catalog import FOLDER, get_model
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model


@dataclass(frozen=True)
class PackedModel:
    """A model as the name or the text of its file, and what was changed since.

    Attributes
    ----------
    name : str
        Stem of the file.
    text : str
        Of the file; empty for an installed model.
    variant : str
        `Model.variant` as JSON.
    fingerprint : str
        Of the changed model.
    """

    name: str
    text: str
    variant: str
    fingerprint: str


def packed(model: Model) -> PackedModel | Model:
    """Return a model in a form that another process can read.

    A model that its file and its variant do not give again (one made in a notebook) is returned
    as it is: its functions then travel with it.
    """
    if not model.source or not Path(model.source).is_file():
        return model
    path = Path(model.source)
    text = "" if path.parent == FOLDER else path.read_text(encoding="utf-8")
    identity = fingerprint(model)
    try:
        found = PackedModel(model.name, text, json.dumps(model.variant), identity)
        same = fingerprint(_varied(get_model(path), found.variant)) == identity
    except (TypeError, ValueError, KeyError):
        return model
    return found if same else model


@cache
def _unpacked(pack: PackedModel) -> Model:
    if pack.text:
        # the file's folder is left: messages about the model name its file
        file = Path(tempfile.mkdtemp(prefix="empathymodels-")) / f"{pack.name}.py"
        file.write_text(pack.text, encoding="utf-8")
        model = _varied(get_model(file), pack.variant)
    else:
        model = _varied(get_model(pack.name), pack.variant)
    if fingerprint(model) != pack.fingerprint:
        raise ValueError(
            f"Every worker must have the same '{model.label}' as the process that sends it work; "
            "its equations or declarations differ here. Install the same version of "
            "empathymodels everywhere."
        )
    return model


def unpacked(pack: PackedModel | Model) -> Model:
    """Return the model that `packed` stands for.

    Raises
    ------
    ValueError
        This process has another version of the model.
    """
    return pack if isinstance(pack, Model) else _unpacked(pack)


def _varied(model: Model, variant: str) -> Model:
    return model.vary(json.loads(variant))
