"""Fit files that are damaged or forged: one clear sentence, and nothing is run or asked for."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.inference import integrity, study_tree
from empathymodels.inference.fits import find_model, model_of

FLIPS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fits")


@pytest.fixture(scope="module")
def netcdf(drawn_fit, folder):
    return em.save(drawn_fit, folder / "fit.nc")


@pytest.fixture(scope="module")
def zarr(drawn_fit, folder):
    return em.save(drawn_fit, folder / "fit.zarr")


def equal(one, other):
    return one.identical(other) and one.attrs == other.attrs


def flipped(content, place, rng):
    return content[:place] + bytes([content[place] ^ (1 << rng.integers(8))]) + content[place + 1 :]


# ------------------------------------------------------------------------------- damage


def test_a_flipped_bit_is_told_or_does_not_matter(netcdf, tmp_path):
    whole, content = em.load(netcdf), netcdf.read_bytes()
    rng = np.random.default_rng(22)
    places = rng.integers(len(content), size=FLIPS).tolist()
    places += range(len(content) - 100, len(content), 7)  # where the seal is
    refused = 0
    for place in places:
        file = tmp_path / "flipped.nc"
        file.write_bytes(flipped(content, place, rng))
        try:
            assert equal(em.load(file), whole), place
        except ValueError as error:
            refused += 1
            assert "the content of flipped.nc is another now" in str(error), place
            assert str(error).endswith("Take another copy, or fit and save again.")
    assert refused >= FLIPS


def test_a_flipped_bit_in_a_folder_is_told_or_does_not_matter(zarr, tmp_path):
    whole, rng = em.load(zarr), np.random.default_rng(23)
    files = sorted(file for file in zarr.rglob("*") if file.is_file())
    refused = 0
    for number in rng.integers(len(files), size=30):
        broken = tmp_path / "flipped.zarr"
        shutil.copytree(zarr, broken)
        file = broken / files[number].relative_to(zarr)
        content = file.read_bytes()
        file.write_bytes(flipped(content, rng.integers(len(content)), rng))
        try:
            assert equal(em.load(broken), whole), file
        except ValueError as error:
            refused += 1
            assert "flipped.zarr" in str(error)
            assert "fit and save again" in str(error)
        shutil.rmtree(broken)
    assert refused >= 25


@pytest.mark.parametrize("left", [0, 7, 600, 5000, -1, -200])
def test_a_file_that_was_cut_is_told(netcdf, tmp_path, left):
    whole, file = em.load(netcdf), tmp_path / "cut.nc"
    file.write_bytes(netcdf.read_bytes()[:left])
    if left == -1:  # of the seal alone
        assert equal(em.load(file), whole)
        return
    with pytest.raises(ValueError, match=r"cut\.nc cannot be read as such: .+\. Give the file"):
        em.load(file)


@pytest.mark.parametrize("signature", [b"\x89HDF", b"OHDR", b"GCOL", b"FRHP", b"OCHK"])
def test_damage_is_told_where_there_is_no_seal(netcdf, tmp_path, signature):
    """As in files of earlier versions: the libraries' errors become one sentence."""
    content, file = netcdf.read_bytes()[: -integrity.LENGTH], tmp_path / "old.nc"
    if signature not in content:
        pytest.skip("the library writes none of these")
    file.write_bytes(content.replace(signature, b"gone", 1))
    with pytest.raises(ValueError, match=r"old\.nc cannot be read as such: .+\. Give"):
        em.load(file)


def test_a_folder_that_lost_a_file_is_told(zarr, tmp_path):
    for place in ("zarr.json", "posterior/zarr.json", "posterior/slope/c/0/0/0", "study"):
        broken = tmp_path / "lost.zarr"
        shutil.copytree(zarr, broken)
        (shutil.rmtree if (broken / place).is_dir() else type(broken).unlink)(broken / place)
        with pytest.raises(ValueError, match=r"lost\.zarr .*fit and save again"):
            em.load(broken)
        shutil.rmtree(broken)


def test_fits_without_a_seal_are_read(netcdf, drawn_fit, tmp_path):
    file = tmp_path / "unsealed.nc"
    file.write_bytes(netcdf.read_bytes()[: -integrity.LENGTH])
    assert equal(em.load(file), em.load(netcdf))
    drawn_fit.to_netcdf(tmp_path / "by_hand.nc", engine="h5netcdf")
    assert em.load(tmp_path / "by_hand.nc")["posterior"].identical(em.load(netcdf)["posterior"])


