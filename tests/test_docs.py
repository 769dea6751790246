"""What README and documentation say exists: names, arguments, commands, models and pictures."""

import ast
import inspect
import re
from functools import cache
from types import SimpleNamespace

import pymc as pm
import pytensor.tensor as pt
import pytest
import typer

import api_pages
import empathymodels as em
import model_pages
import model_pictures
import package_pages
from empathymodels import cli
from empathymodels.declaration.record import all_needs
from empathymodels.layout.arrange import arrange
from empathymodels.recovery.certificate import design_of
from empathymodels.study.open_studies import OPEN_STUDIES
from folders import ROOT

DOCS = ROOT / "docs"
GENERATED = {"api", "models", "notebooks", "package", "pictures", "studies"}
WRITTEN = [
    file
    for file in sorted(DOCS.rglob("*.md"))
    if file.relative_to(DOCS).parts[0] not in {*GENERATED, "extensions"}
]
TEXTS = {
    file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
    for file in [ROOT / "README.md", *WRITTEN]
}
README = TEXTS["README.md"]
EVERYTHING = "\n".join(TEXTS.values())
SNIPPETS = {
    f"{name}, {number}": code
    for name, text in TEXTS.items()
    for number, code in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S), 1)
}
INLINE = re.findall(r"`(em\.\w+\([^`]*\))`", EVERYTHING)
COMMANDS = typer.main.get_command(cli.app).commands
FILES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "data/outgroup_help/README.md"]

built_in = cache(em.get_model)


def section(title, text=README):
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def assert_calls_bind(code):
    """Whether every call of a public name, a model or a study has arguments that it takes."""
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


# ------------------------------------------------------------------------------------------ README


def test_the_readme_is_short_and_begins_with_two_commands():
    assert README.count("\n") <= 200
    assert "pip install uv && uv run empathymodels demo\nuv run pytest\n" in section("Set up")
    assert re.findall(r"!\[[^\]]+\]\((\S+?)\)", README) != []


def test_every_model_has_a_place_among_the_systems_of_the_review():
    rows = [
        line for line in section("The systems of the review").splitlines() if line.startswith("|")
    ]
    named = set(re.findall(r"`(\w+)`", "\n".join(line.split("|")[2] for line in rows[2:])))
    assert named >= set(em.list_models())
    studies = set(re.findall(r"`(\w+)`", "\n".join(line.split("|")[3] for line in rows[2:])))
    assert studies == set(em.list_studies())


@pytest.mark.parametrize("file", FILES)
def test_pictures_and_links_lead_to_files(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert ((ROOT / file).parent / target).is_file(), target


def test_the_version_has_its_changes():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+)", changes, re.MULTILINE)[1] == em.__version__
    assert "[CHANGELOG.md](CHANGELOG.md)" in README
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)", cited, re.MULTILINE)[1] == em.__version__


# ------------------------------------------------------------------------------------ all the texts


@pytest.mark.parametrize("file", [*TEXTS, *FILES[1:]])
def test_no_paths_of_a_machine(file):
    assert not re.search(r"/(work|tmp|home|root|Users)/", (ROOT / file).read_text(encoding="utf-8"))


def test_files_that_are_named_exist():
    named = set(
        re.findall(r"\b((?:tests|notebooks|benchmarks|data|examples)/[\w/]+\.\w+)", EVERYTHING)
    )
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_every_public_name_exists_and_is_explained():
    named = set(re.findall(r"\bem\.([A-Za-z]\w*)", EVERYTHING))
    assert named - set(em.__all__) == set()
    listed = {name for names in api_pages.homes().values() for name in names}
    assert listed == set(em.__all__) - {"__version__"}


@pytest.mark.parametrize("code", [*SNIPPETS.values(), *INLINE], ids=[*SNIPPETS, *INLINE])
def test_calls_have_arguments_that_the_functions_take(code):
    assert_calls_bind(code)


def test_variants_are_those_of_the_models(model):
    rivals = {rival for name in em.list_models() for rival in built_in(name).rivals}
    assert set(re.findall(r'model\.rival\("(\w+)"\)', EVERYTHING)) <= rivals
    for one, name in re.findall(r'get_model\("(\w+)"\)\.rival\("(\w+)"\)', EVERYTHING):
        assert name in built_in(one).rivals
    model.fix(learning_rate=0.3)
    model.without("insula")
    em.get_model("cue_expectation_learning").pool("start_expectation")


def test_every_question_has_a_page_with_lines_to_run():
    pages = {file.stem: file for file in (DOCS / "how_to").glob("*.md") if file.stem != "index"}
    assert set(re.findall(r"\]\((\w+)\.md\)", TEXTS["docs/how_to/index.md"])) == set(pages)
    for name, file in pages.items():
        assert re.search(r"```(python|r)\n", file.read_text(encoding="utf-8")), name


