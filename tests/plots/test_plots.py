"""Structure of every picture: panels, words and units on the axes, and the numbers drawn."""

import itertools
from dataclasses import replace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.stats import binomtest

import empathymodels as em
from empathymodels.checks.predictive_statistics import predictive_statistics
from empathymodels.engine.evaluator import evaluator
from empathymodels.inference.fits import arrangement_of, thinned
from empathymodels.inference.study_tree import study_tree
from empathymodels.layout.levels import levels_of
from empathymodels.plots import parameters
from empathymodels.plots.motives import Weight
from empathymodels.plots.style import COLOURS
from empathymodels.study.bundled import study_folder


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv(study_folder("outgroup_help") / "true_parameters.csv")


@pytest.fixture(autouse=True)
def nothing_stays_open():
    settings = dict(matplotlib.rcParams)
    yield
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == settings


def labels(panel):
    return f"{panel.get_xlabel()} {panel.get_ylabel()}".replace("\n", " ")


def dots(panel):
    """Places of all dots of a panel."""
    found = [line.get_xydata() for line in panel.lines if line.get_marker() == "o"]
    return np.concatenate([xy for xy in found if len(xy)])


def key(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_parameters_have_a_panel_each_with_meaning_and_unit(fit, model):
    figure = em.plot_parameters(fit)
    assert isinstance(figure, Figure)
    assert [a.get_title(loc="left") for a in figure.axes] == [
        p.name.replace("_", " ") for p in model.parameters
    ]
    by_name = dict(zip([p.name for p in model.parameters], figure.axes, strict=True))
    assert "(rating)" in labels(by_name["sensitivity"])
    assert "(0 to 1)" in labels(by_name["learning_rate"])
    legend = by_name["start_value"].get_legend()
    groups = [text.get_text() for text in legend.get_texts()]
    assert groups == ["partner group: in", "partner group: out"]
    assert "people, posterior medians" in key(figure)


def test_ticks_of_people_are_their_posterior_medians(fit, model):
    figure = em.plot_parameters(fit)
    place = [p.name for p in model.parameters].index("sensitivity")
    ticks = [line.get_xdata() for line in figure.axes[place].lines if line.get_marker() == "|"]
    medians = fit["posterior"]["sensitivity"].median(("chain", "draw"))
    np.testing.assert_allclose(np.concatenate(ticks), medians)


def test_fixed_parameters_have_no_panel(static_fit):
    titles = [a.get_title(loc="left") for a in em.plot_parameters(static_fit).axes]
    assert "insula error" in titles
    assert "learning rate" not in titles


def test_people_are_sorted_by_the_medians_of_the_table(fit, study):
    (panel,) = em.plot_people(fit, "learning_rate", by="partner_group").axes
    people = study.participants["participant"]
    table = em.estimates(fit).query("parameter == 'learning_rate'").set_index("whose")
    expected = table.loc[people, "median"].sort_values()
    drawn = dots(panel)
    np.testing.assert_allclose(drawn[:, 0], expected)
    np.testing.assert_array_equal(drawn[:, 1], np.arange(len(people)))
    named = [text.get_text() for text in panel.get_yticklabels()]
    assert np.all(table.loc[named, "median"].to_numpy() == expected.to_numpy())
    legend = [text.get_text() for text in panel.get_legend().get_texts()]
    assert "median person, out" in legend
    assert "partner group: out" in legend


def test_people_without_groups_surround_one_median_person(fit):
    (panel,) = em.plot_people(fit, "insula_error").axes
    middle = em.estimates(fit).query("parameter == 'insula_error' and whose == 'median person'")
    dashed = next(line for line in panel.lines if line.get_linestyle() == "--")
    assert dashed.get_xdata()[0] == pytest.approx(float(middle["median"].iloc[0]))


def test_observed_means_per_trial_and_group_are_those_of_the_data(fit, study):
    figure = em.plot_predictions(fit, "feeling", by="partner_group", draws=20)
    table = study.trials.merge(study.participants, on="participant")
    for panel, (group, rows) in zip(figure.axes, table.groupby("partner_group"), strict=True):
        assert panel.get_title(loc="left") == f"partner group: {group}"
        assert panel.get_xlabel() == "trial"
        expected = rows.groupby("trial")["feeling"].mean()
        np.testing.assert_allclose(dots(panel), expected.reset_index().to_numpy())
    assert "mean feeling toward the partner (rating)" in labels(figure.axes[0])
    assert key(figure) == ["predicted: median", "50 %", "90 %", "observed"]


@pytest.mark.parametrize("x", ["outcome", "partner_group"])
def test_few_places_stay_apart(fit, study, x):
    (panel,) = em.plot_predictions(fit, "insula", x=x, draws=20).axes
    table = study.regions.merge(study.trials).merge(study.participants)
    expected = table.groupby(x)["beta"].mean()
    np.testing.assert_allclose(dots(panel)[:, 1], expected)
    assert [t.get_text() for t in panel.get_xticklabels()] == [f"{v}" for v in expected.index]
    assert "(z)" in labels(panel)


def test_a_number_with_many_values_is_cut_into_groups(fit):
    (panel,) = em.plot_predictions(fit, "feeling", x="empathic_concern", draws=20).axes
    assert 20 < len(dots(panel)) <= 40  # as many different values as there are
    (panel,) = em.plot_predictions(fit, "feeling", x="empathic_concern", bins=6, draws=20).axes
    assert len(dots(panel)) == 6


def test_responses_of_people_are_counted(fit, study):
    figure = em.plot_predictions(fit, "empathy_after", by="partner_group", draws=20)
    sizes = study.participants.groupby("partner_group").size()
    for panel, size in zip(figure.axes, sizes, strict=True):
        assert dots(panel)[:, 1].sum() == size
        assert "(rating)" in labels(panel)
    assert "number of participants" in labels(figure.axes[0])


def test_statistics_show_the_observed_value_and_p_of_the_check(fit, model, study):
    figure = em.plot_statistics(fit, draws=50, seed=3)
    posterior = thinned(fit["posterior"].to_dataset(), 50)
    found = predictive_statistics(evaluator(model, study), model, posterior, 3)
    checks = em.check(fit, draws=50, seed=3).set_index("check")["value"]
    assert len(figure.axes) == len(found) == len(model.statistics)
    for panel, feature in zip(figure.axes, found, strict=True):
        name = feature.statistic.name
        assert panel.lines[0].get_xdata()[0] == pytest.approx(feature.observed)
        assert sum(bar.get_height() for bar in panel.patches) == len(feature.predicted)
        assert panel.get_xlabel().replace("\n", " ") == name
        response, p = panel.get_title(loc="left").split(": p = ")
        assert response == feature.statistic.response.replace("_", " ")
        assert float(p) == pytest.approx(checks[f"predictive p: {name}"], abs=0.0051)


def test_statistics_of_a_kind_of_response_are_shown_too(own_model):
    """Ratings that pile up at an end, of a model without statistics: their share there."""
    rng = np.random.default_rng(2)
    trials = pd.DataFrame(
        {
            "participant": np.repeat(["a", "b", "c", "d"], 20),
            "trial": np.tile(range(1, 21), 4),
            "intensity": rng.uniform(-1, 1, 80),
            "rating": np.clip(rng.normal(1, 3, 80), 0, 10),
        }
    )
    plain = own_model.with_resolution(rating=None)  # a density, also beyond the ends
    fit = em.fit(plain, em.Study(trials=trials), method="laplace", draws=60, seed=1)
    axes = [panel.get_xlabel() for panel in em.plot_statistics(fit, draws=50).axes]
    assert any("share of 'rating' at 0" in axis for axis in axes)
    advice = em.check(fit, draws=50).set_index("check")["advice"]
    assert "CensoredNormal" in advice["predictive p: share of 'rating' at 0"]


def test_trajectories_of_named_people(fit, study):
    chosen = ["sub-01", "sub-19"]
    figure = em.plot_latent(fit, "value", participants=chosen, draws=40)
    assert [panel.get_title(loc="left") for panel in figure.axes] == [
        f"participant {name}" for name in chosen
    ]
    found = em.latents(fit, draws=40)["value"]
    for panel, name in zip(figure.axes, chosen, strict=True):
        own = found[..., (found["participant"] == name).to_numpy()]
        np.testing.assert_allclose(panel.lines[0].get_ydata(), own.median(("chain", "draw")))
        outcome = study.trials.query("participant == @name")["outcome"]
        marks = {line.get_label(): len(line.get_xdata()) for line in panel.lines[1:]}
        assert marks == {f"outcome {v}": (outcome == v).sum() for v in (-1, 1)}
    assert "help expected before the outcome" in labels(figure.axes[0])
    assert key(figure) == ["outcome -1", "outcome 1"]


def test_people_are_spread_over_how_much_their_latent_moves(fit):
    figure = em.plot_latent(fit, "value", n=4, draws=40)
    moves = [np.std(panel.lines[0].get_ydata()) for panel in figure.axes]
    assert len(moves) == 4
    assert moves == sorted(moves)
    assert moves[-1] > 2 * moves[0]


def test_recovery_shows_the_table_against_the_truth(fit, truth):
    figure = em.plot_recovery(fit, truth)
    *people, population = figure.axes
    table = em.estimates(fit, prob=0.9).set_index(["parameter", "whose"])
    by_title = {panel.get_title(loc="left").split("\n")[0]: panel for panel in people}
    panel = by_title["insula baseline"]
    own = table.loc["insula_baseline"].loc[truth["participant"]]
    expected = np.column_stack([truth["insula_baseline"], own["median"]])
    np.testing.assert_allclose(dots(panel), expected)
    inside = truth["insula_baseline"].between(*own[["hdi_low", "hdi_high"]].to_numpy().T)
    assert f"{inside.sum()} of 36 inside" in panel.get_title(loc="left")
    assert len(by_title) == 8
    names = [text.get_text() for text in population.get_yticklabels()]
    assert "generalisation" in names
    spot = dict(zip(names, dots(population)[:, 0], strict=True))
    row = table.loc["generalisation", "population"]
    assert spot["generalisation"] == pytest.approx((row["median"] - 1.5) / row["sd"])


def test_comparison_orders_the_models_and_shows_their_weights(fit, static_fit):
    table = em.compare({"static": static_fit, "learning": fit}, response="feeling", draws=100)
    left, right = em.plot_compare(table).axes
    names = [text.get_text().split("\n")[0] for text in left.get_yticklabels()]
    assert names == ["learning", "static"]
    assert [bar.get_width() for bar in right.patches] == pytest.approx(list(table["weight"]))
    assert dots(left)[:, 0] == pytest.approx([0, -abs(table.loc["static", "elpd_diff"])])


def test_insula_over_prediction_error_uses_every_row(fit):
    (panel,) = em.plot_response_over_latent(fit, "insula", "prediction_error", draws=40).axes
    bins = dots(panel)
    assert len(bins) == 8
    assert bins[-1, 1] > bins[0, 1]  # the true slopes are positive
    mean = fit["observed_data"]["insula"].mean()
    assert bins[:, 1].mean() == pytest.approx(float(mean), abs=1e-9)  # 8 equal groups of 90
    assert "outcome minus expected help" in labels(panel)
    assert "(z)" in labels(panel)


def test_empathy_over_a_summary_of_the_person(fit):
    figure = em.plot_response_over_latent(fit, "empathy_after", "value_change", bins=4, draws=40)
    assert len(dots(figure.axes[0])) == 4
    assert "value after the last trial minus its start" in labels(figure.axes[0])


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda f: em.plot_people(f, "generalisation"), "varies between people"),
        (lambda f: em.plot_people(f, "learning_rat"), "learning_rate"),
        (lambda f: em.plot_people(f, "learning_rate", by="partner_grup"), "partner_group"),
        (lambda f: em.plot_predictions(f, "feelings"), "Did you mean 'feeling'"),
        (lambda f: em.plot_predictions(f, "feeling", x="trail"), "Did you mean 'trial'"),
        (em.plot_motives, "needs a model that declares motives"),
        (lambda f: em.plot_latent(f, "values"), "Did you mean 'value'"),
        (lambda f: em.plot_latent(f, "value", participants=["sub-99"]), "sub-99"),
        (lambda f: em.plot_response_over_latent(f, "empathy_after", "value"), "value_change"),
        (lambda f: em.plot_recovery(f, pd.DataFrame({"participant": ["sub-01"]})), "columns"),
    ],
)
def test_what_cannot_be_drawn_is_told(fit, draw, message):
    with pytest.raises((KeyError, ValueError), match=message):
        draw(fit)


