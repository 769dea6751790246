"""Reports: what is on the page, in words and numbers of the fits, and nothing that can run."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.checks import predictive_statistics
from empathymodels.inference.fits import arrangement_of
from empathymodels.inference.study_tree import study_tree
from empathymodels.layout.arrange import arrange
from empathymodels.messages import sentence
from empathymodels.reporting import report as page
from empathymodels.reporting.answer import Effect, _effects, _largest, _may_turn, _trust
from empathymodels.reporting.contrasts import MOST_CROSSED
from empathymodels.reporting.fit_section import Fitted, _contrasts, fitted
from empathymodels.reporting.markup import equation, prose, reference
from empathymodels.reporting.methods import PREDICTED, _compared, methods
from empathymodels.reporting.study_section import study_section, summary, trials_per_person
from empathymodels.reporting.tables import number, of_frame, rounded

SECTIONS = (
    *(
        "answer",
        "models",
        "data",
        "priors",
        "diagnostics",
        "estimates",
        "predictions",
        "comparison",
    ),
    *("sensitivity", "settings", "methods", "references"),
)
LOADING = {"src", "href", "srcset", "data", "poster", "action", "background"}


class Reader(HTMLParser):
    """Collects the texts of sections, the tables, and the tags with their attributes."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts, self.section = [], {"head": ""}, "head"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["id"]
            self.texts[self.section] = ""

    def handle_data(self, data):
        self.texts[self.section] += data + " "


def read(path):
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    reader.texts = {name: re.sub(r"\s+", " ", text) for name, text in reader.texts.items()}
    return reader


@pytest.fixture(scope="module")
def flat_fit(own_model, own_study):
    """The rival without a slope, approximately."""
    flat = own_model.rival("no_slope")
    return em.fit(flat, own_study, method="laplace", draws=200, seed=1)


@pytest.fixture(scope="module")
def written(own_fit, flat_fit, tmp_path_factory):
    fits = {"slope": own_fit, "flat": flat_fit}
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert em.report(fits, path, question="Does empathy follow pain?", draws=40) == path
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    return path


@pytest.fixture(scope="module")
def told(written):
    return read(written)


def test_the_answer_comes_first(told, own_fit):
    """Numbers of the sentences are those of the tables; what is approximate says so."""
    text = told.texts["answer"]
    for word in ("Asked", "Found", "Trust", "Prediction", "Open"):
        assert f" {word} " in text
    assert text.index("Does empathy follow pain?") < text.index("Found")
    row = em.contrast(own_fit, "baseline", {"group": "out"}, {"group": "in"}).iloc[0]
    group = f"baseline, group out minus in, is {row['median']:.3g} (90 % interval "
    assert group + f"[{row['hdi_low']:.3g}, {row['hdi_high']:.3g}]), above 0" in text.lower()
    assert "effect of group" not in text  # the same on the link scale
    rows = em.estimates(own_fit)
    effect = rows[rows["whose"] == "effect of age"].iloc[0]
    numbers = f"{effect['median']:.3g} on the link scale (90 % interval "
    numbers += f"[{effect['hdi_low']:.3g}, {effect['hdi_high']:.3g}])"
    assert f"{effect['whose']} on {effect['parameter']} is {numbers}" in text
    assert "below 0 with probability > 0.99" in text
    assert "approximate (method 'laplace'): sample it before anything is reported" in text
    pictures = [t for t in told.tags if t[0] == "img"]
    assert "Effects in the population" in pictures[0][1]["alt"]


def of_checks(fit, failed):
    """A fit whose checks were given, of which some failed."""
    rows = [("R-hat, people", "<= 1.02"), ("predictive p: mean rating", "0.025 to 0.975")]
    rows += [("timing: rating", ""), ("rows", "information")]
    table = pd.DataFrame(rows, columns=["check", "limit"])
    table["passed"], table["advice"] = ~table["check"].isin(failed), ""
    people = ("people whose 'work' is always the same", "information", True, "S1 (1). Priors say.")
    table.loc[len(table)] = people
    return Fitted("", fit, table, pd.DataFrame(), arrangement_of(fit))


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        ([], "All 3 checks passed"),
        (["R-hat, people"], r"1 of 3 checks failed\. Sampling \(R-hat, people\).*do not report"),
        (["predictive p: mean rating"], "Data do not look as predicted in mean rating: effects"),
        (["timing: rating"], "See in the diagnostics: timing: rating"),
    ],
)
def test_what_failed_is_told_with_what_it_means(drawn_fit, failed, words):
    told = _trust(of_checks(drawn_fit, failed))
    assert re.search(words, told)
    assert told.endswith(
        "Look at these (see the diagnostics): people whose 'work' is always the same: S1 (1)."
    )


