"""Adapters of open studies on small made-up files of the same format: their traps are met."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from empathymodels.study.open_studies import OPEN_STUDIES
from empathymodels.study.open_study import file_name
from empathymodels.study.published import dvs_2024, fareri_2022, tamm_2017


def table_of(text):
    """Rows of a text, of which cells are parted by spaces and "." is nothing."""
    return pd.read_csv(StringIO(text), sep=r"\s+", dtype=str, na_values=["."]).fillna("")


@pytest.fixture
def read(tmp_path):
    """Read a study from texts by file name."""

    def read(name, texts):
        for file, content in texts.items():
            text = content if isinstance(content, str) else None
            if text is None:
                separator = "\t" if file.endswith(".tsv") else ","
                content.to_csv(tmp_path / file, sep=separator, index=False)
            else:
                (tmp_path / file).write_text(text)
        source = OPEN_STUDIES[name]
        return source.read(source.located(tmp_path))

    return read


# ------------------------------------------------------------------------------ trust games

RUNS = {
    "sub-104_task-trust_run-01_events.tsv": """
        trial_type                response_time trust_value choice cLow cHigh
        choice_computer           1.86          0           low    0    4
        choice_friend             1.76          8           high   2    8
        outcome_friend_recip      1.76          8           high   2    8
        missed_trial              3.00          n/a         n/a    4    8
        choice_stranger           1.70          4           low    4    8
        outcome_stranger_defect   1.70          4           low    4    8
        choice_friend             1.10          2           high   0    2
        """,
    "sub-104_task-trust_run-02_events.tsv": """
        trial_type                response_time trust_value choice cLow cHigh
        outcome_friend_defect     1.10          2           high   0    2
        choice_computer           1.50          8           high   4    8
        outcome_friend_recip      1.50          8           high   4    8
        """,
    "sub-204_task-trust_run-01_events.tsv": """
        trial_type                response_time trust_value choice cLow cHigh
        choice_friend             1.10          2           low    2    4
        outcome_friend_recip      1.10          2           low    2    4
        """,
}
SCANNED = """
    participant_id age sex group
    sub-104        20  M   control
    """


@pytest.fixture
def trust(read, monkeypatch):
    paths = tuple(f"bids/func/{name}" for name in RUNS)
    events = replace(fareri_2022.EVENTS, paths=paths)
    monkeypatch.setattr(fareri_2022, "EVENTS", events)
    source = replace(OPEN_STUDIES["fareri_2022"], tables=(events,))
    monkeypatch.setitem(OPEN_STUDIES, "fareri_2022", source)
    texts = {name: table_of(text) for name, text in RUNS.items()}
    return read("fareri_2022", texts | {"participants.tsv": table_of(SCANNED)})


def test_what_came_back_is_in_the_next_row_of_the_run_and_the_partner(trust):
    trials = trust.trials
    assert trials["choice"].tolist() == [0, 1, 0, 1, 1, 0]
    shown = [np.nan, 1.0, 0.0, np.nan, np.nan, 1.0]
    np.testing.assert_array_equal(trials["returned"], shown)
    assert trials["low"].tolist() == [0, 2, 4, 0, 4, 2]


def test_missed_trials_count_but_are_left_out(trust):
    assert trust.trials["trial"].tolist() == [1, 2, 4, 5, 6, 1]
    assert trust.trials["run"].tolist() == [1, 1, 1, 1, 2, 1]
    assert "left out 1 missed trials" in trust.log[0]


def test_of_a_pair_each_is_the_others_friend(trust):
    people = trust.participants.set_index("participant")
    assert people["role"].to_dict() == {"104": "scanned", "204": "friend"}
    assert people["pair"].nunique() == 1
    assert people["age"].tolist()[0] == 20 and np.isnan(people["age"].iloc[1])


def test_connectivity_is_standardised_within_people(read):
    header = "participant_id,age,sex,C_def,C_rec,F_def,F_rec,S_def,S_rec\n"
    texts = {
        fareri_2022.NETWORKS["DMN"]: header
        + "sub-1,20,M,1,5,3,5,2,5\nsub-2,70,F,101,8,103,2,102,2\n",
        fareri_2022.NETWORKS["ECN"]: header + "sub-1,20,M,0,1,0,3,3,5\nsub-2,70,F,1,1,1,1,4,7\n",
    }
    study = read("fareri_2022_connectivity", texts)
    table = study.trials.sort_values(["participant", "motive"])
    assert table["partner"].tolist() == ["computer", "stranger", "friend"] * 2
    shift = np.array([-1, 0, 1] * 2)
    np.testing.assert_allclose(table["ACC_to_AI"], shift / shift.std(ddof=1))
    for name in fareri_2022.CONNECTIONS:
        np.testing.assert_allclose(table.groupby("participant")[name].mean(), 0, atol=1e-12)
        assert table[name].std() == pytest.approx(1)
    assert study.participants["age"].tolist() == [20, 70]


# ------------------------------------------------------------------- pictures of hands in pain

VISITS = {
    "sub-9001_ses-1_task-hands_events.tsv": """
        onset event_type trial_number condition picture_number unpleasantness_rating
        1     Picture    0            Pain      7              n/a
        2     Rate       0            Pain      7              64
        3     Rate       1            No_Pain   21             0
        4     Rate       0            Pain      8              100
        """,  # trials begin anew, and the picture's row has no rating
    "sub-9001_ses-2_task-hands_events.tsv": """
        onset event_type trial_number condition picture_number unpleasantness_rating
        2     Rate       0            Pain      9              50
        """,
    "sub-9066_ses-1_task-hands_events.tsv": """
        onset condition
        4     Nopain
        9     Rate
        """,
}
PEOPLE = """
    participant_id Sex  AgeGroup IRI_EC IRI_PT IRI_PD IRI_F Sl_cond SleepDeprivedSession1 Height
    sub-9001       Male Young    3,5    4,1    1,2    2,4   2       Surely                180,5
    sub-9066       Male Old      3,5    .      1,2    2,4   1       Surely                170,0
    """


@pytest.fixture
def hands(read, monkeypatch):
    events = replace(tamm_2017.EVENTS, paths=tuple(VISITS))
    monkeypatch.setattr(tamm_2017, "EVENTS", events)
    source = replace(OPEN_STUDIES["tamm_2017"], tables=(events, tamm_2017.PEOPLE))
    monkeypatch.setitem(OPEN_STUDIES, "tamm_2017", source)
    texts = {name: table_of(text) for name, text in VISITS.items()}
    return read("tamm_2017", texts | {"participants.tsv": table_of(PEOPLE)})


def test_only_ratings_are_kept_and_counted_within_visits(hands):
    trials = hands.trials
    assert trials["rating"].tolist() == [64, 0, 100, 50]
    assert trials["trial"].tolist() == [1, 2, 3, 1]
    assert trials["pain"].tolist() == [1, 0, 1, 1]
    assert "kept 4 of 7 rows of events: those with a rating" in hands.log


def test_sleep_is_what_it_was_and_not_what_was_guessed(hands):
    assert hands.trials["sleep"].tolist() == ["normal"] * 3 + ["restricted"]
    assert "SleepDeprivedSession1" not in hands.participants


def test_people_have_decimal_commas_and_ratings(hands):
    assert hands.participants["participant"].tolist() == ["9001"]
    assert hands.participants["IRI_EC"].tolist() == [3.5]
    assert "left out 1 people without ratings" in hands.log


# ----------------------------------------------------------------------------- shared rewards


@pytest.fixture
def rewards():
    """Three rated people and two scanned ones, one of them without ratings."""
    asked = [(3, 0), (2, 0), (1, 0), (3, 1), (2, 1), (1, 1)]  # friend first, wins first
    rows = [
        (k + 1, partner, trait, 1, k, 10 * person + k, 100 + person)
        for person in range(3)
        for k, (partner, trait) in enumerate(asked)
    ]
    columns = ["trial", "partner", "trait", "ran", "order", "response", "sub"]
    ratings = pd.DataFrame(rows, columns=columns)
    aged = ratings.assign(age=ratings["sub"].map({100: 20.0, 102: 30.0}))
    texts = {
        "combined_logs-edited.csv": ratings,
        "combined_logs_with_age.csv": pd.concat([aged, aged]),  # some were asked twice
        "participants.tsv": table_of("participant_id age sex group\nsub-10007 66 F control"),
        "basic-model.csv": "sub,ones,age,study,path\n10007,1,25.999999999,1,a\n100,1,-20.0,0,b\n",
    }
    return texts | {name: f"{k}.5\n{k}.25\n" for k, name in enumerate(dvs_2024.BETAS.values())}


def test_ratings_have_the_partner_and_the_outcome_of_their_codes(read, rewards):
    trials = read("dvs_2024", rewards).trials
    first = trials[trials["participant"] == "100"].set_index(["partner", "win"])["rating"]
    assert first["friend", 1] == 0 and first["computer", 1] == 2
    assert first["friend", 0] == 3 and first["computer", 0] == 5
    assert trials.groupby("participant").size().tolist() == [6, 6, 6, 6]
    assert trials.loc[trials["participant"] == "10007", "rating"].isna().all()


def test_betas_are_of_the_people_of_the_group_model(read, rewards):
    study = read("dvs_2024", rewards)
    betas = study.regions.merge(study.trials, on=["participant", "trial"])
    assert len(betas) == 12
    cells = betas.set_index(["participant", "partner", "win"])["beta"]
    for k, cell in enumerate(dvs_2024.BETAS):
        assert cells["10007", *cell] == k + 0.5
        assert cells["100", *cell] == k + 0.25
    rewards[dvs_2024.BETAS["friend", 1]] = "1.0\n"
    with pytest.raises(ValueError, match=r"a line for each of the 2 people .* found 1"):
        read("dvs_2024", rewards)


def test_age_comes_from_wherever_it_is_known(read, rewards):
    people = read("dvs_2024", rewards).participants.set_index("participant")
    assert people["age"].to_dict() == pytest.approx(
        {"100": 20, "101": np.nan, "102": 30, "10007": 66}, nan_ok=True
    )
    rewards["participants.tsv"] = table_of("participant_id age sex group\nsub-10008 50 F control")
    people = read("dvs_2024", rewards).participants.set_index("participant")
    assert people.loc["10007", "age"] == pytest.approx(66)  # 26 above a mean of 40
    assert people["cohort"].to_dict()["10007"] == "RF1"
    assert people["cohort"].to_dict()["100"] == "SRNDNA"


# ---------------------------------------------------------------- stories, cues and gambles


def test_what_people_wrote_stays_behind(read):
    text = (
        '"message_id","response_id","article_id","empathy","distress","essay"\n'
        '"R_9b_1","R_9b","67","5.667","4.375","sad, and ""angry""\nin two lines"\n'
        '"R_9b_2","R_9b","86","4.833","4.875","sad"\n'
        '"R_1a_1","R_1a","67","1.000","1.000",""\n'
    )
    study = read("buechel_2018", {"messages.csv": text})
    assert list(study.trials) == ["story", "concern", "distress", "participant", "trial"]
    assert study.trials["participant"].tolist() == ["2", "2", "1"]
    assert study.trials["trial"].tolist() == [1, 2, 1]
    assert study.trials["concern"].tolist() == [5.667, 4.833, 1.0]


def test_who_was_fitted_has_enough_trials_and_all_visits(read):
    columns = "src_subject_id,session_id,param_run_num,trial_index_runwise,param_cue_type,"
    columns += "param_stimulus_type,event02_expect_angle,event04_actual_angle\n"

    def rows(person, *visits):
        cells = [(visit, run, k) for visit in visits for run in (-2, 5) for k in range(8)]
        return "".join(f"{person},{v},{r},{k},low_cue,med_stim,10,20\n" for v, r, k in cells)

    file = file_name(next(iter(OPEN_STUDIES["jung_2023_own"].files)))
    text = columns + rows(7, 1, 3, 4) + rows(8, 1, 3) + rows(9, 1, 3, 4).rsplit("9,", 1)[0]
    study = read("jung_2023_own", {file: text})
    included = study.participants.set_index("participant")["included"]
    assert included.to_dict() == {"7": 1, "8": 0, "9": 0}
    assert len(study.trials) == 48 + 32 + 47


def test_scales_belong_to_people_and_not_to_the_gambles_beside_them(read):
    columns = "Subject,SubName,Condition,Sex,Age,Response,RT,Amount1,Amount2,Certain,Include,"
    columns += "IRI_Total,IRI_EC,IRI_PT,IRI_distress,IRI_fantasy,MPSS_Total,MPSS_friend,RSE\n"
    rows = [
        "1,153,0,1,19,1,560,10,0,6,1,56,20,13,7,16,72,25,17",
        "1,153,1,1,19,,,9,-15.75,0,1,48,16,12,8,12,62,21,23",  # of 160, not of 153
        "9,160,-1,0,20,0,300,9,-2,0,0,,,,,,,,",  # with another's number
        "8,160,-1,0,20,,0,9,-2,0,0,,,,,,,,",
    ]
    file = file_name(next(iter(OPEN_STUDIES["fareri_2021"].files)))
    study = read("fareri_2021", {file: columns + "\n".join(rows) + "\n"})
    people = study.participants.set_index("participant")
    assert people["IRI_EC"].to_dict() == {"153": 20, "160": 16}
    assert people["Sex"].to_dict() == {"153": "female", "160": "male"}
    assert "IRI_EC" not in study.trials
    assert study.trials["recipient"].tolist() == ["self", "stranger", "friend", "friend"]
    assert study.trials["participant"].tolist() == ["153", "153", "160", "160"]
    assert study.trials["loss"].tolist() == [0, 15.75, 2, 2]
    np.testing.assert_array_equal(study.trials["gamble"], [1, np.nan, 0, np.nan])
    np.testing.assert_array_equal(study.trials["response_time"], [0.56, np.nan, 0.3, np.nan])