# ------------------------------------------------------------- labels, their order, and blocks

HOSTILE = ("$x_{1}$", "a$b$c\\frac{", "\x1b[31mred\x07", "{}_^%&#~", "=1+1", "$", "_hidden", "<b>")


def relabelled(fit, study, people=None, **columns):
    """The fit, with other names of people and further columns of its study."""
    old = study.participants["participant"].tolist()
    new = dict(zip(old, people or old, strict=True))
    tables = {n: t.assign(participant=t["participant"].map(new)) for n, t in study.tables.items()}
    for name, (table, values) in columns.items():
        tables[table] = tables[table].assign(**{name: values})
    other = fit.copy()
    for group in ("posterior", "constant_data"):
        found = fit[group].to_dataset()
        named = [new[str(label)] for label in found["participant"].to_numpy()]
        other[group] = xr.DataTree(found.assign_coords(participant=named))
    other["study"] = study_tree(replace(study, **tables))
    return other


def drawn_text(figure):
    """Draw a figure, and return all that is written on it as it appears."""
    figure.canvas.draw()
    found = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    assert not any(text._preprocess_math(text.get_text())[1] for text in found)
    return [text._preprocess_math(text.get_text())[0] for text in found]


def test_labels_are_drawn_letter_by_letter(fit, static_fit, study):
    size = len(study.participants)
    people = [f"{HOSTILE[k % 8]}{k}" for k in range(size)]
    sites = [HOSTILE[k % 3] for k in range(size)]
    odd = relabelled(fit, study, people, site=("participants", sites))
    seen = "\\x1b[31mred\\x07"
    drawn = drawn_text(em.plot_people(odd, "learning_rate", by="site"))
    assert {label.replace("\x1b[31mred\x07", seen) for label in people} <= set(drawn)
    assert {f"site: {label}" for label in ("$x_{1}$", "a$b$c\\frac{", seen)} <= set(drawn)
    drawn = drawn_text(em.plot_latent(odd, "value", participants=people[:4], draws=4))
    assert "participant $x_{1}$0" in drawn
    assert f"participant {seen}2" in drawn
    for x, by in (("site", None), ("trial", "site")):
        drawn = drawn_text(em.plot_predictions(odd, "feeling", x=x, by=by, draws=4))
        assert any("a$b$c\\frac{" in text for text in drawn)
    latent = em.plot_response_over_latent(odd, "insula", "value", by="site", draws=4)
    assert "site: $x_{1}$" in drawn_text(latent)
    names = dict(zip(HOSTILE[:2], (fit, static_fit), strict=True))
    table = em.compare(names, response="feeling", draws=40)
    drawn = drawn_text(em.plot_compare(table))
    assert any(text.startswith("$x {1}$\nbest") for text in drawn)
    evidences = pd.DataFrame(np.eye(4, 3), columns=HOSTILE[:3])
    evidences.attrs["evidence"] = "-BIC/2"
    assert "$x {1}$" in drawn_text(em.plot_selection(em.select(evidences)))


