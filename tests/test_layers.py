"""The layers of the package: imports run down, in no circle, through doors only."""

import ast
import inspect
import re
from pathlib import Path
from typing import NamedTuple

import pytest

import empathymodels as em
from folders import TESTS

PACKAGE = Path(em.__file__).parent
# each may import what comes after it; `neuro` is the place of regions, events and brain signatures
LAYERS = [
    *("cli", "app", "reporting", "plots", "neuro"),
    *("recovery", "comparison", "checks", "results"),
    *("inference", "simulation"),
    *("engine", "population", "layout"),
    *("declaration", "responses", "learners", "study"),
    *("arguments", "compiling", "files", "late_imports", "terminal", "version", "messages", "kept"),
]
FRONT_DOOR = ""
MODELS = "models"
# print(model) is the card of the model, which is written where certificates are known
BY_THE_FRONT_DOOR = {"declaration.model"}
# files of several public verbs, named after what these have in common
TOGETHER = {
    "declaration.catalog": {"get_model", "list_models"},
    "study.bundled": {"list_studies", "load_study"},
    "comparison.loo": {"with_log_likelihood"},
    "responses.options": {"pick", "put"},
    "learners.volatility": {"hgf_binary", "volatile_kalman"},
    "responses.distribution": {"measured"},
    "responses.likert": {"thresholds"},
}


class Import(NamedTuple):
    """What a module imports: a name of another module, for its annotations alone or to run."""

    by: str
    of: str
    name: str
    is_typing: bool


def module_name(file):
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


FILES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in FILES.items()}
FOLDERS = sorted({file.parent.name for file in PACKAGE.glob("*/__init__.py")})


def own(module):
    """The name within the package of a module; None where it is somebody else's."""
    first, _, rest = (module or "").partition(".")
    return rest if first == PACKAGE.name else None


def imports_of(module):
    tree = TREES[module]
    conditions = [n for n in ast.walk(tree) if isinstance(n, ast.If)]
    typing = {
        id(node)
        for condition in conditions
        if ast.unparse(condition.test) == "TYPE_CHECKING"
        for node in ast.walk(condition)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and own(node.module) is not None:
            for alias in node.names:
                inner = f"{own(node.module)}.{alias.name}".strip(".")
                of = inner if inner in FILES else own(node.module)
                yield Import(module, of, alias.name, id(node) in typing)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if own(alias.name) is not None:
                    yield Import(module, own(alias.name), "", id(node) in typing)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
            called = node.args[0]
            if isinstance(called, ast.Constant) and own(called.value) is not None:
                yield Import(module, own(called.value), "", False)


IMPORTS = [one for module in FILES for one in imports_of(module)]
# the front door and `python -m` open the package from outside
INNER = [one for one in IMPORTS if one.by not in (FRONT_DOOR, "__main__")]


def folder(module):
    return module.partition(".")[0]


def doors(of):
    """Modules of a folder that others may import, as its docstring names them."""
    text = " ".join(ast.get_docstring(TREES[of]).split())
    named = re.search(r"Doors: (.+?)\. ", text)[1]
    return set() if named == "none" else set(named.split(", "))


def test_every_folder_and_file_at_the_top_has_a_layer():
    found = {folder(module) for module in FILES} - {FRONT_DOOR, "__main__", MODELS}
    assert found - set(LAYERS) == set()


def test_imports_run_down():
    inner = [one for one in INNER if folder(one.by) != MODELS and one.of != FRONT_DOOR]
    assert len(inner) > 500
    up = [i for i in inner if LAYERS.index(folder(i.by)) > LAYERS.index(folder(i.of))]
    assert up == []


def test_the_front_door_is_for_those_outside():
    """The built-in models, as anybody's, and the command line, which says what users would."""
    through = {one.by for one in INNER if one.of == FRONT_DOOR}
    assert {m for m in through if folder(m) not in (MODELS, "cli")} == BY_THE_FRONT_DOOR


def circles(arrows):
    """Groups of modules of which each is reached from each other (Tarjan 1972)."""
    number, lowest, stack, found = {}, {}, [], []

    def visit(module):
        number[module] = lowest[module] = len(number)
        stack.append(module)
        for other in sorted(arrows.get(module, ())):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == number[module]:
            place = stack.index(module)
            group = stack[place:]
            del stack[place:]
            if len(group) > 1:
                found.append(sorted(group))

    for module in arrows:
        if module not in number:
            visit(module)
    return found


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_circle_of_files():
    """Of imports that run, those inside functions included; annotations alone make none."""
    arrows = {}
    for one in INNER:
        if not one.is_typing and one.of not in (FRONT_DOOR, one.by):
            arrows.setdefault(one.by, set()).add(one.of)
    assert circles(arrows) == []


@pytest.mark.parametrize("name", [name for name in FOLDERS if name != MODELS])
def test_only_doors_are_entered(name):
    entered = {
        one.of.removeprefix(f"{name}.")
        for one in INNER
        if folder(one.of) == name != folder(one.by) and one.of != name
    }
    assert entered == doors(name)
    assert all(f"{name}.{door}" in FILES for door in doors(name))


@pytest.mark.parametrize("name", [*FOLDERS, "study.bids", "study.published"])
def test_folders_say_what_lives_there(name):
    lines = ast.get_docstring(TREES[name]).splitlines()
    assert len(lines) <= 10
    text = "\n".join(lines)
    assert "Doors: " in text and "May import: " in text


def test_private_names_stay_home():
    private = [one for one in IMPORTS if re.match(r"_(?!_)", one.name)]
    assert private == []


def test_models_know_the_front_door_only():
    of_models = [one for one in INNER if folder(one.by) == MODELS]
    assert {one.by for one in of_models} == {f"{MODELS}.{name}" for name in em.list_models()}
    assert {one.of for one in of_models} == {FRONT_DOOR}
    assert [one for one in INNER if folder(one.of) == MODELS and folder(one.by) != MODELS] == []


def test_a_public_verb_is_in_the_file_of_its_name():
    elsewhere = {}
    for name in em.__all__:
        verb = getattr(em, name)
        if inspect.isfunction(verb) and not name.startswith("plot_"):
            home = own(verb.__module__)
            if home.rpartition(".")[2] != name:
                elsewhere.setdefault(home, set()).add(name)
    assert elsewhere == TOGETHER


def test_figures_are_drawn_in_plots():
    homes = {own(getattr(em, n).__module__) for n in em.__all__ if n.startswith("plot_")}
    assert {folder(home) for home in homes} == {"plots"}


def test_folders_of_tests_are_those_of_the_package():
    folders = {file.parent.relative_to(TESTS).as_posix() for file in TESTS.rglob("test_*.py")}
    ours = {folder.name for folder in PACKAGE.iterdir() if folder.is_dir()}
    assert folders - ours == {".", "open_data"}
