"""From images to tables: betas of regions, scores of signatures; on images that the test makes."""

import json
import warnings

import matplotlib.pyplot as plt
import nibabel
import numpy as np
import pandas as pd
import pytest
from nilearn.datasets import load_mni152_brain_mask, load_sample_motor_activation_image
from nilearn.glm.first_level import FirstLevelModel, make_first_level_design_matrix
from nilearn.image import resample_img

import empathymodels as em
from empathymodels import cli
from empathymodels.neuro.bids_runs import _loaded

T_R, VOLUMES = 2.0, 120
AREAS = {"AI": (-40, 22, 0, 10), "TPJ": (56, -48, 24, 10), "VS": (-8, 8, -6, 10)}
EFFECTS = {"AI": {"pain": 0.8, "touch": 0.1}, "TPJ": {"pain": 0.2, "touch": 0.2}, "VS": {}}


@pytest.fixture(scope="module")
def brain():
    """Mask of the brain on voxels of 8 mm."""
    mask = load_mni152_brain_mask(resolution=2)
    affine = mask.affine.copy()
    affine[:3, :3] *= 4
    shape = tuple(int(np.ceil(n / 4)) for n in mask.shape)
    return resample_img(mask, affine, shape, "nearest", force_resample=True, copy_header=True)


def inside(brain, sphere):
    grid = np.moveaxis(np.indices(brain.shape), 0, -1)
    places = grid @ brain.affine[:3, :3].T + brain.affine[:3, 3]
    return np.linalg.norm(places - np.array(sphere[:3]), axis=-1) <= sphere[3]


@pytest.fixture(scope="module")
def events():
    onsets = np.arange(8.0, 220, 11)
    kinds = np.resize(["pain", "touch"], len(onsets))
    return pd.DataFrame({"onset": onsets, "duration": 2.0, "trial_type": kinds})


def correlated(rng, shape, rho):
    """AR(1) noise over time with a standard deviation of 1."""
    noise = rng.normal(size=(*shape, VOLUMES))
    for t in range(1, VOLUMES):
        noise[..., t] = rho * noise[..., t - 1] + np.sqrt(1 - rho**2) * noise[..., t]
    return noise


def series(brain, events, seed, *, effects=EFFECTS, shared=0.5):
    """A run: planted effects in percent, AR(1) noise, part of it shared within a region."""
    rng = np.random.default_rng(seed)
    times = np.arange(VOLUMES) * T_R
    design = make_first_level_design_matrix(times, events, drift_model=None)
    mask = brain.get_fdata() > 0
    signal = np.sqrt(1 - shared**2) * correlated(rng, brain.shape, 0.3)
    for name, sphere in AREAS.items():
        own = sum((size * design[kind] for kind, size in effects.get(name, {}).items()), 0 * times)
        signal[inside(brain, sphere)] += np.asarray(own) + shared * correlated(rng, (), 0.3)
    data = np.where(mask[..., None], 1000 * (1 + signal / 100), 0)
    return nibabel.Nifti1Image(data.astype(np.float32), brain.affine)


@pytest.fixture(scope="module")
def runs(brain, events):
    rows = [
        {"participant": f"sub-{person}", "session": 1, "image": series(brain, events, person)}
        for person in range(1, 9)
    ]
    return pd.DataFrame(rows).assign(events=[events] * 8)


def test_betas_of_regions_have_the_planted_effects(runs):
    before = runs.copy()
    betas = em.extract(runs, AREAS, t_r=T_R)
    pd.testing.assert_frame_equal(runs, before)
    assert list(betas) == ["participant", "session", "region", "condition", "beta", "se", "voxels"]
    assert len(betas) == 8 * 3 * 2
    true = [EFFECTS[r].get(c, 0.0) for r, c in zip(betas.region, betas.condition, strict=True)]
    standard = (betas.beta - true) / betas.se
    assert np.abs(standard).max() < 4
    assert 0.75 < standard.std() < 1.3
    means = betas.groupby(["region", "condition"]).beta.mean()
    assert means["AI", "pain"] == pytest.approx(0.8, abs=0.25)
    study = em.Study(regions=betas)
    assert len(study.regions) == len(betas)