def test_other_programs_read_a_sealed_file(netcdf, zarr):
    for path, how in ((netcdf, {"engine": "h5netcdf"}), (zarr, {"consolidated": False})):
        with xr.open_datatree(path, **how) as found:
            assert "slope" in found["posterior"]
    with h5py.File(netcdf) as found:
        assert found["posterior/slope"].shape == (1, 10, 24)


# -------------------------------------------------------------------------- absurd sizes


def unseal(path, change):
    """Change a file as somebody who makes a seal of their own."""
    if path.suffix == ".nc":
        path.write_bytes(path.read_bytes()[: -integrity.LENGTH])
        with h5py.File(path, "a") as stored:
            change(stored)
    else:
        change(path)
    integrity.seal(path)


BIG = 2**33


def a_big_variable(stored):
    del stored["posterior/noise"]
    stored.create_dataset("posterior/noise", (1, BIG), "f8", chunks=(1, 10))


def a_big_coordinate(stored):
    del stored["posterior/participant"]
    scale = stored.create_dataset("posterior/participant", (BIG,), "f8", chunks=(10,))
    scale.make_scale("participant")


def a_big_chunk(stored):
    del stored["posterior/noise"]
    stored.create_dataset("posterior/noise", (1, 10), "f8", chunks=(1, 2**28), maxshape=(1, None))


def a_long_text(stored):
    del stored["posterior/noise"]
    stored.create_dataset("posterior/noise", (1, 10), "S1000000000")


@pytest.mark.parametrize("forge", [a_big_variable, a_big_coordinate, a_big_chunk, a_long_text])
def test_no_memory_is_asked_for_by_a_small_file(netcdf, tmp_path, monkeypatch, forge):
    path = tmp_path / "small.nc"
    shutil.copy(netcdf, path)
    unseal(path, forge)
    monkeypatch.setattr(xr, "open_datatree", None)  # nothing is opened
    with pytest.raises(ValueError, match=r"small\.nc has \d+ kB and says that it holds [\d,.]+ GB"):
        em.load(path)


def test_a_chunk_that_gets_its_final_name_meanwhile_is_no_fault(zarr, tmp_path, monkeypatch):
    """The sampler writes a chunk beside its place and moves it there while draws are judged."""
    shutil.copytree(zarr, path := tmp_path / "growing.zarr")
    written = (path / "posterior" / "noise" / "c").rglob("*")
    chunk = next(file for file in written if file.is_file())
    staged = chunk.rename(chunk.with_name(f"{chunk.name}#1"))
    found, stat = [], Path.stat

    def moved(file, **how):
        if file == staged and not found:
            found.append(file.rename(chunk))
        return stat(file, **how)

    monkeypatch.setattr(Path, "stat", moved)
    assert integrity.absurd_size(path, growing=True) == ""
    assert found == [chunk]


@pytest.mark.parametrize("key", ["shape", "chunk"])
@pytest.mark.parametrize(
    "array", ["posterior/noise", "posterior/participant", "study/trials/trial"]
)
def test_no_memory_is_asked_for_by_a_small_folder(zarr, tmp_path, monkeypatch, array, key):
    path = tmp_path / "small.zarr"
    shutil.copytree(zarr, path)

    def forge(path):
        file = path / array / "zarr.json"
        about = json.loads(file.read_text())
        if key == "shape":
            about["shape"][-1] = BIG
        else:
            about["chunk_grid"]["configuration"]["chunk_shape"][-1] = BIG
        file.write_text(json.dumps(about))

    unseal(path, forge)
    monkeypatch.setattr(xr, "open_datatree", None)
    with pytest.raises(
        ValueError, match=r"small\.zarr has \d+ kB and says that it holds [\d,.]+ G"
    ):
        em.load(path)


def test_a_fit_beyond_this_machine_is_told(netcdf, monkeypatch):
    monkeypatch.setattr(integrity, "_memory", lambda: 1000)
    with pytest.raises(ValueError, match="this machine has 1 kB of memory"):
        em.load(netcdf)