def test_effects_say_their_sign_and_scale():
    effect = Effect("the effect of age on rate", -0.5, -0.9, -0.1, 0.02, "link")
    assert str(effect) == (
        "the effect of age on rate is -0.5 on the link scale (90 % interval [-0.9, -0.1]), below 0 "
        "with probability 0.98"
    )
    assert "probability > 0.99" in str(replace(effect, p_positive=0.001))
    vague = replace(effect, p_positive=0.4)
    far = replace(vague, label="the far one", median=-0.8, is_between=True)
    assert "farthest from 0, the far one" in _largest([vague, far], has_draws=True)
    assert _largest([vague], has_draws=True).startswith(
        "Nothing with a clear sign; farthest from 0"
    )
    assert "no effect has an interval" in _largest([], has_draws=False)


def unchecked(fit):
    """A fit with its estimates, of which nothing was checked."""
    checks = pd.DataFrame(columns=["check", "limit", "passed", "advice"])
    return Fitted("", fit, checks, em.estimates(fit), arrangement_of(fit))


@pytest.fixture(scope="module")
def crossed(as_drawn):
    """A drawn fit with a condition per trial and two groups and a number of people."""
    study = em.load_study("effort_for_others")
    people = study.participants.assign(age=np.linspace(18, 70, len(study.participants)))
    people["group"] = np.resize(["in", "out", "far"], len(people))
    people["sex"] = np.resize(["m", "m", "f", "f"], len(people))
    study = em.Study(trials=study.trials, participants=people)
    formulas = {"discount": "group * sex", "inverse_temperature": "age"}
    return as_drawn(em.get_model("prosocial_effort"), study, draws=40, covariates=formulas)


def test_contrasts_are_those_of_contrast(crossed):
    found = unchecked(crossed)
    told = {one.label: one for one in found.contrasts}
    assert len(told) == len(found.contrasts)

    def side(recipient, **groups):
        return {"recipient": recipient, **groups}

    asked = {
        "discount, other minus self": (side("other"), side("self")),
        "discount for self, group out minus in": (
            side("self", group="out"),
            side("self", group="in"),
        ),
        "discount for other, group in minus far": (
            side("other", group="in"),
            side("other", group="far"),
        ),
        "discount, interaction of recipient and sex: other minus self at sex m, minus the same at "
        "sex f": (
            side("other", sex="m"),
            side("self", sex="m"),
            (side("other", sex="f"), side("self", sex="f")),
        ),
        "discount for other, interaction of group and sex: out minus far at sex m, minus the same "
        "at sex f": (
            side("other", group="out", sex="m"),
            side("other", group="far", sex="m"),
            (side("other", group="out", sex="f"), side("other", group="far", sex="f")),
        ),
    }
    for label, (first, second, *minus) in asked.items():
        row = em.contrast(crossed, "discount", first, second, minus=minus[0] if minus else None)
        numbers = [told[label].median, told[label].low, told[label].high, told[label].p_positive]
        expected = row[["median", "hdi_low", "hdi_high", "p_positive"]].iloc[0]
        np.testing.assert_allclose(numbers, expected.to_numpy(dtype=float))
    (age,) = [label for label in told if "for self, age" in label and "interaction" not in label]
    assert "(one standard deviation)" in age and told[age].is_of_numbers
    # two groups are crossed in one formula, and in no other
    assert not [label for label in told if label.startswith("inverse") and "sex" in label]


def test_what_contrasts_say_is_in_the_table_and_in_what_was_found(crossed):
    found = unchecked(crossed)
    rows = {row[0].text: [cell.text for cell in row] for row in _contrasts(found).rows}
    for one in found.contrasts:
        _, median, interval, _, said = rows[one.label]
        assert float(median) == pytest.approx(one.median, rel=0.01)
        assert interval.startswith("[")
        larger = one.more if one.p_positive >= 0.5 else one.less
        assert f"larger for {larger} " in said
        assert said.startswith("open: ") == (0.05 < one.p_positive < 0.95)
    labels = [effect.label for effect in _effects(found)]
    for one in found.contrasts:
        assert (f"{one.label}," in labels) == (not one.is_of_numbers)
    # what contrasts tell is not told again on the link scale; that of numbers is
    effects = [label for label in labels if label.startswith("the effect of")]
    assert effects and all("effect of age" in label for label in effects)