def test_a_contrast_is_a_difference_with_its_own_error(runs):
    both = em.extract(runs[:2], AREAS, t_r=T_R)
    found = em.extract(runs[:2], AREAS, t_r=T_R, contrasts={"empathy": "pain - touch"})
    wide = both.pivot(index=["participant", "region"], columns="condition", values="beta")
    pairs = list(zip(found.participant, found.region, strict=True))
    expected = (wide["pain"] - wide["touch"]).loc[pairs]
    assert found.beta.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-8)
    assert (found.condition == "empathy").all()


def test_single_trials_are_numbered_in_their_order(runs, events):
    shuffled = runs[:2].assign(events=[events.sample(frac=1, random_state=1)] * 2)
    found = em.extract(shuffled, AREAS, t_r=T_R, single_trials=["pain"])
    pain = found[found.condition == "pain"]
    assert (
        pain.groupby(["participant", "region"])
        .trial.apply(list)
        .map(lambda trials: trials == list(range(1, 11)))
        .all()
    )
    assert found[found.condition == "touch"].trial.isna().all()
    assert pain.groupby("region").beta.mean()["AI"] == pytest.approx(0.8, abs=0.3)


def first_level(mask, image, events):
    """Nilearn's own model, which warns that it takes the mask that it was given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return FirstLevelModel(t_r=T_R, mask_img=mask, high_pass=0.01).fit(image, events)


def test_contrasts_stand_beside_single_trials(runs):
    found = em.extract(
        runs[:1], {"AI": AREAS["AI"]}, t_r=T_R, single_trials=["pain"], contrasts={"t": "touch"}
    )
    assert found.condition.value_counts().to_dict() == {"pain": 10, "t": 1}
    with pytest.raises(ValueError, match=r"contrast 'x' \(pain\) must be of 'touch'"):
        em.extract(runs[:1], AREAS, t_r=T_R, single_trials=["pain"], contrasts={"x": "pain"})


def test_cells_without_value_are_none(runs):
    given = runs[:1].assign(confounds=pd.NA, slice_time_ref=pd.NA)
    found, usual = em.extract(given, AREAS, t_r=T_R), em.extract(runs[:1], AREAS, t_r=T_R)
    assert found.beta.to_numpy() == pytest.approx(usual.beta.to_numpy())


def test_volumes_that_nilearn_leaves_out_get_a_regressor():
    table = pd.DataFrame({"x": np.arange(5.0)})
    assert list(_loaded((table, None))) == ["x"]
    found = _loaded((table, np.array([1, 2, 4])))
    assert found["volume_0"].tolist() == [1, 0, 0, 0, 0]
    assert found["volume_3"].tolist() == [0, 0, 0, 1, 0]


def test_it_is_nilearns_own_glm_on_the_mean(runs, brain, events):
    """Nilearn, with one voxel that holds the region's mean."""
    image = runs["image"][0]
    mean = image.get_fdata()[inside(brain, AREAS["AI"]) & (brain.get_fdata() > 0)].mean(axis=0)
    one = nibabel.Nifti1Image(np.tile(mean, (2, 2, 2, 1)).astype(float), np.eye(4))
    mask = nibabel.Nifti1Image(np.ones((2, 2, 2), np.int8), np.eye(4))
    fitted = first_level(mask, one, events)
    effect = fitted.compute_contrast("pain", output_type="effect_size").get_fdata().mean()
    variance = fitted.compute_contrast("pain", output_type="effect_variance").get_fdata().mean()
    found = em.extract(runs[:1], {"AI": AREAS["AI"]}, t_r=T_R).set_index("condition").loc["pain"]
    assert found.beta == pytest.approx(effect, rel=1e-4)
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-3)