# ----------------------------------------------------------------- what a file says of itself


def forged(fit, path, **attributes):
    other = fit.copy()
    other.attrs = fit.attrs | attributes
    return em.save(other, path)


def settings(**given):
    plain = {"draws": 9, "tune": 9, "chains": 1, "target_accept": 0.8, "sampler": {}}
    return json.dumps(plain | given)


FORGED = {
    "model": ["../../evil", "a/b", "", "x" * 300, "a\\b"],
    "seed": ["one"],
    "method": ["magic"],
    "variant": ["", "{", "{}", "null", "3", "[" * 100_000],
    "versions": ["[]", "{}", '{"empathymodels": 1}'],
    "settings": [
        *[
            "[]",
            "{}",
            "3",
            '{"draws": 9}',
            settings(sampler=[]),
            settings(sampler={"zarr_store": "/tmp/x"}),
        ],
        *[settings(sampler={"step": [1]}), settings(tune="many"), settings(chains=None)],
        *[settings(target_accept=None), settings(draws=[9]), settings(draws=True)],
        *[settings(chains=0), settings(tune=-1), settings(draws=0.5), settings(chains=2.0)],
        *[settings(target_accept=1.0), settings(target_accept=float("nan"))],
    ],
    "covariates": ["[]", '{"slope": 3}', '{"slope": ["age"]}'],
    "declarations": ["[]", "{}", '{"references": [{"citation": "x"}]}', '{"references": 3}'],
    "missing": ["3", '{"trials.rating": "many"}', '{"trials.rating": {"a": 1}}'],
    "left_out": ['{"rating": 1}'],
    "held": ["[]", '{"slope": 1}', '{"slope": null}'],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in FORGED.items() for value in values]
)
def test_what_a_fit_says_of_itself_is_of_the_kind_that_is_read(drawn_fit, tmp_path, name, value):
    path = forged(drawn_fit, tmp_path / "forged.nc", **{name: value})
    with pytest.raises(ValueError, match=rf"in forged\.nc it does not in '{name}'\. Take another"):
        em.load(path, trust_source=True)


EVIL = [
    ["__init__", ["rated_pain"]],
    ["__class__", []],
    ["vary", [["fix", {}]]],
    ["_holding", {"slope": 0}],
    ["with_priors", {"slope": {"location": {"dist": "sample"}}}],
]


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
@pytest.mark.parametrize("change", EVIL)
def test_a_stored_variant_calls_nothing_but_variants(
    drawn_fit, tmp_path, own_model, change, suffix
):
    path = forged(drawn_fit, tmp_path / f"evil{suffix}", variant=json.dumps([change]))
    before = own_model.title
    with pytest.raises(ValueError, match=r"changed in 'rated_pain'.*A variant is made by 'fix'"):
        em.load(path, model=own_model.source)
    assert em.get_model(own_model.source).title == before


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        ({"dist": "Normal", "kwargs": {"mu": 0, "sigma": -1}}, "must be possible"),
        ({"dist": "Normal", "kwargs": {"mu": 0, "lam": [1]}}, "rated_pain"),
        ({"dist": "Normal", "kwargs": {"mean": 0}}, "not a subset"),
        ({"dist": "Gone", "kwargs": {}}, "A variant is made by"),
    ],
)
def test_a_stored_prior_that_is_impossible_is_told(drawn_fit, tmp_path, own_model, prior, said):
    variant = json.dumps([["with_priors", {"slope": {"location": prior}}]])
    path = forged(drawn_fit, tmp_path / "old.nc", variant=variant)
    with pytest.raises(ValueError, match="What was changed in 'rated_pain' for this fit") as told:
        em.load(path, model=own_model.source)
    assert said in str(told.value)
    assert str(told.value).endswith("else fit again.")


def test_a_stored_change_of_what_is_gone_is_told(drawn_fit, own_model):
    for change in (["rival", "gone"], ["fix", {"gone": 1.0}], ["fix", {"noise": 40.0}]):
        other = drawn_fit.copy()
        other.attrs = drawn_fit.attrs | {"variant": json.dumps([change])}
        with pytest.raises(ValueError, match=r"must be possible with the model as it is here"):
            find_model(other)


# ---------------------------------------------------------------------------- studies in files