def of_people(as_drawn, formula, **columns):
    """A drawn fit with a formula on a parameter that has two conditions."""
    study = em.load_study("effort_for_others")
    size = len(study.participants)
    people = study.participants.assign(**{n: np.resize(v, size) for n, v in columns.items()})
    study = em.Study(trials=study.trials, participants=people)
    return as_drawn(em.get_model("prosocial_effort"), study, covariates={"discount": formula})


AGES, DOSES = np.linspace(18, 70, 21), [1.0, 2.0, 5.0]


@pytest.mark.parametrize(
    ("formula", "columns", "terms"),
    [
        ("group * age", {"age": AGES}, ["age", "group[T.in]:age"]),
        ("group * log(age)", {"age": AGES}, ["log(age)", "group[T.in]:log(age)"]),
        ("dose + C(dose)", {"dose": DOSES}, ["dose", "C(dose)[T.2]", "C(dose)[T.5]"]),
        ("group * C(dose)", {"dose": DOSES}, []),
        (
            "group * sex * site",
            {"sex": ["f"] * 2 + ["m"] * 2, "site": ["x"] * 4 + ["y"] * 4},
            ["group[T.in]:sex[T.m]:site[T.y]"],
        ),
    ],
)
def test_every_term_is_told_by_a_contrast_or_as_an_effect(as_drawn, formula, columns, terms):
    found = unchecked(of_people(as_drawn, formula, group=["in", "ex"], **columns))
    labels = [effect.label for effect in _effects(found)]
    effects = [label for label in labels if label.startswith("the effect of ")]
    whole = [f"the effect of {t} on discount, {who}" for t in terms for who in ("self", "other")]
    assert sorted(effects) == sorted(whole)
    is_compared = "group" in formula
    assert is_compared == ("discount for self, group in minus ex," in labels)


def test_numbers_of_a_step_are_told_apart(as_drawn):
    columns = {"year": [1986, 1987, 1988, 1989], "share": AGES / 7e6, "near": [1e6, 1e6 + 0.5]}
    found = unchecked(of_people(as_drawn, "year + share + near", **columns))
    steps = {}
    for one in found.contrasts:
        if one.label.startswith("discount for self, ") and one.is_of_numbers:
            name, _, ends = one.label.removeprefix("discount for self, ").partition(" ")
            steps[name] = ends.removesuffix(" (one standard deviation)").split(" minus ")
    people = found.covariates["discount"].people
    assert {*steps} == {*columns}
    for name, (high, low) in steps.items():
        assert high != low and "e+" not in high + low
        apart = float(high.replace(",", "")) - float(low.replace(",", ""))
        assert apart == pytest.approx(people[name].std(), rel=0.6)


def test_interactions_beyond_the_most_are_counted_with_their_call(as_drawn):
    ten = list("abcdefghij")
    fit = of_people(as_drawn, "group * site", group=ten, site=["x"] * 10 + ["y"] * 10 + ["z"] * 10)
    found = unchecked(fit)
    crossed = [one.label for one in found.contrasts if "interaction of group and site" in one.label]
    assert len(crossed) == 2 * MOST_CROSSED  # of 9 x 3, for self and for other
    of_self, of_other = found.omitted
    assert of_self.startswith("Of discount for self, 15 more interactions of group and site can")
    call = of_other.partition("such as ")[2].removesuffix(".")
    numbers = eval(call, {"em": em, "fit": fit})
    assert np.isfinite(numbers["median"]).all() and "other" in numbers["first"].iloc[0]
    assert not {one.median for one in found.contrasts} & {*numbers["median"]}
    assert not unchecked(of_people(as_drawn, "group", group=["in", "ex"])).omitted


def test_what_all_share_is_compared_by_its_levels(as_drawn):
    model, study = em.get_model("training_effects"), em.load_study("trained_compassion")
    fit = as_drawn(model, study)
    shared = [p for p in model.parameters if p.level == "population" and p.by]
    told = {one.label: one for one in unchecked(fit).contrasts}
    for parameter in shared[:2]:
        first, *others = fit["posterior"][parameter.by].to_numpy()
        values = fit["posterior"][parameter.name]
        for other in others:
            draws = values.sel({parameter.by: other}) - values.sel({parameter.by: first})
            label = f"{parameter.name.replace('_', ' ')}, {other} minus {first}"
            assert told[label].median == pytest.approx(float(draws.median()))