def legend_colours(figure, prefix):
    """Colours by the levels that the legends of panels name."""
    found = {}
    for panel in figure.axes:
        for line, text in zip(*panel.get_legend_handles_labels(), strict=True):
            if text.startswith(prefix):
                found[text.removeprefix(prefix)] = to_hex(line.get_color())
    return found


def test_levels_keep_their_order_and_colour_in_every_figure(fit, study):
    """Declared levels in the declared order, those of a categorical in its own."""
    group = study.participants["partner_group"]
    order = pd.CategoricalDtype(["out", "in"])
    odd = relabelled(fit, study, whom=("participants", group.astype(order)))
    declared = {"in": "#0072b2", "out": "#d55e00"}  # of the model: blue, then vermillion
    people = em.plot_people(odd, "learning_rate", by="partner_group")
    assert legend_colours(people, "partner group: ") == declared
    over = em.plot_response_over_latent(odd, "insula", "value", by="partner_group", draws=4)
    assert legend_colours(over, "partner group: ") == declared
    assert legend_colours(em.plot_parameters(odd), "partner group: ") == declared
    for column, levels in (("partner_group", ["in", "out"]), ("whom", ["out", "in"])):
        figure = em.plot_predictions(odd, "feeling", by=column, draws=4)
        titles = [panel.get_title(loc="left").split(": ")[1] for panel in figure.axes]
        assert titles == levels
        bands = [to_hex(panel.collections[0].get_facecolor()[0]) for panel in figure.axes]
        assert bands == ["#0072b2", "#d55e00"]
    arrangement = evaluator(em.get_model("costly_helping"), em.load_study("induced_motives"))
    assert levels_of(arrangement.arrangement, "motive") == ["control", "empathy", "reciprocity"]