def test_the_mean_of_voxel_variances_is_not_the_variance_of_the_mean(brain, events):
    """Over 40 runs betas scatter as `se` says, not as variances of voxels, or these by number."""
    betas, errors, voxelwise, voxels = [], [], [], 0
    region = inside(brain, AREAS["TPJ"]) & (brain.get_fdata() > 0)
    mask = nibabel.Nifti1Image(region.astype(np.int8), brain.affine)
    for seed in range(40):
        image = series(brain, events, 100 + seed, shared=0.6)
        table = pd.DataFrame({"participant": ["a"], "image": [image], "events": [events]})
        found = em.extract(table, {"TPJ": mask}, t_r=T_R).set_index("condition").loc["pain"]
        betas.append(found.beta)
        errors.append(found.se**2)
        glm = first_level(mask, image, events)
        each = glm.compute_contrast("pain", output_type="effect_variance").get_fdata()[region]
        voxelwise.append(each.mean())
        voxels = int(found.voxels)
    true = np.var(betas, ddof=1)
    assert np.mean(errors) == pytest.approx(true, rel=0.5)
    assert np.mean(voxelwise) > 1.6 * true
    assert np.mean(voxelwise) / voxels < 0.6 * true


def test_maps_keep_their_columns_and_have_no_error(brain):
    rng = np.random.default_rng(1)
    values = np.where(brain.get_fdata() > 0, rng.normal(size=brain.shape), np.nan)
    image = nibabel.Nifti1Image(values, brain.affine)
    table = pd.DataFrame({"participant": ["a", "b"], "condition": ["x", "x"], "image": [image] * 2})
    found = em.extract(table, em.regions())
    assert list(found) == ["participant", "condition", "region", "beta", "voxels"]
    assert len(found) == 2 * em.regions()["region"].nunique()
    ai = em.regions().query("region == 'AI'")
    both = inside(brain, (*ai.iloc[0][["x", "y", "z"]], 8)) | inside(
        brain, (*ai.iloc[1][["x", "y", "z"]], 8)
    )
    expected = np.nanmean(values[both])
    assert found[found.region == "AI"].beta.to_numpy() == pytest.approx([expected] * 2)
    assert found[found.region == "AI"].voxels.iloc[0] == np.isfinite(values[both]).sum()
    named = em.extract(table, ["VS", "AI"])
    assert named.region.unique().tolist() == ["AI", "VS"]