def damaged_study(fit, change):
    other = fit.copy()
    study = fit["study"].copy(deep=True)
    change(study)
    other["study"] = study
    return other


def no_columns(study):
    del study["trials"].attrs["columns"]


def other_columns(study):
    study["trials"].attrs["columns"] = '["participant", "absent"]'


def codes_beyond_labels(study):
    study["trials"]["participant"][0] = 500


def codes_below_missing(study):
    study["trials"]["participant"][0] = -7


def no_labels(study):
    study["trials"]["participant"].attrs["labels"] = "3"


def no_participants(study):
    del study["trials"]["participant"]


def no_name(study):
    del study.attrs["name"]


@pytest.mark.parametrize(
    "change",
    [
        no_columns,
        other_columns,
        codes_beyond_labels,
        codes_below_missing,
        no_labels,
        no_participants,
        no_name,
    ],
)
def test_a_study_that_cannot_be_read_is_told(drawn_fit, tmp_path, change):
    path = em.save(damaged_study(drawn_fit, change), tmp_path / "fit.nc")
    with pytest.raises(ValueError, match=r"that of fit\.nc cannot be read: .+ Take another copy"):
        em.load(path)


def test_a_stored_type_asks_for_no_memory(drawn_fit, tmp_path):
    def long_texts(study):
        study["trials"]["participant"].attrs["column_dtype"] = "U2000000000"
        study["trials"]["trial"].attrs["column_dtype"] = "S2000000000"

    path = em.save(damaged_study(drawn_fit, long_texts), tmp_path / "fit.nc")
    study = study_tree.study_from_tree(em.load(path)["study"])
    assert study.trials["participant"].iloc[0] == "P01"
    assert study.trials["trial"].iloc[0] == 1


def test_what_is_saved_is_what_was_fitted(netcdf, zarr, drawn_fit, own_model):
    for path in (netcdf, zarr):
        again = em.load(path, model=own_model.source)
        assert integrity.SEALED not in again.attrs
        assert model_of(again) is not None
        assert again["posterior"].to_dataset().equals(drawn_fit["posterior"].to_dataset())


# ------------------------------------------------------------------------------ other content


def in_circles(stored):
    stored["posterior/again"] = stored["/"]


def twice(stored):
    stored["study_too"] = stored["study"]


def from_elsewhere(stored):
    stored["elsewhere"] = h5py.ExternalLink("/etc/hostname", "/")


def by_name(stored):
    stored["study/names"] = h5py.SoftLink("/posterior")


def within_others(stored):
    stored.create_group("/".join("abcdefghijklmnopqrstuvwxyz"))


@pytest.mark.parametrize("edit", [in_circles, twice, from_elsewhere, by_name, within_others])
def test_links_and_endless_groups_are_refused_at_once(netcdf, tmp_path, edit):
    file = tmp_path / "linked.nc"
    file.write_bytes(netcdf.read_bytes()[: -integrity.LENGTH])
    with h5py.File(file, "r+") as stored:
        edit(stored)
    with pytest.raises(ValueError, match=r"linked\.nc cannot be read as such: .*(link|deep)"):
        em.load(file)


def test_endless_groups_of_a_folder_are_refused(zarr, tmp_path):
    deep = tmp_path / "deep.zarr"
    shutil.copytree(zarr, deep)
    place = deep
    for name in "abcdefgh":
        place = place / name
        place.mkdir()
        (place / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    root = json.loads((deep / "zarr.json").read_bytes())
    del root["attributes"][integrity.SEALED]
    (deep / "zarr.json").write_text(json.dumps(root))
    with pytest.raises(ValueError, match=r"deep\.zarr cannot be read as such: .*deep at most"):
        em.load(deep)


@pytest.mark.parametrize("values", [None, 1.5, [b"many"], np.zeros((2, 3, 4))])
def test_a_posterior_without_draws_is_told(netcdf, tmp_path, values):
    file = tmp_path / "other.nc"
    file.write_bytes(netcdf.read_bytes()[: -integrity.LENGTH])
    with h5py.File(file, "r+") as stored:
        del stored["posterior" if values is None else "posterior/slope"]
        if values is not None:
            stored["posterior/slope"] = values
    with pytest.raises(ValueError, match=r"other\.nc (holds|cannot be read)"):
        em.load(file)