def test_curves_break_between_blocks(fit, study):
    trial = study.trials["trial"]
    odd = relabelled(fit, study, block=("trials", np.where(trial <= 8, 1, 2)))
    (panel,) = em.plot_predictions(odd, "feeling", draws=4).axes
    medians = [line for line in panel.lines if line.get_marker() != "o"]
    curves = sorted(line.get_xdata().tolist() for line in medians)
    assert curves == [[*range(1, 9)], [*range(9, 21)]]
    (panel,) = em.plot_predictions(odd, "feeling", x="trial_in_block", draws=4).axes
    assert panel.get_xlabel() == "trial in block"
    (median,) = [line for line in panel.lines if line.get_marker() != "o"]
    assert median.get_xdata().tolist() == [*range(1, 13)]
    table = study.trials.assign(place=np.where(trial <= 8, trial, trial - 8))
    observed = table.groupby("place")["feeling"].mean()
    np.testing.assert_allclose(dots(panel)[:, 1], observed)
    (panel,) = em.plot_predictions(odd, "feeling", x="block", draws=4).axes
    assert [t.get_text() for t in panel.get_xticklabels()] == ["1", "2"]


def test_latents_break_between_blocks_and_can_lie_over_each_other(fit, study):
    block = np.where(study.trials["trial"] <= 8, 1, 2)
    odd = relabelled(fit, study, block=("trials", block))
    chosen = ["sub-03", "05"]
    for panel in em.plot_latent(odd, "value", participants=chosen, draws=4).axes:
        assert [len(line.get_xdata()) for line in panel.lines[:2]] == [8, 12]
        assert panel.lines[1].get_xdata()[0] == 9
    figure = em.plot_latent(odd, "value", participants=chosen, x="trial_in_block", draws=4)
    for panel in figure.axes:
        assert [line.get_xdata()[0] for line in panel.lines[:2]] == [1, 1]
        assert len({line.get_color() for line in panel.lines[:2]}) == 2
    assert key(figure) == ["block 1", "block 2"]
    with pytest.raises(ValueError, match="x must be 'trial' or 'trial_in_block'; found 'onset'"):
        em.plot_latent(odd, "value", x="onset")


