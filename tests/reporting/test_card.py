"""Cards, citations and stored declarations of every model file."""

import json
import re
from dataclasses import replace

import pytest
import xarray as xr
from pymc_extras.prior import Prior

import empathymodels as em
from empathymodels.declaration.record import claim, declarations
from empathymodels.declaration.text import as_markdown
from empathymodels.inference.study_tree import study_tree

MODELS = list(em.list_models())


@pytest.fixture(params=MODELS)
def model(request):
    return em.get_model(request.param)


def test_a_card_holds_all_that_is_declared(model):
    text = em.card(model)
    assert text == str(model)
    for entry in (*model.parameters, *model.columns, *model.responses, *model.summaries):
        assert f"`{entry.name}`" in text
    for name in (*model.latents, *model.rivals):
        assert f"- `{name}`: " in text
    for parameter in model.parameters:
        assert f"| ${parameter.symbol}$" in text
    for entry in model.references:
        assert f"https://doi.org/{entry.doi}" in text
    assert as_markdown(model.notes).strip() in text
    assert ":math:" not in text


def test_equations_of_a_card_are_markdown(model):
    equations = em.card(model).partition("## Equations")[2].partition("## Parameters")[0]
    assert equations.count("$$") >= 2
    assert equations.count("\\begin{aligned}") == equations.count("\\end{aligned}")
    for markup in (".. math::", ":math:", "``", "References"):
        assert markup not in equations


def test_tables_of_a_card_are_aligned(model):
    for table in re.findall(r"(?:^\|.*\n)+", em.card(model), flags=re.M):
        assert len({len(line) for line in table.splitlines()}) == 1


def test_typical_values_are_in_the_units_of_the_data():
    text = em.card(em.get_model("outgroup_help_learning"))
    row = next(line for line in text.splitlines() if line.startswith("| `baseline`"))
    assert "3.4 to 6.6 rating" in row
    assert "(value - 1) / 8" in row


def test_example_rows_can_be_read_as_a_study(model, tmp_path):
    block = em.card(model).partition("```text\n")[2].partition("\n```")[0]
    tables = {}
    for part in block.split("\n\n"):
        name, rows = part.split("\n", 1)
        (tmp_path / name).write_text(rows)
        tables[name.removesuffix(".csv")] = tmp_path / name
    study = em.Study(**tables)
    for response in model.responses:
        assert response.values.name in study.tables[response.table]


def test_the_card_of_a_variant_says_what_changed():
    model = em.get_model("outgroup_help_learning").rival("no_learning")
    text = em.card(model)
    assert "A variant of `outgroup_help_learning`: no_learning. Nothing is learned" in text
    assert re.search(r"`learning_rate` .*fixed at 0 ", text)
    by_cue = em.get_model("cue_expectation_learning").fix(start_expectation={"a": 40, "b": 80.5})
    assert "fixed at a: 40, b: 80.5" in em.card(by_cue)


def test_every_rival_has_a_card_that_says_what_it_claims(model):
    for rival, change in model.rivals.items():
        text = " ".join(em.card(model.rival(rival)).split())
        assert f"A variant of `{model.name}`: {rival}. {claim(change)}" in text


def test_a_model_without_a_file_has_a_card_too(model):
    assert "defined outside a file" in em.card(replace(model, source=""))


def test_declarations_are_json_and_priors_come_back(model):
    stored = json.loads(json.dumps(declarations(model)))
    assert [p["name"] for p in stored["parameters"]] == [p.name for p in model.parameters]
    for described, parameter in zip(stored["parameters"], model.parameters, strict=True):
        assert Prior.from_dict(described["location"]) == parameter.location
    assert all(stored["rivals"].values())
    assert all(response["reads"] for response in stored["responses"])
    assert stored["label"] == model.label


def test_cite_takes_models_names_files_and_fits():
    model = em.get_model("outgroup_help_learning")
    whole = em.cite(model)
    assert all(f"https://doi.org/{entry.doi}" in whole for entry in model.references)
    assert "10.7717/peerj-cs.1516" in whole
    assert f"version {em.__version__}" in whole
    fit = xr.DataTree()
    fit.attrs = {"model": model.name}
    stored = xr.DataTree()
    stored.attrs = {"model": "mine", "declarations": json.dumps(declarations(model))}
    assert em.cite(model.name) == em.cite(model.source) == em.cite(fit) == em.cite(stored) == whole
    assert em.cite(model, fit, stored) == whole
    assert "Hein" not in em.cite()


def test_cite_names_the_study_first_of_a_study_or_a_fit():
    model, study = em.get_model("outgroup_help_learning"), em.load_study("outgroup_help")
    fit = xr.DataTree.from_dict({"study": study_tree(study)})
    fit.attrs = {"model": model.name}
    data, *others = em.cite(fit).splitlines()
    assert data == study.citation
    assert "\n".join(others) == em.cite(model)
    assert em.cite(study).splitlines() == [data, *em.cite().splitlines()]
    assert em.cite(em.Study(trials=study.trials)) == em.cite()


def test_cite_explains_itself():
    with pytest.raises(TypeError, match=r"cite\(\) takes models.*found int"):
        em.cite(3)
    with pytest.raises(KeyError, match="Did you mean 'outgroup_help_learning'"):
        em.cite("outgroup_help_lerning")