def test_files_of_a_bids_dataset_are_found(tmp_path, runs, events):
    """Derivatives as fMRIPrep names them, with confounds, in two runs."""
    space, name = "MNI152NLin2009cAsym", "task-pain"
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.8.0"}')
    derived = tmp_path / "derivatives"
    derived.mkdir()
    made_by = {"GeneratedBy": [{"Name": "fMRIPrep", "Version": "23.1.0"}]}
    about = json.dumps({"Name": "f", "BIDSVersion": "1.8.0"} | made_by)
    (derived / "dataset_description.json").write_text(about)
    rng = np.random.default_rng(3)
    for person in ("01", "02"):
        for run in ("1", "2"):
            stem = f"sub-{person}_{name}_run-{run}"
            raw = tmp_path / f"sub-{person}" / "func"
            out = derived / f"sub-{person}" / "func"
            raw.mkdir(parents=True, exist_ok=True)
            out.mkdir(parents=True, exist_ok=True)
            events.to_csv(raw / f"{stem}_events.tsv", sep="\t", index=False)
            (raw / f"{stem}_bold.json").write_text('{"RepetitionTime": 2.0}')
            image = runs["image"][int(person) * 2 + int(run) - 3]
            image.to_filename(raw / f"{stem}_bold.nii.gz")
            image.to_filename(out / f"{stem}_space-{space}_desc-preproc_bold.nii.gz")
            side = '{"RepetitionTime": 2.0, "StartTime": 0.0, "SkullStripped": false}'
            (out / f"{stem}_space-{space}_desc-preproc_bold.json").write_text(side)
            motion = pd.DataFrame(
                rng.normal(size=(VOLUMES, 6)),
                columns=[f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"],
            )
            motion.to_csv(
                out / f"{stem}_desc-confounds_timeseries.tsv", sep="\t", index=False, na_rep="n/a"
            )
            (out / f"{stem}_desc-confounds_timeseries.json").write_text("{}")
    found = em.extract(tmp_path, AREAS, task="pain", space=space, confounds=())
    assert found.participant.unique().tolist() == ["sub-01", "sub-02"]
    assert sorted(found.block.unique()) == ["1", "2"]
    direct = em.extract(runs[:4], AREAS, t_r=T_R)
    assert found.beta.to_numpy() == pytest.approx(direct.beta.to_numpy(), abs=1e-6)


def faulty(runs, **changes):
    return runs[:2].assign(**changes)


def test_all_that_is_wrong_is_told_at_once(runs, events, brain, tmp_path):
    with pytest.raises(ValueError, match=r"(?s)sub-1.*no file at .*none\.nii.*sub-2.*no image"):
        text = tmp_path / "text.nii"
        text.write_text("no image")
        em.extract(faulty(runs, image=[tmp_path / "none.nii", text]), AREAS, t_r=T_R)
    with pytest.raises(ValueError, match=r"(?s)Found 4.*sub-1, session 1: region 'far': it lies"):
        em.extract(runs[:2], {"far": (900, 0, 0, 5), "air": (-80, 80, 70, 5)}, t_r=T_R)
    with pytest.raises(
        ValueError, match="2 rows that other rows equal in 'participant', 'session'"
    ):
        em.extract(faulty(runs, participant="a"), AREAS, t_r=T_R)
    with pytest.raises(ValueError, match="no t_r"):
        em.extract(runs[:1], AREAS)
    with pytest.raises(ValueError, match=r"begin after the end of the image \(240 s\).*in seconds"):
        em.extract(
            faulty(runs, events=[events.assign(onset=events.onset * 1000)] * 2), AREAS, t_r=2
        )
    with pytest.raises(ValueError, match="no column 'trial_type'"):
        em.extract(faulty(runs, events=[events.drop(columns="trial_type")] * 2), AREAS, t_r=2)
    with pytest.raises(ValueError, match="1 event without onset or duration"):
        gap = events.assign(duration=events.duration.where(events.index != 3))
        em.extract(faulty(runs, events=[gap, gap]), AREAS, t_r=2)
    with pytest.raises(ValueError, match="2 events without trial_type"):
        gap = events.assign(trial_type=events.trial_type.where(events.index > 1))
        em.extract(faulty(runs, events=[gap, gap]), AREAS, t_r=2)
    with pytest.raises(ValueError, match="119 rows of confounds for 120 volumes"):
        short = pd.DataFrame({"x": np.arange(119.0)})
        em.extract(faulty(runs, confounds=[short, short]), AREAS, t_r=2)
    with pytest.raises(ValueError, match="confounds without a number in some volumes: 'x'"):
        gaps = pd.DataFrame({"x": np.where(np.arange(120) == 7, np.nan, 1.0)})
        em.extract(faulty(runs, confounds=[gaps, gaps]), AREAS, t_r=2)
    with pytest.raises(ValueError, match=r"contrast 'a'.*must be of 'pain', 'touch'"):
        em.extract(runs[:1], AREAS, t_r=2, contrasts={"a": "pian"})
    with pytest.raises(ValueError, match="no region 'Insula'; there are 'AI'"):
        em.extract(runs[:1], "Insula", t_r=2)
    with pytest.raises(ValueError, match="needs x, y, z and a radius"):
        em.extract(runs[:1], {"a": ("x", 0, 0, 6)}, t_r=2)
    with pytest.raises(ValueError, match="not demeaned or standardised"):
        values = runs["image"][0].get_fdata()
        image = nibabel.Nifti1Image(values - values.mean(axis=-1, keepdims=True), brain.affine)
        em.extract(runs[:1].assign(image=[image]), AREAS, t_r=2)
    with pytest.raises(ValueError, match="needs x, y, z and a radius"):
        em.extract(runs[:1], {"a": (1, 2, 3)}, t_r=2)
    with pytest.raises(ValueError, match="must be one volume; found shape"):
        em.extract(runs[:1].drop(columns="events"), AREAS)
    with pytest.raises(ValueError, match="absent: 'participant'"):
        em.extract(runs[["image"]], AREAS)


@pytest.mark.parametrize(
    "images", [None, 7, np.nan, b"beta.nii", {"image": "beta.nii"}, nibabel.Nifti1Image]
)
def test_what_is_no_table_and_no_list_of_images(images, brain):
    alone = nibabel.Nifti1Image(np.ones((2, 2, 2), dtype=np.float32), np.eye(4))
    for given in (images, alone):
        with pytest.raises(TypeError, match=r"images must be a table.*found \w+\. Give one; a"):
            em.extract(given, regions=brain)
        with pytest.raises(TypeError, match=r"images must be a table.*found \w+\. Give one; a"):
            em.signature_scores(given, brain)


def test_regions_at_the_edge_are_told(runs, capsys):
    em.extract(runs[:1], {"edge": (-78, -20, 0, 14)}, t_r=T_R)
    assert "less than half of their voxels, such as 'edge' in" in capsys.readouterr().err
    pair = pd.DataFrame({"region": ["P", "P"], "x": [-40, 400], "y": [22, 22], "z": [0, 0]})
    em.extract(runs[:1], pair.assign(radius=[8, 12]), t_r=T_R)
    assert "less than half of their voxels, such as 'P' in" in capsys.readouterr().err


# ------------------------------------------------------------------------------- signatures


@pytest.fixture(scope="module", params=["positive", "negative", "mixed"])
def weights(request, brain):
    rng = np.random.default_rng(4)
    values = rng.normal(size=brain.shape)
    values = {"positive": np.abs(values), "negative": -np.abs(values), "mixed": values}
    return nibabel.Nifti1Image(values[request.param] * (brain.get_fdata() > 0), brain.affine)


def maps(brain, n=4):
    rng = np.random.default_rng(8)
    mask = brain.get_fdata() > 0
    arrays = [np.where(mask, rng.normal(0.3, 1, brain.shape), 0) for _ in range(n)]
    return [nibabel.Nifti1Image(array, brain.affine) for array in arrays]


@pytest.mark.parametrize("similarity", ["dot", "cosine", "correlation"])
def test_scores_are_what_numpy_gives(brain, weights, similarity):
    images = maps(brain)
    table = pd.DataFrame({"participant": list("abcd"), "image": images})
    scores = em.signature_scores(table, {"care": weights}, similarity=similarity)
    assert list(scores) == ["participant", "signature", "score", "coverage"]
    mask = weights.get_fdata() != 0
    for image, score in zip(images, scores.score, strict=True):
        x, w = image.get_fdata()[mask], weights.get_fdata()[mask]
        expected = {
            "dot": x @ w,
            "cosine": x @ w / np.sqrt((x @ x) * (w @ w)),
            "correlation": np.corrcoef(x, w)[0, 1],
        }[similarity]
        assert score == pytest.approx(expected, abs=1e-9)
    assert scores.coverage.to_numpy() == pytest.approx(1.0)
    assert np.abs(scores.score).min() > 0


@pytest.mark.parametrize("sign", [1, -1])
def test_weights_on_another_grid_keep_their_signs(brain, sign):
    """A smooth map at voxels between its own: the sum is the same, and so is every sign."""
    bump = np.exp(-((np.indices(brain.shape) - 12) ** 2).sum(axis=0) / 30)
    between = brain.affine.copy()
    between[:3, 3] += 3.0
    image = nibabel.Nifti1Image(np.ones(brain.shape), between)
    score = em.signature_scores([image], nibabel.Nifti1Image(sign * bump, brain.affine)).score
    assert score.item() == pytest.approx(sign * bump.sum(), rel=0.02)


def test_a_real_map_expresses_itself_on_any_grid():
    """The map of a motor task that comes with nilearn, and the same on voxels of 6 mm."""
    real = nibabel.load(load_sample_motor_activation_image())
    affine = real.affine.copy()
    affine[:3, :3] = np.diag([6.0, 6.0, 6.0])
    shape = tuple(int(n * abs(real.affine[k, k]) / 6) for k, n in enumerate(real.shape))
    affine[0, 3] = real.affine[0, 3] if real.affine[0, 0] > 0 else real.affine[0, 3] - 6 * shape[0]
    coarse = resample_img(real, affine, shape, "linear", force_resample=True, copy_header=True)
    minus = nibabel.Nifti1Image(-real.get_fdata(), real.affine)
    scores = em.signature_scores([real, coarse], {"a": real, "b": minus}, similarity="cosine")
    assert scores.score.to_numpy() == pytest.approx([1, -1, 0.95, -0.95], abs=0.06)


def test_several_signatures_and_a_mask(brain, weights):
    other = nibabel.Nifti1Image(-weights.get_fdata(), weights.affine)
    half = np.zeros(brain.shape)
    half[: brain.shape[0] // 2] = 1
    mask = nibabel.Nifti1Image(half, brain.affine)
    images = maps(brain, 2)
    scores = em.signature_scores(images, {"a": weights, "b": other}, mask=mask)
    wide = scores.assign(n=[0, 0, 1, 1]).pivot(index="n", columns="signature", values="score")
    assert wide["a"].to_numpy() == pytest.approx(-wide["b"].to_numpy())
    expected = (images[0].get_fdata() * weights.get_fdata() * half).sum()
    assert wide["a"][0] == pytest.approx(expected)


def test_images_that_miss_part_of_a_signature_are_told(brain, weights, capsys):
    values = maps(brain, 1)[0].get_fdata().copy()
    values[: brain.shape[0] // 2] = 0
    score = em.signature_scores([nibabel.Nifti1Image(values, brain.affine)], weights)
    assert 0.3 < score.coverage.item() < 0.7
    assert "1 score of 1 rest on less than 90% of its weight" in capsys.readouterr().err


def test_faults_of_signatures_are_told(brain, weights, runs):
    zero = nibabel.Nifti1Image(np.zeros(brain.shape), brain.affine)
    gap = nibabel.Nifti1Image(np.where(brain.get_fdata() > 0, 1.0, np.nan), brain.affine)
    with pytest.raises(ValueError, match=r"(?s)'a': all weights are 0.*'b': weights that are no"):
        em.signature_scores(maps(brain, 1), {"a": zero, "b": gap})
    far = brain.affine.copy()
    far[:3, 3] += 1000
    with pytest.raises(ValueError, match=r"(?s)Found 2.*image 1: no value where.*image 2: 120 vol"):
        em.signature_scores(
            [nibabel.Nifti1Image(np.ones(brain.shape), far), runs["image"][0]], weights
        )
    with pytest.raises(ValueError, match="at least one image"):
        em.signature_scores([], weights)


# ------------------------------------------------------------------------------- training


def rated(brain, weights, *, people=12, each=8, noise=1.0, seed=2):
    """Images whose ratings follow from smooth weights, people's own levels and noise."""
    rng = np.random.default_rng(seed)
    mask = brain.get_fdata() > 0
    rows = []
    for person in range(people):
        level = rng.normal(0, 0.5)
        for _ in range(each):
            strength = rng.normal()
            values = rng.normal(0, 1, brain.shape) + strength * weights + 3
            image = nibabel.Nifti1Image(np.where(mask, values, 0), brain.affine)
            care = 50 + 10 * (strength + level + noise * rng.normal())
            rows.append({"participant": f"p{person}", "image": image, "care": care})
    return pd.DataFrame(rows)


def bump(brain):
    return np.exp(-((np.indices(brain.shape) - 10) ** 2).sum(axis=0) / 12)


def test_a_planted_signature_is_found_in_new_people(brain):
    table = rated(brain, 3 * bump(brain))
    found = em.train_signature(table, "care", components=40, permutations=19)
    value = found.evaluation
    assert value["r_within"] > 0.5 > value["floor"] > 0
    assert value["p"] == pytest.approx(1 / 20)
    assert value["rmse"] < value["rmse_of_mean"]
    assert 0.7 < value["slope"] < 1.3
    assert 0.82 <= value["coverage"] <= 0.97
    assert np.corrcoef(found.weight_map.get_fdata().ravel(), bump(brain).ravel())[0, 1] > 0.3
    scores = em.signature_scores(table, found.weight_map).score + found.intercept
    assert np.corrcoef(scores, table.care)[0, 1] > 0.7
    assert scores.mean() == pytest.approx(table.care.mean(), abs=1.0)
    again = em.train_signature(table.sample(frac=1, random_state=3), "care", permutations=1)
    assert list(again.predictions) == ["participant", "care", "predicted", "sd"]


def test_where_nothing_is_planted_nothing_is_found(brain):
    """Over 6 studies, few are above the floor."""
    above = []
    for seed in range(6):
        table = rated(brain, 0 * bump(brain), people=6, each=6, seed=100 + seed)
        value = em.train_signature(table, "care", permutations=19).evaluation
        above.append(value["r_within"] > value["floor"])
    assert np.sum(above) <= 2


def test_few_images_do_not_make_it_certain(brain):
    """One image of each of 30 people, and 50 components asked for."""
    table = rated(brain, 3 * bump(brain), people=30, each=1, seed=5)
    value = em.train_signature(table, "care", permutations=9).evaluation
    assert 0.7 <= value["coverage"] <= 1.0
    assert np.isnan(value["r_within"]) and np.isfinite(value["floor"])
    assert value["r"] > value["floor"]


def test_nobody_is_predicted_from_their_own_images(brain):
    """Another rating of one person changes no prediction for this person."""
    table = rated(brain, bump(brain), people=6, each=4)
    own = table.participant == "p2"
    changed = table.assign(care=table.care.where(~own, 0.0))
    first = em.train_signature(table, "care", permutations=1).predictions.predicted
    second = em.train_signature(changed, "care", permutations=1).predictions.predicted
    assert first[own].to_numpy() == pytest.approx(second[own].to_numpy())
    assert np.abs(first[~own] - second[~own]).max() > 1


def test_what_cannot_be_trained_on_is_told(brain):
    table = rated(brain, bump(brain), people=6, each=2)
    with pytest.raises(ValueError, match=r"(?s)Found 2.*1 row of 'care' without.*4 people"):
        few = table[table.participant < "p4"].copy()
        few.loc[few.index[0], "care"] = np.nan
        em.train_signature(few, "care")
    with pytest.raises(ValueError, match="'care' is constant"):
        em.train_signature(table.assign(care=1.0), "care")
    with pytest.raises(ValueError, match="voxels are not those of the first image"):
        moved = nibabel.Nifti1Image(table.image[0].get_fdata(), np.eye(4))
        em.train_signature(table.assign(image=[moved, *table.image[1:]]), "care")
    with pytest.raises(ValueError, match="absent: 'distress'"):
        em.train_signature(table, "distress")
    nothing = nibabel.Nifti1Image(np.zeros(brain.shape), brain.affine)
    with pytest.raises(ValueError, match="no voxel has a value in all images"):
        em.train_signature(table, "care", mask=nothing)


# ------------------------------------------------------------------------------- regions


def test_every_system_has_its_regions():
    table = em.regions()
    assert table.groupby("process").region.nunique().to_dict() == {
        "empathic concern": 3,
        "experience sharing": 4,
        "mentalizing": 4,
    }
    assert (table[table.hemisphere == "left"].x < 0).all()
    assert (table[table.hemisphere == "right"].x > 0).all()
    assert table.source.str.contains("PMID|Neurosynth").all()
    with pytest.raises(ValueError, match="process must be"):
        em.regions("sharing")


def test_regions_are_drawn_in_three_colours_or_by_effect():
    figure = em.plot_regions()
    texts = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert set(em.regions().region) <= texts
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "experience sharing", "mentalizing", "empathic concern",
    ]  # fmt: skip
    figure = em.plot_regions(effects={"AI": 0.4, "VS": -0.1}, label="pain minus touch")
    assert any(axes.get_ylabel() == "pain minus touch" for axes in figure.axes)
    with pytest.raises(ValueError, match="found 'Insula'"):
        em.plot_regions(effects={"Insula": 1.0})
    own = pd.DataFrame({"region": ["$a$"], "x": [1], "y": [2], "z": [3]})
    em.plot_regions(own).canvas.draw()
    assert plt.get_fignums() == []  # a notebook would show an open figure twice


# ------------------------------------------------------------------------------- command line


def exit_code(*arguments):
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    return end.value.code or 0


def test_tables_of_paths_on_the_command_line(runs, brain, events, tmp_path):
    """Paths beside the table, ids as they are written; the same numbers as in Python."""
    folder = tmp_path / "study"
    folder.mkdir()
    rows = ["participant;image;events"]
    for k in range(2):
        runs["image"][k].to_filename(folder / f"run{k}.nii.gz")
        rows.append(f"00{k};run{k}.nii.gz;events.tsv")
    events.to_csv(folder / "events.tsv", sep="\t", index=False)
    (folder / "runs.csv").write_text("\n".join(rows))
    mask = nibabel.Nifti1Image(inside(brain, AREAS["AI"]).astype(np.int8), brain.affine)
    mask.to_filename(folder / "ai.nii")
    out = tmp_path / "regions.csv"
    line = ["extract", folder / "runs.csv", "--t-r", "2", "--mask", f"AI={folder / 'ai.nii'}"]
    assert exit_code(*line, "--out", out) == 0
    found = pd.read_csv(out, dtype={"participant": str})
    assert found.participant.unique().tolist() == ["000", "001"]
    direct = em.extract(runs[:2], {"AI": mask}, t_r=T_R)
    assert found.beta.to_numpy() == pytest.approx(direct.beta.to_numpy(), abs=1e-4)
    maps(brain, 1)[0].to_filename(folder / "map.nii")
    (folder / "maps.csv").write_text("participant,image\n01,map.nii\n")
    scores = tmp_path / "scores.csv"
    line = ["signature_scores", folder / "maps.csv", "--weights", f"ai={folder / 'ai.nii'}"]
    assert exit_code(*line, "--out", scores) == 0
    expected = maps(brain, 1)[0].get_fdata()[inside(brain, AREAS["AI"])].sum()
    assert pd.read_csv(scores).score.item() == pytest.approx(expected, abs=1e-3)


def test_what_the_command_line_refuses(tmp_path, capsys):
    out = str(tmp_path / "out.csv")
    assert exit_code("extract", tmp_path / "none.csv", "--out", out) == 2
    assert "found nothing at" in capsys.readouterr().err
    (tmp_path / "runs.csv").write_text("participant,image,events\na,none.nii,none.tsv\n")
    assert exit_code("extract", tmp_path / "runs.csv", "--t-r", "2", "--out", out) == 2
    assert "no file at" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()