def person_of(panel):
    return panel.get_title(loc="left").removeprefix("participant ")


def test_every_partner_has_a_line_of_its_own(as_drawn):
    """Beliefs about three partners do not jump from one to another."""
    study = em.load_study("trust_game")
    drawn = as_drawn(em.get_model("trust_social_value"), study)
    figure = em.plot_latent(drawn, "belief", n=2, draws=4)
    partners = ["friend", "stranger", "computer"]
    assert key(figure)[-3:] == [f"partner: {name}" for name in partners]
    met = study.trials.groupby(["participant", "partner"])["trial"]
    for panel in figure.axes:
        person = person_of(panel)
        lines = [line.get_xdata().tolist() for line in panel.lines[:3]]
        assert sorted(lines) == sorted(met.get_group((person, p)).tolist() for p in partners)
        assert len({line.get_color() for line in panel.lines[:3]}) == 3


def test_colours_of_a_numbered_cue_are_those_of_the_key(as_drawn):
    study = em.load_study("cue_pain")
    number = study.trials["cue"].map({"low": 1, "high": 2})
    numbered = em.Study(trials=study.trials.assign(cue=number), simulated=True)
    figure = em.plot_latent(
        as_drawn(em.get_model("cue_expectation_learning"), numbered), "expectation", n=1, draws=4
    )
    (legend,), (panel,) = figure.legends, figure.axes
    named = dict(zip(key(figure), legend.get_lines(), strict=True))
    for level in (1, 2):
        (line,) = [
            line
            for line in panel.lines
            if set(line.get_xdata())
            == set(
                numbered.trials.loc[
                    (numbered.trials["participant"] == person_of(panel)) & (number == level),
                    "trial",
                ]
            )
        ]
        assert line.get_color() == named[f"cue: {level}"].get_color()
    assert len({line.get_color() for line in named.values()}) == 2


def test_many_people_keep_the_label_of_their_axis(fit, monkeypatch):
    monkeypatch.setattr(parameters, "LABELLED_PEOPLE", 30)
    (panel,) = em.plot_people(fit, "learning_rate").axes
    assert panel.get_ylabel() == "36 participants, sorted"
    assert [text.get_text() for text in panel.get_yticklabels()] == []


# ---------------------------------------------------------------- motives, and what goes with them


@pytest.fixture(scope="module")
def induced():
    """Choices of ten people after three inductions: a weight and a bias per motive."""
    trials = em.load_study("induced_motives").trials
    return em.Study(trials=trials[trials["participant"] <= "sub-10"])


@pytest.fixture(scope="module")
def helping_fit(induced, as_drawn):
    return as_drawn(em.get_model("costly_helping"), induced, draws=200)


@pytest.fixture(scope="module")
def motives_fit(as_drawn):
    """Choices and insula betas of ten people, whose situations differ in two attributes."""
    study = em.load_study("motives")
    kept = ["participant", "trial", "context", "cost", "affiliation", "engage"]
    trials = study.trials.loc[study.trials["participant"] <= "sub-10", kept]
    regions = study.regions.query("participant <= 'sub-10' and region == 'AI'")
    small = em.Study(trials=trials, regions=regions)
    return as_drawn(em.get_model("motivated_empathy"), small, draws=200)


