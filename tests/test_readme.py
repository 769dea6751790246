"""What the README says exists: modules, names, arguments, commands, models and pictures."""

import ast
import inspect
import re
from pathlib import Path
from types import SimpleNamespace

import pymc as pm
import pytensor.tensor as pt
import pytest
import typer

import empathymodels as em
from empathymodels import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
INLINE = re.findall(r"`(em\.\w+\([^`]*\))`", README)
COMMANDS = typer.main.get_command(cli.app).commands


def section(title):
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_map_is_the_folder():
    lines = section("Map of the package").split("```")[1].strip().splitlines()
    package = ROOT / "empathymodels"
    files = {file.name for file in package.glob("*.py")}
    folders = {f"{init.parent.name}/" for init in package.glob("*/__init__.py")}
    named = [line.split()[0] for line in lines]
    assert named == sorted(files | folders)
    for name, _, words in (line.partition(" ") for line in lines):
        module = package / name / "__init__.py" if name.endswith("/") else package / name
        if name not in ("__init__.py", "__main__.py"):
            first = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
            summary = first.partition("\n\n")[0].replace("\n", " ").replace("`", "").rstrip(".")
            assert words.strip().casefold() == summary.casefold(), name


def test_every_public_name_exists():
    named = set(re.findall(r"\bem\.([A-Za-z]\w*)", README))
    assert named - set(em.__all__) == set()


@pytest.mark.parametrize("code", [*SNIPPETS, *INLINE])
def test_calls_have_arguments_that_the_functions_take(code):
    for call in [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]:
        function = call.func
        if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
            continue
        owner = {"em": em, "model": em.Model, "study": em.Study}.get(function.value.id)
        if owner is None or any(getattr(a, "value", None) is ... for a in call.args):
            continue
        target = getattr(owner, function.attr)
        first = [] if owner is em else [owner]
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        inspect.signature(target).bind(*first, *call.args, **keywords)


def test_distributions_of_responses_are_what_the_table_says():
    cells = re.findall(r"^\|[^|]*\| `((?:em|pm)\.\w+\.dist\([^`]*\))`", README, re.MULTILINE)
    assert len(cells) >= 8
    data = SimpleNamespace(lowest=0.0, highest=10.0, se=0.5)
    names = [
        "utility",
        "lapse",
        "u_0",
        "u_1",
        "u_2",
        "mean",
        "noise",
        "location",
        "precision",
        "low_cut",
        "high_cut",
    ]
    numbers = {name: pt.dscalar(name) for name in [*names, "first", "step", "nu", "responds"]}
    for cell in cells:
        made = eval(cell, {"em": em, "pm": pm, "data": data, "n": 5, **numbers})
        assert made.owner is not None, cell


def test_every_command_is_shown_and_exists():
    shown = section("Command line").split("```")[1].strip().splitlines()
    assert {line.split()[1] for line in shown} == set(COMMANDS)
    assert set(re.findall(r"^empathymodels (\w+)", README, re.MULTILINE)) <= set(COMMANDS)
    for line in shown:
        taken = {name for option in COMMANDS[line.split()[1]].params for name in option.opts}
        assert set(re.findall(r"--[\w-]+", line)) <= taken


def test_every_model_is_in_the_table():
    rows = re.findall(r"^\| `(\w+)` \|", section("The models"), re.MULTILINE)
    assert rows == list(em.list_models())


def test_the_model_that_is_walked_through_passes_the_battery(tmp_path):
    (text,) = [code for code in SNIPPETS if code.startswith('r"""')]
    (tmp_path / "my_model.py").write_text(text, encoding="utf-8")
    table = em.verify(tmp_path / "my_model.py")
    assert table["passed"].all(), table.loc[~table["passed"], ["check", "detail"]].to_numpy()


def test_variants_are_those_of_the_models(model):
    for name in re.findall(r'model\.rival\("(\w+)"\)', README):
        model.rival(name)
    model.fix(learning_rate=0.3)
    model.without("insula")
    em.get_model("cue_expectation_learning").pool("start_expectation")


@pytest.mark.parametrize(
    "file", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "data/outgroup_help/README.md"]
)
def test_pictures_and_links_lead_to_files(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / file).parent / target).is_file(), target


def test_pictures_are_shown():
    assert re.findall(r"!\[[^\]]+\]\((\S+?)\)", README) != []


def test_set_up_commands():
    assert "pip install uv && uv run empathymodels demo\nuv run pytest\n" in section("Set up")


@pytest.mark.parametrize(
    "file", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "data/outgroup_help/README.md"]
)
def test_no_paths_of_a_machine(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not re.search(r"/(work|tmp|home|root|Users)/", text)


def test_the_version_has_its_changes():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+)", changes, re.MULTILINE)[1] == em.__version__
    assert "[CHANGELOG.md](CHANGELOG.md)" in README
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)", cited, re.MULTILINE)[1] == em.__version__