def test_levels_of_which_the_data_say_nothing_are_no_effects(as_drawn):
    """A study of self and other alone: of no one there is the prior, which is no finding."""
    study = em.load_study("self_other_no_one")
    trials = study.trials[study.trials["recipient"] != "no_one"]
    fit = as_drawn(em.get_model("prosocial_learning"), em.Study(trials=trials))
    failed = ["learning_rate[no_one]", "inverse_temperature[no_one]"]
    checks = pd.DataFrame({"check": [f"contraction, population: {name}" for name in failed]})
    checks = checks.assign(limit=">= 0.1", passed=False, advice="")
    found = replace(unchecked(fit), checks=checks)
    labels = [effect.label for effect in _effects(found)]
    assert "learning rate, other minus self," in labels
    assert not [label for label in labels if "no_one" in label]
    found = replace(found, checks=checks.assign(passed=True))
    assert "learning rate, no_one minus self," in [effect.label for effect in _effects(found)]


def test_places_on_a_scale_are_no_effects():
    model = em.get_model("intergroup_bias")
    told = {p.name for p in model.parameters if _may_turn(p)}
    places = {p.name for p in model.parameters if p.role == "location"}
    assert places and not told & places
    assert any("bias" in name for name in told)
    tonic = em.get_model("advice_taking").parameter("tonic_volatility")
    assert not _may_turn(tonic)  # its prior is far below 0


def test_what_all_people_share_is_an_effect_too(as_drawn):
    model, study = em.get_model("closeness_similarity"), em.load_study("close_others")
    fit = as_drawn(model, study)
    found = unchecked(fit)
    labels = [effect.label for effect in _effects(found)]
    shared = [p for p in model.parameters if p.level == "population" and _may_turn(p)]
    assert shared
    for parameter in shared:
        assert any(label.startswith(parameter.name.replace("_", " ")) for label in labels)


def test_predicted_features_are_computed_once(own_fit, monkeypatch):
    calls = []
    computed = predictive_statistics._computed
    monkeypatch.setattr(
        predictive_statistics, "_computed", lambda *a: calls.append(a) or computed(*a)
    )
    em.check(own_fit, draws=37, seed=5)
    em.plot_statistics(own_fit, draws=37, seed=5)
    assert len(calls) == 1
    em.plot_statistics(own_fit, draws=37, seed=6)
    assert len(calls) == 2


def test_every_section_is_there_once(told):
    found = [attrs["id"] for tag, attrs in told.tags if tag == "section"]
    assert found == list(SECTIONS)
    links = [attrs["href"] for tag, attrs in told.tags if tag == "a"]
    assert [f"#{name}" for name in SECTIONS[1:]] == [link for link in links if link[0] == "#"]
    assert all(len(text) > 40 for text in told.texts.values())