def rows(panel):
    """Names of the rows of a panel, from above."""
    return [text.get_text().replace("\n", ", ") for text in panel.get_yticklabels()]


def medians(panel, marker):
    """Places and colours of a panel's large marks."""
    marks = [line for line in panel.lines if line.get_marker() == marker]
    return [float(line.get_xdata()[0]) for line in marks], {line.get_color() for line in marks}


def middle(fit, parameter, level=None):
    table = em.estimates(fit).query("parameter == @parameter and whose == 'median person'")
    return table.iloc[0] if level is None else table.set_index("level").loc[level]


def test_motives_to_approach_and_to_avoid_look_different(motives_fit):
    figure = em.plot_motives(motives_fit)
    (panel,) = figure.axes
    assert rows(panel) == ["affiliation weight", "cost weight"]
    assert panel.get_xlabel() == "weight of the motive (utility per sd)"
    approach, blue = medians(panel, "o")
    avoidance, vermillion = medians(panel, "s")
    assert approach == pytest.approx([middle(motives_fit, "affiliation_weight")["median"]])
    assert avoidance == pytest.approx([middle(motives_fit, "cost_weight")["median"]])
    assert (blue, vermillion) == ({"#0072B2"}, {"#D55E00"})
    assert key(figure)[:2] == ["motive to approach", "motive to avoid"]


def test_the_probability_of_its_sign_stands_beside_every_weight(helping_fit):
    weight, bias = em.plot_motives(helping_fit).axes
    for name, panel in (("other_weight", weight), ("bias", bias)):
        written = [text.get_text() for text in panel.texts]
        levels = ["control", "empathy", "reciprocity"]
        assert rows(panel) == [f"{name.replace('_', ' ')}, motive: {level}" for level in levels]
        for text, level in zip(written, levels, strict=True):
            draws = helping_fit["posterior"][f"{name}_mean"].sel(motive=level)
            p = float((draws > 0).mean())
            assert middle(helping_fit, name, level)["p_positive"] == pytest.approx(p)
            surely = "> 0.99" if p > 0.995 else "< 0.01" if p < 0.005 else f"= {p:.2f}"
            assert text == f"P(> 0) {surely}"
    assert "(own points)" in labels(weight)
    assert "(log odds)" in labels(bias)


def test_a_motive_to_avoid_is_asked_for_values_below_zero(motives_fit):
    parameter = em.get_model("motivated_empathy").parameter("cost_weight")
    people = np.empty((0, 4))
    draws = np.array([-3.0, -2.0, -1.0, 1.0])
    assert Weight(parameter, "cost", draws, people).probability == "P(< 0) = 0.75"
    assert Weight(parameter, "cost", draws - 2, people).probability == "P(< 0) > 0.99"
    invites = replace(parameter, motive="approach")
    assert Weight(invites, "cost", draws - 2, people).probability == "P(> 0) < 0.01"
    size = replace(parameter, support="positive")
    assert Weight(size, "cost", draws + 4, people).probability == "sign assumed"


def test_everybody_is_behind_the_population(motives_fit):
    (panel,) = em.plot_motives(motives_fit).axes
    drawn = [line.get_xydata() for line in panel.lines if line.get_marker() == "."]
    for own, name in zip(drawn, ["affiliation_weight", "cost_weight"], strict=True):
        expected = motives_fit["posterior"][name].median(("chain", "draw"))
        np.testing.assert_allclose(own[:, 0], np.sort(expected))
    ends = [c.get_segments() for c in panel.collections]
    assert [len(own) for own in ends] == [10, 10]
    low, high = np.quantile(motives_fit["posterior"]["cost_weight"], [0.05, 0.95], axis=(0, 1))
    assert sorted(s[0][0] for s in ends[1]) == pytest.approx(sorted(low))
    assert sorted(s[1][0] for s in ends[1]) == pytest.approx(sorted(high))


def test_weights_that_are_held_are_left_out_and_told(motives_fit):
    figure = em.plot_motives(motives_fit)
    (legend,) = figure.legends
    told = legend.get_title().get_text().replace("\n", " ")
    assert told.startswith(
        "Not shown, since held for want of their column: suffering weight at 0, competition weight "
    )
    assert told.count(" at 0") == 5
    assert "cost weight" not in told