def test_open_studies_are_all_named():
    text = TEXTS["docs/how_to/open_studies.md"]
    rows = dict(re.findall(r'^\| `"(\w+)"` \|(.*)\|$', text, re.MULTILINE))
    assert set(rows) == set(OPEN_STUDIES)
    for name, source in OPEN_STUDIES.items():
        assert not source.model or f"`{source.call}`" in rows[name]


def test_the_example_of_a_report_is_complete_in_itself():
    page = (DOCS / "static" / "example_report.html").read_text(encoding="utf-8")
    assert len(page) < 1_000_000
    assert re.findall(r'(?:src|href)="(?!#|data:|https://doi.org/)([^"]*)"', page) == []


def test_distributions_of_responses_are_what_the_table_says():
    text = TEXTS["docs/explanation/responses.md"]
    cells = re.findall(r"^\|[^|]*\| `((?:em|pm)\.\w+\.dist\([^`]*\))`", text, re.MULTILINE)
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
    shown = TEXTS["docs/reference/command_line.md"].split("```")[1].strip().splitlines()
    assert {line.split()[1] for line in shown} == set(COMMANDS)
    assert set(re.findall(r"^empathymodels (\w+)", EVERYTHING, re.MULTILINE)) <= set(COMMANDS)
    for line in shown:
        taken = {name for option in COMMANDS[line.split()[1]].params for name in option.opts}
        assert set(re.findall(r"--[\w-]+", line)) <= taken


def test_the_model_that_is_walked_through_passes_the_battery(tmp_path):
    (text,) = [code for code in SNIPPETS.values() if code.startswith('r"""')]
    (tmp_path / "my_model.py").write_text(text, encoding="utf-8")
    table = em.verify(tmp_path / "my_model.py")
    assert table["passed"].all(), table.loc[~table["passed"], ["check", "detail"]].to_numpy()


# ------------------------------------------------------------------------- what is made by a build


@pytest.mark.parametrize("name", em.list_models())
def test_lines_of_a_models_page_can_be_run(name):
    """Their calls bind, and the study is one that the model can be fitted to."""
    model, study = built_in(name), design_of(name)
    code = model_pages.snippet(model, study)
    assert_calls_bind(code)
    assert f'load_study("{study}")' in code
    arrange(model, em.load_study(study))
    assert set(re.findall(r'\.rival\("(\w+)"\)', code)) <= set(model.rivals)


def test_a_models_page_has_its_card_a_picture_and_tables():
    model = em.get_model("social_discounting")
    page = model_pages.page(model, design_of(model.name))
    for heading in ("Fit it", "Equations", "Parameters", "Data", "Rivals", "Notes", "References"):
        assert f"\n## {heading}\n" in page
    assert "{image} social_discounting.png" in page
    assert "{download}`trials.csv <../studies/shared_dollars/trials.csv>`" in page
    assert "**Traps**" in page


def test_pictures_show_what_explains_most():
    model, study = em.get_model("prosocial_effort"), em.load_study("effort_for_others")
    (response,) = model.responses
    rows = model_pictures.rows_of(response, study)
    possible = model_pictures.candidates(model, all_needs(model)["work"])
    names = [name for name in possible if name in rows]
    assert model_pictures.ranked(rows, names) == ["reward", "effort", "recipient"]
    shares = model_pictures.by_option(rows).groupby("option")["answer"].mean()
    assert shares.sum() == pytest.approx(1)
    assert model_pictures.picture(model, study).startswith(b"\x89PNG")


def test_the_map_has_every_folder_and_file():
    package = ROOT / "empathymodels"
    files = {file.name for file in package.glob("*.py")}
    folders = {f"{init.parent.name}/" for init in package.glob("*/__init__.py")}
    rows = dict(re.findall(r"^\| `([\w/.]+)` \| (.+) \|$", package_pages.package_map(), re.M))
    assert set(rows) == files | folders


def test_every_command_has_its_help():
    text = package_pages.commands()
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == list(COMMANDS)


def test_links_of_the_table_of_systems_lead_within_the_site():
    links = re.findall(r"\]\(([^)]+)\)", model_pages.systems())
    assert any("evidence" in link for link in links)
    for link in links:
        if not link.startswith("../"):
            assert link.removesuffix(".md") in em.list_models()
        else:
            found = (
                ROOT / link[3:] if link.startswith("../notebooks/") else ROOT / "docs" / link[3:]
            )
            assert found.exists(), link