def test_nothing_is_loaded(told):
    for tag, attrs in told.tags:
        for name in LOADING & set(attrs):
            assert tag == "a" or attrs[name].startswith("data:"), (tag, name, attrs[name][:60])
    policy = next(a["content"] for t, a in told.tags if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert [tag for tag, _ in told.tags].count("script") == 1


def test_question_models_and_equations(told, own_model):
    assert "Does empathy follow pain?" in told.texts["head"]
    assert "Rated empathy follows the intensity of the pain seen." in told.texts["models"]
    assert "Ratings do not follow the pain." in told.texts["models"]
    assert [tag for tag, _ in told.tags].count("mtext") >= 2
    assert "$" not in told.texts["models"]
    assert told.texts["models"].count("rating empathy felt Normal 463 24") == 2


def test_data_are_counted(told, own_study):
    text = told.texts["data"]
    assert "24 participants" in text
    assert "between 3 and 20 trials per participant (median 20)" in text
    assert "The responses are simulated" in text
    assert "in: 12, out: 12" in text
    low, high = own_study.trials["rating"].agg(["min", "max"])
    assert f"{low:.3g} to {high:.3g}; mean" in text
    assert "Not read by any of the models: 'participants.true_baseline'." in text


def test_priors_are_those_of_the_model(told):
    text = told.texts["priors"]
    assert "Normal(mu=0.5, sigma=0.25) HalfNormal(sigma=0.3) value / 10" in text
    assert "slope change in rating per unit of intensity participant held at 0" in text
    effects = "group + age Normal(mu=0.0, sigma=0.3) group by label, against 'in'; age per standard"
    assert effects in text.replace("mu=0,", "mu=0.0,")


def test_diagnostics_are_those_of_check(told, own_fit):
    checks = em.check(own_fit, draws=40)
    for row in checks.itertuples():
        section = "predictions" if row.check.startswith("predictive") else "diagnostics"
        if row.limit != "information":
            name = row.check.removeprefix("predictive p: ")
            verdict = "passed" if row.passed else "failed"
            expected = f"{name} {number(row.value).text} {row.limit} {verdict}"
            assert expected in told.texts[section]
        assert row.advice in told.texts[section]


def test_estimates_are_those_of_the_fit(told, own_fit):
    text = told.texts["estimates"]
    table = em.estimates(own_fit).set_index(["parameter", "whose"])
    row = table.loc[("slope", "median person")]
    ends = f"[{row.hdi_low:.3g}, {row.hdi_high:.3g}]"
    assert f"slope median person {rounded(row['median'])} {rounded(row['mean'])}" in text
    assert f"{ends} > 0.99 natural" in text
    cells = []
    for name in ("baseline", "slope"):
        own = table.loc[(name, "P24")]
        cells.append(f"{rounded(own['median'])} [{own.hdi_low:.3g}, {own.hdi_high:.3g}]")
    assert f"P24 {cells[0]} {cells[1]}" in text
    shrinkage = em.estimates(own_fit).groupby("parameter")["shrinkage"].mean()
    shown = [rounded(shrinkage[name], 2) for name in ("baseline", "slope")]
    assert f"mean shrinkage {shown[0]} {shown[1]}" in text


def test_tables_of_people_can_be_sorted(told):
    headings = [attrs for tag, attrs in told.tags if tag == "th" and "aria-sort" in attrs]
    assert len(headings) == 3 + 2  # participant, baseline and slope; participant and baseline
    values = [attrs["data-value"] for tag, attrs in told.tags if "data-value" in attrs]
    assert values[0] == "P01"
    assert float(values[1])


def test_comparison_and_its_reading(told, own_fit, flat_fit):
    table = em.compare({"slope": own_fit, "flat": flat_fit})
    text = told.texts["comparison"]
    assert "'slope' predicts better than 'flat (laplace, approximate)'" in text
    assert number(table.loc["slope", "elpd"]).text in text
    assert "elpd from approximate draws: 'flat (laplace, approximate)'" in text


def test_approximate_fits_are_marked_everywhere(told):
    assert "At least one of these fits is approximate" in told.texts["head"]
    sections = ("models", "priors", "diagnostics", "estimates", "predictions", "sensitivity")
    for name in (*sections, "settings"):
        assert "flat (laplace, approximate)" in told.texts[name], name
        assert "no draws of the posterior" in told.texts[name], name
    assert "approximated by Laplace's method, not sampled" in told.texts["methods"]


def test_sensitivity_and_settings(told, own_fit):
    assert "baseline" in told.texts["sensitivity"]
    settings = told.texts["settings"]
    assert "draws 400 tune 400 chains 2" in settings
    for name, version in json.loads(own_fit.attrs["versions"]).items():
        assert f"{name} {version}" in settings


def test_a_sentence_keeps_the_capitals_of_regions():
    assert [sentence(text) for text in ("AI", "ai bias", "")] == ["AI", "Ai bias", ""]


def test_a_study_that_was_read_twice_keeps_its_own_name_and_log(own_model, own_fit, own_study):
    tables = {"trials": own_study.trials, "participants": own_study.participants}
    unrated = tables["trials"].iloc[[0]].assign(trial=99, rating=-99.0)
    tables["trials"] = pd.concat([tables["trials"], unrated])
    again = em.Study(**tables, name="again", missing={"rating": -99}, simulated=True)
    again = again.exclude("trial == 99", reason="not rated")
    assert again.digest == own_study.digest
    found = fitted("a", em.fit(own_model, again, method="laplace", seed=1), draws=50, seed=1)
    assert (found.arrangement.study.name, found.arrangement.study.log) == ("again", again.log)


def test_methods_are_exact(told, own_fit, own_study):
    text = told.texts["methods"]
    assert "simulated data of 24 participants (study 'pain'; between 3 and 20 trials" in text
    assert "The likelihood is that of 463 of rating." in text
    assert "baseline, Normal(mu=0.5, sigma=0.25) and HalfNormal(sigma=0.3) (in units" in text
    assert "Of the parameters, slope was held at 0." in text
    how = (
        "group by label, against 'in'; age per standard deviation (14.14) from 43; effects Normal("
    )
    assert f"Baseline depended on covariates of participants (group + age; {how}" in text
    assert "This variant (no slope): Ratings do not follow the pain." in text
    assert re.search(r"lean on priors was told by power-scaling \[\d+\]\. Software: Python", text)
    assert "2 chains of 400 draws after 400 steps of adaptation, target acceptance 0.9" in text
    values = em.check(own_fit, draws=40).set_index("check")["value"]
    assert f"Largest R-hat of the population {values['R-hat, population']:.3f}" in text
    divergences = int(values["divergences"])
    assert f"{divergences} divergent transition" in text
    assert "2 posterior predictive checks found no misfit." in text
    assert "predicts better than" in text
    assert f"empathymodels {em.__version__}" in text


@pytest.mark.parametrize(
    ("unit", "exact", "words"),
    [
        ("trial", [], "(elpd) of 24 values of rating, with Pareto-smoothed leave-one-out"),
        ("participant", [False, False], "rating of somebody new (24 participants left out, their"),
        ("participant", [True, False], "leave-one-out cross-validation (1 by fits without them)"),
        ("future", [True, True], "(24 blocks of participants, each predicted from the blocks"),
        ("future", [True, True], "before), with fits without what is predicted and stacking"),
    ],
)
def test_methods_say_what_was_left_out(unit, exact, words):
    table = pd.DataFrame({"elpd": [0.0, -1.0]}, index=["one", "other"])
    units = {"one": pd.DataFrame({"exact": exact})}
    table.attrs = {"unit": unit, "responses": ["rating"], "observations": 24, "units": units}
    assert words in _compared(table, [])


def test_a_comparison_by_people_is_told_as_one(own_fit, flat_fit, tmp_path):
    fits = {"slope": own_fit, "flat": flat_fit}
    table = em.compare(fits, unit="participant", draws=100)
    texts = read(em.report(fits, tmp_path / "people.html", comparison=table, draws=20)).texts
    told = texts["comparison"]
    assert "predictive density of all observations of somebody new together;" in told
    assert "of the same people" not in told
    assert "'slope' predicts new people better than 'flat" in told
    assert "rating of somebody new (24 participants left out" in texts["methods"]


def test_every_unit_has_words():
    assert set(page.SCORED) == set(PREDICTED) == {"trial", "participant", "future"}


def test_numbers_in_brackets_lead_to_references(told):
    listed = told.texts["references"]
    text = told.texts["methods"]
    model = re.search(r"rated_pain \[(\d+)\]", text)[1]
    assert "10.1016/j.neuroimage.2010.10.014" in listed
    assert model == "1"  # the study has no citation, so that the model comes first
    numbers = {int(n) for found in re.findall(r"\[([\d, ]+)\]", text) for n in found.split(",")}
    items = listed.count("https://doi.org/") + 1  # the package has no address
    assert max(numbers) == items
    assert "10.1214/20-BA1221" in listed
    assert "10.1007/s11222-016-9696-4" in listed


def test_failures_missing_values_and_exclusions_are_in_the_methods(own_fit, own_study):
    other = own_fit.copy(deep=True)
    ratings = own_study.trials["rating"].copy()
    ratings[[3, 8]] = np.nan
    trials = own_study.trials.assign(rating=ratings).rename(columns={"intensity": "Pain level"})
    study = replace(own_study, trials=trials.rename(columns={"Pain level": "intensity"}))
    named = em.Study(trials=trials, columns={"intensity": "Pain level"}).log
    assert named == ("read column 'Pain level' as 'intensity'",)
    study = replace(study, log=named)
    other["study"] = study_tree(study.exclude("trial == 1", reason="practice"))
    other.attrs["missing"] = '{"trials.rating": 2}'
    posterior = other["posterior"].to_dataset()
    other["posterior"] = posterior.assign(noise=posterior["noise"] * 0.3)
    found = fitted("narrow", other, draws=40, seed=0)
    data, fit, _ = methods([found], None, [])
    assert "excluded 24 of 463 rows of trials: practice" in data
    assert "read column" not in data
    assert "Missing values (2 of trials.rating) were not imputed" in data
    assert "437 of rating" in data
    assert "Of 2 posterior predictive checks, 1 failed: sd of ratings." in fit


def test_a_single_point_has_no_figures_and_says_so(own_model, own_study, tmp_path):
    point = em.fit(own_model, own_study, method="map", seed=1)
    reader = read(em.report(point, tmp_path / "point.html", draws=20))
    assert "a single point without any uncertainty" in reader.texts["estimates"]
    assert "Not available: Sensitivity is told from draws" in reader.texts["sensitivity"]
    assert "Nothing to compare" in reader.texts["comparison"]
    assert "img" not in [tag for tag, _ in reader.tags]
    assert "approximated by a single point, its maximum" in reader.texts["methods"]
    assert "nan" not in " ".join(reader.texts.values()).lower().split()


def test_fits_of_other_observations_are_not_compared(monkeypatch, own_fit):
    def refuse(fits):
        raise ValueError("Models are compared on the same observations.")

    monkeypatch.setattr(page, "compare", refuse)
    table, words = page._compared({"one": own_fit, "other": own_fit}, None)
    assert table is None
    assert words == "The fits were not compared. Models are compared on the same observations."


# ------------------------------------------------------------------------- hostile labels


HOSTILE = '<script>alert("x")</script>'
IMAGE = "<img src=x onerror=alert(1)>"


def hostile_study(own_study):
    """Return the study with ids, groups and texts that would run on a careless page."""
    ids = {"P01": HOSTILE, "P02": IMAGE, "P03": "$\\frac{$", "P04": "a' onclick='b"}
    ids["P05"] = "\x1b[31mred\u202e"
    names = own_study.participants["participant"].replace(ids)
    groups = own_study.participants["group"].replace({"in": "</style><b>", "out": "$x_1$ {{7*7}}"})
    trials = own_study.trials.assign(participant=own_study.trials["participant"].replace(ids))
    return em.Study(
        trials=trials,
        participants=own_study.participants.assign(participant=names, group=groups),
        name=HOSTILE,
        citation=f"Nobody {HOSTILE} https://doi.org/10.1/{IMAGE}",
        notes="</p><script>alert(2)</script>",
        log=(f"dropped {HOSTILE}",),
        simulated=True,
    )


@pytest.fixture(scope="module")
def hostile(own_model, own_study, tmp_path_factory):
    study = hostile_study(own_study)
    covariates = {"baseline": "group"}
    fit = em.fit(own_model, study, covariates=covariates, method="laplace", draws=60, seed=1)
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    return em.report({f"fit {HOSTILE}": fit}, path, question=f"Why {IMAGE}?", draws=20)


def test_hostile_labels_are_text(hostile):
    reader = read(hostile)
    assert [tag for tag, _ in reader.tags].count("script") == 1
    assert not [a for _, a in reader.tags if any(name.startswith("on") for name in a)]
    images = [attrs["src"] for tag, attrs in reader.tags if tag == "img"]
    assert images
    assert all(source.startswith("data:image/svg+xml;base64,") for source in images)
    for text in (HOSTILE, IMAGE, "$\\frac{$", "a' onclick='b"):
        assert text in reader.texts["estimates"]
    assert "{{7*7}}" in reader.texts["data"]
    assert f"dropped {HOSTILE}" in reader.texts["data"]
    assert "49" not in reader.texts["priors"]
    assert r"\x1b[31mred\u202e" in reader.texts["estimates"]
    assert not set("\x1b\u202e") & set(hostile.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text", [HOSTILE, IMAGE, r"$\text{<script>alert(1)</script>}$", "[x](javascript:alert(1))"]
)
def test_texts_of_models_cannot_run(text):
    reader = Reader()
    reader.feed(prose(text))
    assert {tag for tag, _ in reader.tags} <= {"p", "math", "mrow", "mtext"}


# ---------------------------------------------------------------------------------- parts


def test_equations_of_all_models_are_mathematics():
    from empathymodels.declaration.text import equations_text

    for name in em.list_models():
        html = prose(equations_text(em.get_model(name)))
        assert "<math" in html
        text = re.sub(r"<[^>]+>", "", html)
        assert not re.search(r"\$|\\[a-z]+|&amp;#", text), name


def test_prose_keeps_money_code_and_emphasis():
    html = prose("`a_b` costs $5 or $10, *not* $x$")
    assert "<code>a_b</code> costs $5 or $10, <em>not</em> <math" in html
    assert equation(r"y \sim x").count("∼") == 1
    assert reference("A. https://doi.org/10.1/a.b.").endswith(
        '<a href="https://doi.org/10.1/a.b">https://doi.org/10.1/a.b</a>.'
    )


def test_cells_are_read_and_sorted():
    table = of_frame(pd.DataFrame({"a_b": [0.123456, np.nan], "ok": [True, False]}))
    assert table.header == ("a b", "ok")
    assert [cell.text for row in table.rows for cell in row] == ["0.123", "yes", "", "no"]
    assert [row[0].sorted_by for row in table.rows] == ["0.123456", ""]


def test_columns_are_summarised():
    assert summary(pd.Series([1.0, 0.0, 1.0, np.nan])) == "0: 1, 1: 2"
    assert summary(pd.Series(["b", "a", None])) == "a: 1, b: 1"
    assert summary(pd.Series([f"s{k % 12}" for k in range(24)])) == "12 labels, 2 to 2 rows each"
    assert summary(pd.Series([np.nan])) == "none"
    assert trials_per_person(em.load_study("outgroup_help")) == "20 trials per participant"


def test_a_column_that_has_a_default_is_no_fault_where_it_is_absent():
    model = em.get_model("costly_helping")
    study = em.load_study("induced_motives")
    study = replace(study, trials=study.trials.drop(columns="motive"))
    columns = study_section([arrange(model, study)], [])["columns"]
    (motive,) = (row for row in columns.rows if row[0].text == "motive")
    assert motive[-1].text == "no such column: none throughout" and motive[-1].look != "bad"


# --------------------------------------------------------------------------------- errors


def test_what_cannot_be_reported(own_fit, tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.html; found 'report.pdf'"):
        em.report(own_fit, tmp_path / "report.pdf")
    with pytest.raises(FileNotFoundError, match=r"folder that exists; found none at .*nowhere"):
        em.report(own_fit, tmp_path / "nowhere" / "report.html")
    with pytest.raises(ValueError, match="at least one fit; found none"):
        em.report({}, tmp_path / "report.html")
    with pytest.raises(TypeError, match=r"must be given by name.* found list"):
        em.report([own_fit], tmp_path / "report.html")
    wrong = {"good": own_fit, "table": pd.DataFrame(), "tree": xr.DataTree()}
    with pytest.raises(TypeError, match=r"2 of 3 are none: 'table', 'tree'\. 'table' is DataF"):
        em.report(wrong, tmp_path / "report.html")
    with pytest.raises(TypeError, match=r"found DataFrame without 'elpd'.*\(4 of 4 columns\)"):
        em.report(own_fit, tmp_path / "report.html", comparison=pd.DataFrame())
    assert not list(tmp_path.iterdir())


def test_an_older_report_is_replaced_once_the_new_one_is_complete(tmp_path, monkeypatch, own_fit):
    path = em.report(own_fit, tmp_path / "report.html", question="Is it older?")
    older = path.read_bytes()
    write = Path.write_text

    def fail(self, text, **how):
        write(self, text[:100], **how)
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match=r"must be written whole; .*: no space left;"):
        em.report(own_fit, path)
    monkeypatch.undo()
    assert path.read_bytes() == older
    em.report(own_fit, path, question="Is it newer?")
    assert "Is it newer?" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_command_line(monkeypatch, own_fit, tmp_path, capsys):
    from empathymodels import cli

    asked = {}

    def report(fits, path, *, question):
        asked.update(fits=list(fits), path=path, question=question)
        return path

    file = em.save(own_fit, tmp_path / "own.nc")
    monkeypatch.setitem(vars(em), "report", report)
    own = own_fit.attrs["source"]
    with pytest.raises(SystemExit) as end:
        cli.main(["report", str(file), "--model", own, "--out", str(tmp_path / "r.html")])
    assert not end.value.code
    assert asked == {"fits": ["own"], "path": tmp_path / "r.html", "question": ""}
    assert f"Wrote {tmp_path / 'r.html'}" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        cli.main(["report", str(file), "--out", str(tmp_path / "r.pdf")])
    assert end.value.code == 2
    assert "must end in .html" in capsys.readouterr().err