def test_correlations_are_those_of_the_posterior(motives_fit):
    figure = em.plot_correlations(motives_fit)
    panel, bar = figure.axes
    names = ["cost weight", "affiliation weight", "ai slope"]
    assert [t.get_text() for t in panel.get_xticklabels()] == names[:-1]
    assert [t.get_text() for t in panel.get_yticklabels()] == names[1:]
    matrix = motives_fit["posterior"]["correlation"]
    pairs = [(0, 1), (0, 2), (1, 2)]
    assert len(panel.patches) == len(pairs)
    for (column, row), cell in zip(pairs, panel.patches, strict=True):
        draws = matrix[..., row, column].to_numpy().ravel()
        low, high = np.quantile(draws, [0.05, 0.95])
        here = [t.get_text() for t in panel.texts if abs(t.get_position()[0] - column) < 0.1
                and abs(t.get_position()[1] - row) < 0.5]  # fmt: skip
        numbers = [float(n.replace("\N{MINUS SIGN}", "-")) for n in " to ".join(here).split(" to ")]
        assert numbers == pytest.approx([draws.mean(), low, high], abs=0.0051)
        assert (cell.get_linewidth() > 0 and cell.get_edgecolor()[3] > 0) == (low > 0 or high < 0)
    # eight parameters may correlate; five of them are held, which leaves the prior as it is
    assert f"sd {1 / np.sqrt(3 + 8):.2f}" in bar.get_xlabel()
    assert [x for x, _ in bar.collections[-1].get_segments()[1]] == pytest.approx(
        [1 / np.sqrt(11)] * 2
    )


def test_levels_of_correlated_parameters_are_named_in_words(helping_fit):
    panel = em.plot_correlations(helping_fit).axes[0]
    assert [t.get_text() for t in panel.get_xticklabels()] == ["bias, control", "bias, empathy"]


def test_choices_without_states_are_shown_over_the_first_attribute(helping_fit, induced):
    figure = em.plot_predictions(helping_fit, "help", by="motive", draws=40)
    grouped = induced.trials.groupby(["motive", "own_loss"])["help"]
    for panel, motive in zip(figure.axes, ["control", "empathy", "reciprocity"], strict=True):
        assert panel.get_title(loc="left") == f"motive: {motive}"
        assert "own loss: what helping costs oneself (points)" in labels(panel)
        np.testing.assert_allclose(dots(panel)[:, 1], grouped.mean()[motive])
        (bars,) = [c for c in panel.collections if c.get_color()[0][:3].max() < 0.2]
        found = np.array([segment[:, 1] for segment in bars.get_segments()])
        for ends, (_, own) in zip(
            found, grouped.agg(["sum", "size"]).loc[motive].iterrows(), strict=True
        ):
            exact = binomtest(int(own["sum"]), int(own["size"])).proportion_ci(0.9, "wilson")
            np.testing.assert_allclose(ends, [exact.low, exact.high])
    assert figure.axes[0].get_ylabel() == "share of help (1: prosocial option)"
    assert key(figure) == ["predicted: median", "50 %", "90 %", "observed, binomial 90 %"]


def test_an_attribute_is_cut_into_as_many_groups_as_asked(motives_fit):
    (panel,) = em.plot_predictions(motives_fit, "engage", x="affiliation", bins=5, draws=40).axes
    assert len(dots(panel)) == 5
    (panel,) = em.plot_predictions(motives_fit, "AI", draws=40).axes
    assert "cost: what empathy would lead one to give up" in labels(panel)
    assert len(dots(panel)) == 16


def test_axes_say_what_covariates_are_averaged_over(own_fit):
    panel = em.plot_parameters(own_fit).axes[0]
    assert labels(panel).strip() == "rating at mean intensity (points); averaged over age"
    groups = [text.get_text() for text in panel.get_legend().get_texts()]
    assert groups == ["group: in", "group: out"]
    figure = em.plot_people(own_fit, "baseline")
    assert key(figure)[:3] == ["posterior median", "50 %", "90 %"]
    assert "(points); median person averaged over age, group" in labels(figure.axes[0])
    (panel,) = em.plot_people(own_fit, "baseline", by="group").axes
    assert "(points); median person averaged over age" in labels(panel)
    assert "group" not in labels(panel)


def test_correlations_and_motives_need_some(own_fit):
    with pytest.raises(ValueError, match="names 0 in correlate="):
        em.plot_correlations(own_fit)
    with pytest.raises(ValueError, match="has none among its 3 parameters"):
        em.plot_motives(own_fit)


@pytest.fixture(scope="module")
def crossed_fit(as_drawn):
    """A drawn fit of choices for two recipients by two groups of people."""
    study = em.load_study("effort_for_others")
    people = study.participants["participant"]
    table = pd.DataFrame({"participant": people, "group": np.resize(["in", "out"], len(people))})
    study = em.Study(trials=study.trials, participants=table)
    return as_drawn(em.get_model("prosocial_effort"), study)


