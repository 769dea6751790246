"""Notebooks, help of commands, benchmarks, changes, and the map of the package."""

from __future__ import annotations

import ast
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import typer

import empathymodels as em
from empathymodels import cli

ROOT = Path(__file__).parents[2]
PACKAGE = Path(em.__file__).parent


def pages() -> dict[str, str | bytes]:
    """Return pages that are made of files elsewhere in the repository."""
    made: dict[str, str | bytes] = {
        f"notebooks/{file.name}": file.read_bytes() for file in notebooks()
    }
    made |= {f"pictures/{name}.png": data for name, (_, data) in pictures().items()}
    return made | {
        "notebooks/index.md": notebook_index(),
        "package/commands.md": commands(),
        "package/map.md": package_map(),
        "package/changes.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        "package/speed.md": (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8"),
    }


def notebooks() -> list[Path]:
    """Return the notebooks with their outputs."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def pictures() -> dict[str, tuple[Path, bytes]]:
    """Return the first picture that a notebook has of every plot function, and the notebook."""
    found: dict[str, tuple[Path, bytes]] = {}
    for file in notebooks():
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            drawn = [o["data"]["image/png"] for o in cell.get("outputs", ()) if is_picture(o)]
            if drawn:
                for name in re.findall(r"\bem\.(plot_\w+)\(", "".join(cell["source"])):
                    found.setdefault(name, (file, b64decode(drawn[0])))
    return found


def is_picture(output: dict) -> bool:
    """Whether the output of a cell is a picture."""
    return "image/png" in output.get("data", {})


def notebook_index() -> str:
    """Return the index of notebooks."""
    names = "\n".join(file.stem for file in notebooks())
    return (
        "# Notebooks\n\nWhole analyses, from a question to an answer, with the outputs of their "
        f"last run.\n\n```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"
    )


def commands() -> str:
    """Return what `--help` says of every command."""
    parts = ["# Help of every command"]
    for name, command in typer.main.get_command(cli.app).commands.items():
        words = " ".join(_usage(command))
        rows = list(_options(command))
        table = ["| option | means |", "|---|---|", *rows] if rows else []
        parts.append(
            "\n".join(
                [
                    f"## {name}",
                    "",
                    f"```\nempathymodels {name} {words}\n```".replace(" \n", "\n"),
                    "",
                    _text(command.help),
                    "",
                    *table,
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def _usage(command: typer.core.TyperCommand) -> Iterator[str]:
    for entry in command.params:
        if entry.param_type_name == "argument":
            yield str(entry.name).upper() + ("..." if entry.nargs == -1 else "")


def _options(command: typer.core.TyperCommand) -> Iterator[str]:
    for entry in command.params:
        name = ", ".join(f"`{o}`" for o in entry.opts)
        if entry.param_type_name == "argument":
            name = f"`{str(entry.name).upper()}`"
        help_text = _text(getattr(entry, "help", "") or "").replace("\n", " ").replace("|", "\\|")
        yield f"| {name} | {help_text} |"


def _text(help_text: str | None) -> str:
    text = (help_text or "").replace("\b", "").replace("``", "`").strip()
    parts = text.split("`")  # every second is code
    parts[::2] = [re.sub(r"([_*<])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def package_map() -> str:
    """Return the first line of every folder and file at the top of the package."""
    rows = [f"| `{name}` | {said} |" for name, said in sorted(_entries())]
    return "\n".join(
        [
            "# Map of the package",
            "",
            "A file is named after its verb, or after what it holds. Imports run down: from `cli`, "
            "`reporting` and `plots` by `recovery`, `comparison`, `checks` and `results` to "
            "`inference` and `simulation`, from there by `engine`, `population` and `layout` to "
            "`declaration`, `responses` and `study`. The docstring of a folder names its doors, "
            "the modules that other folders may import (`tests/test_layers.py`).",
            "",
            "| in `empathymodels/` | holds |",
            "|---|---|",
            *rows,
            "",
            "Beside it: `data/` (bundled studies and the scripts that made them), `docs/` (this "
            "site), `examples/`, `notebooks/`, `benchmarks/`, `tests/`.",
            "",
        ]
    )


def _entries() -> Iterator[tuple[str, str]]:
    for file in [*PACKAGE.glob("*.py"), *PACKAGE.glob("*/__init__.py")]:
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        name = file.name if file.parent == PACKAGE else f"{file.parent.name}/"
        yield name, text.partition("\n\n")[0].replace("\n", " ").replace("``", "`")