def test_panels_of_people_have_the_colours_of_their_conditions(crossed_fit):
    figure = em.plot_people(crossed_fit, "inverse_temperature")
    for panel, colour in zip(figure.axes[:2], COLOURS, strict=False):
        dots_of = [line for line in panel.get_lines() if line.get_marker() == "o"]
        assert dots_of and {line.get_color() for line in dots_of} == {colour}


def test_two_factors_are_rows_and_columns_of_panels(crossed_fit):
    by = ("recipient", "group")
    figure = em.plot_predictions(crossed_fit, "work", by=by, x="effort", draws=8)
    study = arrangement_of(crossed_fit).study
    table = study.trials.merge(study.participants, on="participant")
    panels = figure.axes
    assert [
        (p.get_subplotspec().rowspan.start, p.get_subplotspec().colspan.start) for p in panels
    ] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for panel, (one, other) in zip(
        panels, itertools.product(("self", "other"), ("in", "out")), strict=True
    ):
        assert panel.get_title(loc="left") == f"recipient: {one}, group: {other}"
        rows = table[(table["recipient"] == one) & (table["group"] == other)]
        expected = rows.groupby("effort")["work"].mean()
        np.testing.assert_allclose(dots(panel), expected.reset_index().to_numpy())
    assert [bool(p.get_xlabel()) for p in panels] == [False, False, True, True]
    assert [bool(p.get_ylabel()) for p in panels] == [True, False, True, False]
    colours = [p.lines[-1].get_color() for p in panels]
    assert colours[0] == colours[2]
    with pytest.raises(ValueError, match="one column or two different ones"):
        em.plot_predictions(crossed_fit, "work", by=("group", "group"))
    with pytest.raises(KeyError, match="Did you mean 'group'"):
        em.plot_predictions(crossed_fit, "work", by=("recipient", "grup"))


def test_a_cell_without_data_says_so(as_drawn):
    study = em.load_study("effort_for_others")
    people = study.participants["participant"]
    table = pd.DataFrame({"participant": people, "group": np.resize(["in", "out"], len(people))})
    trials = study.trials.merge(table, on="participant")
    trials = trials[(trials["group"] == "in") | (trials["recipient"] == "self")]
    study = em.Study(trials=trials.drop(columns="group"), participants=table)
    fit = as_drawn(em.get_model("prosocial_effort"), study)
    figure = em.plot_predictions(fit, "work", by=("recipient", "group"), draws=4)
    assert ["no data" in drawn_panel(p) for p in figure.axes] == [False, False, False, True]


def drawn_panel(panel):
    return [text.get_text() for text in panel.texts]


def test_conditions_of_people_are_side_by_side_or_on_one_scale(crossed_fit):
    table = em.estimates(crossed_fit).query("parameter == 'discount'")
    people = list(crossed_fit["posterior"]["participant"].to_numpy())
    (panel,) = em.plot_people(crossed_fit, "discount", by="recipient").axes
    at = {level: rows.set_index("whose")["median"] for level, rows in table.groupby("level")}
    named = [text.get_text() for text in panel.get_yticklabels()]
    assert sorted(named) == sorted(people)
    assert at["self"][named].is_monotonic_increasing
    drawn = dots(panel)
    np.testing.assert_allclose(drawn[: len(people), 0], at["self"][named])
    np.testing.assert_allclose(drawn[len(people) :, 0], at["other"][named])
    assert np.allclose(drawn[len(people) :, 1] - drawn[: len(people), 1], 0.5)
    legend = [text.get_text() for text in panel.get_legend().get_texts()]
    assert legend == ["median person, self", "median person, other"]
    one, other = em.plot_people(crossed_fit, "discount", by="group").axes
    assert one.get_xlim() == other.get_xlim()


@pytest.mark.parametrize("column", ["pain", "group"])
def test_the_middle_of_items_is_no_person(as_drawn, column):
    model = em.get_model("intergroup_bias")._with_parameters({"item_effect": {"by": column}})
    fit = as_drawn(model, em.load_study("group_pain"))
    levels = [str(level) for level in fit["posterior"][column].to_numpy()]
    together = em.plot_people(fit, "item_effect", by=column).axes
    legends = [
        panel.get_legend() for panel in (*together, *em.plot_people(fit, "item_effect").axes)
    ]
    texts = [text.get_text() for legend in legends for text in legend.get_texts()]
    expected = [*(f"median item, {level}" for level in levels), *["median item"] * len(levels)]
    assert texts == expected
