"""From tables to results: what is asked, what is refused in which words, what may be had."""

import io
import re
from html import unescape

import pandas as pd
import pytest

import empathymodels as em
from app.stand_ins import ESTIMATES, HOSTILE, MATCHED, OWN, PICTURE, SLEEPING, STAND_IN
from empathymodels.app import data_step, site
from empathymodels.app import script as scripts
from empathymodels.app.desk import Desk
from empathymodels.app.guard import POLICY, REPORT_POLICY
from empathymodels.declaration.recorded import by_recording


def address_of(answer):
    return re.match(r"/session/[0-9a-f]{16}", answer.url.path)[0]


def chosen(text, field):
    """The column whose option is selected in a field."""
    options = text.split(f'name="{field}"')[1].split("</select>")[0]
    found = re.findall(r"<option [^>]* selected>(.*?)(?: \([^<]*\))?</option>", options, re.DOTALL)
    return unescape(found[0]) if found else ""


def fault(answer):
    assert answer.status_code == 422
    return answer.text.split('id="fault">')[1].split("</div>")[0]


# -------------------------------------------------------------------------- data and model


def test_models_and_studies_are_listed(client):
    text = client.get("/").text
    assert f"<footer>empathymodels {em.__version__}." in text
    assert '<option value="prosocial_effort">prosocial effort: ' in text
    assert '<option value="effort_for_others">effort for others' in text
    for field in re.findall(r'<(?:input|select) [^>]*id="([^"]+)"', text):
        assert f'<label for="{field}">' in text, field


def test_models_are_found_by_what_was_recorded(client, monkeypatch):
    names = ("prosocial_effort", "outgroup_help_learning")
    found = list(map(em.get_model, names))
    monkeypatch.setattr(Desk, "by_recording", by_recording(found))
    text = client.get("/models").text
    choices = text.split(">I have choices</h2>")[1].split("</section>")[0]
    assert 'href="/?model=prosocial_effort"' in choices and "outgroup" not in choices
    assert "1: worked; 0: rested" in choices and "It needs: reward, effort, recipient." in choices
    ratings = text.split(">I have ratings</h2>")[1].split("</section>")[0]
    assert 'href="/?model=outgroup_help_learning"' in ratings
    start = client.get("/", params={"model": "outgroup_help_learning"}).text
    assert '<option value="outgroup_help_learning" selected>' in start
    assert '<a href="/models">' in start
    assert " selected" not in client.get("/", params={"model": HOSTILE}).text.split("Model")[1]


def test_names_that_agree_are_chosen_already(begin, messy):
    answer = begin(messy)
    assert answer.url.path.endswith("/columns")
    columns = {"trial": "trial", "reward": "reward", "recipient": "recipient", "participant": ""}
    found = {name: chosen(answer.text, f"trials.{name}.column") for name in columns}
    assert found == columns
    assert "who gets the reward" in answer.text  # what the card says
    assert "(1, 2)</option>" in answer.text  # values of the file
    table = pd.read_csv(io.BytesIO(messy)).rename(
        columns={"Subject No": "PARTICIPANT", "trial": "Trial_"}
    )
    text = begin(table.to_csv(index=False).encode()).text
    assert chosen(text, "trials.participant.column") == "PARTICIPANT"
    assert chosen(text, "trials.trial.column") == "Trial_"


@pytest.mark.parametrize(
    "name",
    [
        "../../x.csv",
        "..\\..\\x.csv",
        "/etc/x.csv",
        f"{HOSTILE}.csv",
        "trials.csv",
        ".csv",
        "x\x00.csv",
    ],
)
def test_names_of_uploads_are_never_paths(begin, messy, sessions, name):
    answer = begin(messy, name)
    (session,) = sessions
    kept = session.choices["files"]["trials"]["file"]
    assert re.fullmatch(r"trials_[0-9a-f]{12}\.csv", kept)
    assert {file.name for file in session.folder.iterdir()} == {kept, "choices.json"}
    assert list(sessions.folder.parent.glob("*.csv")) == []
    assert HOSTILE not in answer.text


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"a,b\n1,2\n", "data.xlsx", "must be .csv, .tsv or .txt files; found 'data.xlsx'"),
        (b"a,b\x00\n1,2\n", "data.csv", "null characters"),
        (b"", "my data.csv", "'my data.csv'"),
    ],
)
def test_files_that_cannot_be_read_are_told_and_not_kept(begin, sessions, content, name, says):
    answer = begin(content, name)
    assert says in fault(answer).replace("&#39;", "'")
    assert str(sessions.folder) not in answer.text
    assert list(sessions) == [] and list(sessions.folder.glob("*/*")) == []


@pytest.mark.parametrize(
    "form", [{"model": "prosocial_effort"}, {"model": "../x"}, {"study": "/etc", "model": "x"}, {}]
)
def test_a_study_and_a_model_must_be_chosen(client, form):
    assert "hoose" in fault(client.post("/", data=form))


def test_encodings_other_than_utf_8(begin, client, messy):
    table = messy.decode().replace("Choice", "Entscheidung für").encode("cp1252")
    text = begin(table).text  # found out
    assert "Entscheidung für" in text and "Letters are read as cp1252." in text
    assert "Letters are read" not in begin(table.decode("cp1252").encode()).text
    assert "Entscheidung für" in begin(table.decode("cp1252").encode("utf-16")).text
    said = unescape(fault(begin(table, encoding="utf-8")))
    assert "cannot be read" in said and "cp1252, under 'Letters are written in'" in said
    assert "of the list" in fault(begin(table, encoding="utf-7"))


# --------------------------------------------------------------------------------- columns


def test_the_study_says_itself_what_is_wrong(client, begin, messy):
    address = address_of(begin(messy, "my export.csv"))
    answer = client.post(f"{address}/columns", data=MATCHED | {"trials.recipient.codes": ""})
    assert "'recipient' of trials must be one of 'self', 'other'" in unescape(fault(answer))
    # what was chosen is still there
    assert chosen(answer.text, "trials.participant.column") == "Subject No"
    answer = client.post(f"{address}/columns", data={"trials.trial.column": "1"})
    assert "participant" in fault(answer)
    answer = client.post(f"{address}/columns", data=MATCHED | {"trials.recipient.codes": "1"})
    assert "CODE=MEANING" in fault(answer)
    assert client.get(f"{address}/plan").status_code == 422  # which asks for columns again


@pytest.mark.parametrize("choice", ["../x", "Choice", "6", "-1", "\u0665", "05"])
def test_columns_that_are_not_in_the_file_are_refused(client, begin, messy, choice):
    assert messy.decode().splitlines()[0].split(",") == list(OWN)
    address = address_of(begin(messy))
    # a column that may be left out, too
    for field in ("trials.work.column", "trials.session.column"):
        answer = client.post(f"{address}/columns", data=MATCHED | {field: choice})
        said = unescape(fault(answer))
        assert "by its position from 0 to 5" in said and f"for '{field}'" in said
        assert chosen(answer.text, "trials.reward.column") == "reward"


@pytest.mark.parametrize("name", ["Work\n(0 or 1)", "Work\r\n\tchosen ", '"Work", <b>&amp;'])
def test_columns_are_chosen_whatever_their_names_hold(client, begin, messy, sessions, name):
    table = pd.read_csv(io.BytesIO(messy)).rename(columns={"Choice": name})
    address = address_of(begin(table.to_csv(index=False).encode()))
    (session,) = sessions
    own = list(session.choices["files"]["trials"]["columns"])
    answer = client.post(f"{address}/columns", data=MATCHED)
    assert answer.url.path == f"{address}/plan", answer.text
    assert session.choices["columns"]["trials"]["work"] == own[5]
    text = client.get(f"{address}/columns").text
    assert chosen(text, "trials.work.column").strip() == own[5].strip()


def test_what_is_typed_is_kept_whole_or_refused(client, begin, messy, sessions):
    long = "why " * 250  # 1,000 letters
    address = address_of(begin(messy, question=long))
    (session,) = sessions
    assert session.choices["question"] == long.strip()
    codes = ", ".join(f"{code}=other" for code in range(2, 200))
    missing = ", ".join(str(code) for code in range(1000, 1200))
    typed = {"trials.recipient.codes": f"1=self, {codes}", "trials.reward.missing": missing}
    said = unescape(fault(client.post(f"{address}/columns", data=MATCHED | typed)))
    # all of them were read: 200 and 197 that do not occur, of which 8 are named
    assert "'1007' and 192 more in none" in said and "'10' and 189 more in none" in said
    client.post(f"{address}/columns", data=MATCHED)
    too_long = MATCHED | {"trials.reward.missing": "9, " * 7_000}
    said = unescape(fault(client.post(f"{address}/columns", data=too_long)))
    assert "at most 20,000 letters; found 20,999 in 'trials.reward.missing'" in said
    formula = {"covariates.discount": "1 + " * 6_000 + "1", "analysis": "yes"}
    assert "found 24,001" in fault(client.post(f"{address}/plan", data=formula))
    assert "in &#39;question&#39;" in fault(begin(messy, question="y" * 20_001))
    assert len(list(sessions)) == 1


def test_hostile_labels_are_inert(client, begin, messy, study_of_effort):
    table = pd.read_csv(io.BytesIO(messy)).assign(**{HOSTILE: HOSTILE})
    answer = begin(
        table.to_csv(index=False).encode(), f"{HOSTILE}.csv", name=HOSTILE, question=HOSTILE
    )
    address = address_of(answer)
    pages = [answer, client.post(f"{address}/columns", data=MATCHED)]
    bad = MATCHED | {"trials.work.column": HOSTILE, "trials.work.codes": HOSTILE}
    pages += [client.get("/"), client.post(f"{address}/columns", data=bad)]
    for page in pages:
        assert "&lt;script&gt;" in page.text
        assert "<script>" not in page.text


# ------------------------------------------------------------------------------------ plan


def test_a_plan_names_rivals_and_parameters_with_what_they_say(client, planned):
    text = client.get(f"{planned}/plan").text
    assert "Effort is discounted in proportion: V = R - k E." in text
    assert "how consistently the more valuable option is chosen" in text
    assert "read column &#39;Subject No&#39; as &#39;participant&#39; in trials" in text


def test_a_rival_is_told_in_a_sentence(client):
    form = {"model": "outgroup_help_learning", "study": "outgroup_help"}
    text = client.post("/", data=form).text
    assert "Nothing is learned: feelings do not follow help" in text
    assert "densities of a normal, as most analyses take them." in text
    assert "Parameters\n" not in text and "&gt;&gt;&gt;" not in text


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"covariates.discount": "group"}, "group"),
        ({"covariates.discont": "1"}, "discont"),
        ({"rival": "no_such"}, "no_such"),
        ({"draws": "many"}, "Draws per chain must be a whole number"),
        ({"seed": "-1"}, "The seed must be a whole number"),
        ({"covariates.discount": "__import__('os')"}, "__import__"),
    ],
)
def test_a_plan_that_cannot_be_is_told_before_anything_runs(client, planned, form, says):
    assert says in fault(client.post(f"{planned}/plan", data=form | {"analysis": "yes"}))
    assert client.get(f"{planned}/progress").json()["state"] == "new"


def read_by(session, script):
    """The study that a script reads, run beside the files as the worker does."""
    beginning = session.script(script).partition("model = ")[0]
    namespace = {}
    exec(beginning, namespace)
    return namespace["study"]


def test_people_are_left_out_with_a_reason(client, planned, sessions, monkeypatch, stand_in):
    text = client.get(f"{planned}/plan").text
    names = re.findall(r'<label for="left_out.\d">(.*?) <small>(.*?)</small>', text)
    assert len(names) == 4 and {size for _, size in names} == {"30 rows"}
    who = [unescape(name) for name, _ in names]
    assert "(nobody of 4)" in text
    gone = {"left_out": ["0", "2"], "left_out_reason": "they fell asleep", "design": "yes"}
    answer = client.post(f"{planned}/plan", data=gone)
    assert answer.status_code == 200, answer.text
    (session,) = sessions
    assert session.choices["left_out"] == [who[0], who[2]] and who[0] == HOSTILE
    assert "2 rows of participants" in answer.text and "(2 of 4)" in answer.text
    assert "excluded 2 of 4 rows of participants: they fell asleep" in unescape(answer.text)
    boxes = re.findall(r'name="left_out" value="(\d)" checked', answer.text)
    assert boxes == ["0", "2"]
    monkeypatch.chdir(session.folder)
    study = read_by(session, "design")
    assert list(study.participants["participant"]) == [who[1], who[3]]
    assert "with them went 60 rows of trials" in study.log
    # all may come back; others than there are, and everybody, are refused
    for positions in (["0", "1", "2", "3"], ["4"], ["x"]):
        client.post(f"{planned}/plan", data={"left_out": positions, "design": "yes"})
        assert session.choices["left_out"] == [who[0], who[2]]
    client.post(f"{planned}/plan", data={"design": "yes"})
    assert session.choices["left_out"] == []
    client.post(f"{planned}/plan", data={"left_out": ["1"], "design": "yes"})
    assert [one for one in who if one in session.choices["left_out"]] == [who[1]]


def test_tables_are_exchanged_added_and_left_out(client, planned, sessions, messy, stand_in, wait):
    (session,) = sessions
    before = session.choices["columns"]
    fitted = session.choices["files"]["trials"]["file"]
    client.post(f"{planned}/plan", data={"left_out": ["1"], "analysis": "yes"})
    wait(planned, "done")
    table = pd.read_csv(io.BytesIO(messy))
    fewer = table[table["trial"] <= 20].to_csv(index=False).encode()
    people = pd.DataFrame({"Subject No": table["Subject No"].unique(), "age": [20, 30, 40, 50]})
    files = {
        "trials": ("newer.tsv", fewer),
        "participants": ("people.csv", people.to_csv(index=False)),
    }
    answer = client.post(f"{planned}/tables", files=files)
    assert answer.url.path == f"{planned}/columns", answer.text
    assert "Trials: newer.tsv" in answer.text and "Participants: people.csv" in answer.text
    kept = {name: session.choices["files"][name]["file"] for name in ("trials", "participants")}
    assert fitted not in kept.values() and kept["trials"].endswith(".tsv")
    assert session.choices["columns"] == before  # which the new table has, too
    # what was fitted can still be gone on with, and its file is there
    assert (session.folder / fitted).read_bytes() == messy
    match = MATCHED | {"participants.participant.column": "0"}
    answer = client.post(f"{planned}/columns", data=match)
    assert "80 rows of trials, 4 rows" not in answer.text and "60 rows of trials" in answer.text
    assert session.choices["left_out"] == [people["Subject No"][1]]
    client.post(f"{planned}/plan", data={"analysis": "yes"})
    wait(planned, "done")
    assert not (session.folder / fitted).exists()
    # a table that has other columns is matched anew
    other = table.rename(columns={"Choice": "work", "Subject No": "participant"})
    other["participant"] = other["participant"].str.replace("sub-", "P")
    files = {"trials": ("other.csv", other.to_csv(index=False))}
    answer = client.post(f"{planned}/tables", data={"gone": "participants"}, files=files)
    assert chosen(answer.text, "trials.work.column") == "work"
    assert list(session.choices["files"]) == ["trials"]
    assert (session.folder / kept["participants"]).exists()  # of the fit
    # and of other people, nobody is left out who is not there any more
    client.post(f"{planned}/columns", data=MATCHED)
    assert session.choices["left_out"] == []


@pytest.mark.parametrize("is_several", [False, True])
def test_every_table_of_a_row_of_exchanges_is_read(client, planned, sessions, messy, is_several):
    """What was read or checked of one table is never taken for that of another."""
    (session,) = sessions
    table, told, scripts_of_design = pd.read_csv(io.BytesIO(messy)), [], []
    for trials in (10, 12, 14, 10):
        rows = [table[table["trial"] <= trials], table[table["trial"] < 0]]
        if is_several:
            rows = [rows[0][rows[0]["trial"] % 2 == odd] for odd in (0, 1)]
        contents = [part.to_csv(index=False) for part in rows[: 1 + is_several]]
        names = ["odd.csv", "even.csv"] if is_several else ["same.csv"]
        files = [("trials", one) for one in zip(names, contents, strict=True)]
        client.post(f"{planned}/tables", files=files)
        answer = client.post(f"{planned}/columns", data=MATCHED)
        told += re.findall(r"(\d+) rows of trials", answer.text)[:1]
        scripts_of_design.append(scripts.design_script(session.choices))
    assert told == ["40", "48", "56", "40"]
    first, *others, last = scripts_of_design
    assert first == last and len({first, *others}) == 3  # the same table is no other


def test_people_who_cannot_be_left_out_of_other_tables_all_stay(client, planned, sessions, messy):
    (session,) = sessions
    client.post(f"{planned}/plan", data={"left_out": ["1", "2"], "design": "yes"})
    gone = session.choices["left_out"]
    table = pd.read_csv(io.BytesIO(messy))
    alone = table[table["Subject No"].isin(gone)].to_csv(index=False)
    client.post(f"{planned}/tables", files={"trials": ("alone.csv", alone)})
    before = session.choices
    client.get(f"{planned}/plan")
    assert session.choices == before  # looking changes nothing
    answer = client.post(f"{planned}/columns", data=MATCHED)
    assert "Nobody is left out now." in fault(answer)
    assert session.choices["left_out"] == []
    assert client.get(f"{planned}/plan").status_code == 200


def test_what_cannot_be_exchanged_changes_nothing(client, planned, bundled, sessions, messy):
    session = next(one for one in sessions if planned.endswith(one.id))
    before, there = session.choices, {path.name for path in session.folder.iterdir()}
    broken = {"trials": ("b.csv", b"a,b\x00\n1,2\n")}
    assert "null characters" in fault(client.post(f"{planned}/tables", files=broken))
    excel = {"participants": ("b.xlsx", b"x")}
    assert "must be .csv" in fault(client.post(f"{planned}/tables", files=excel))
    assert "Keep one." in fault(client.post(f"{planned}/tables", data={"gone": "trials"}))
    assert session.choices == before
    assert {path.name for path in session.folder.iterdir()} == there
    answer = client.post(f"{bundled}/tables", files={"trials": ("x.csv", messy)})
    assert_refused(answer, 409, "Only tables that were given as files")


# ------------------------------------------------------------------------- fit and results


def test_from_the_plan_to_every_file(client, planned, sessions, stand_in, wait):
    answer = client.post(f"{planned}/plan", data={"analysis": "yes"})
    assert answer.url.path == f"{planned}/fit"
    assert wait(planned, "done", "failed")["state"] == "done"
    text = client.get(f"{planned}/fit").text
    assert "1 of 1 check did not pass." in text and "Sample longer." in text
    files = re.findall(rf'href="({planned}/files/[^"]+)" download', text)
    assert len(files) == 8
    for file in files:
        got = client.get(file)
        assert got.status_code == 200
        assert got.headers["content-disposition"].startswith("attachment")
        assert got.headers["content-security-policy"] == POLICY
    table = client.get(f"{planned}/files/prosocial_effort-estimates.csv").text
    assert table == ESTIMATES
    assert client.get(planned).url.path == f"{planned}/fit"
    assert ">done<" in client.get("/").text
    assert_pictures_are_shown(client, text)
    # a report is shut in
    headers = client.get(f"{planned}/files/report.html").headers
    assert headers["content-security-policy"] == REPORT_POLICY
    assert "sandbox" in REPORT_POLICY and "allow-same-origin" not in REPORT_POLICY
    assert "connect-src" not in REPORT_POLICY and "http" not in REPORT_POLICY
    # no other file is given
    (session,) = sessions
    table = session.choices["files"]["trials"]["file"]
    assert (session.folder / table).is_file()
    others = ("choices.json", table, "..%2fchoices.json", "%2e%2e/choices.json", "")
    for name in (*others, "analysis.log", "prosocial_effort-people-*.png"):
        assert client.get(f"{planned}/files/{name}").status_code == 404, name


def assert_pictures_are_shown(client, text):
    shown = dict(re.findall(r'<img src="([^"]+)" srcset="[^"]+ 1.5x" alt="([^"]+)"', text))
    files = [address.rpartition("/")[2] for address in shown]
    kinds = ("parameters", "people-discount", "predictions-work")
    assert files == [f"prosocial_effort-{kind}.png" for kind in kinds]
    says = list(shown.values())
    assert says[0].endswith("Medians: discount, self 0.25.")
    assert "Everybody&#39;s discount" in says[1] and "Observed work" in says[2]
    for address in shown:
        got = client.get(address)
        assert got.headers["content-type"] == "image/png" and got.content == PICTURE
        assert "attachment" not in got.headers.get("content-disposition", "")
    assert "img-src 'self' data:;" in POLICY


def test_stop_and_go_on(client, planned, stand_in, wait):
    stand_in(SLEEPING)
    client.post(f"{planned}/plan", data={"analysis": "yes"})
    now = wait(planned, "started")
    assert now["fits"][0]["says"].startswith("being compiled")
    assert "Stop" in client.get(f"{planned}/fit").text
    client.post(f"{planned}/stop")
    assert [fit["says"] for fit in wait(planned, "stopped")["fits"]] == ["not begun"]
    assert "from the draws that are there" in client.get(f"{planned}/fit").text


def test_going_on_keeps_the_plan_that_was_run(client, planned, sessions, wait, monkeypatch):
    # waits for somebody to say how to end
    text = """
from pathlib import Path
import time
while not Path("go").exists():
    time.sleep(0.02)
raise SystemExit("no rows for seed {seed}")
"""
    monkeypatch.setattr(scripts, "analysis_script", lambda choices: text.format(**choices))
    client.post(f"{planned}/plan", data={"analysis": "yes", "seed": "7"})
    wait(planned, "started")
    client.post(f"{planned}/stop")
    (session,) = sessions
    kept = [session.folder / name for name in ("kept.nc", "prosocial_effort-checks.csv")]
    (session.folder / "draws.zarr").mkdir()
    for file in kept:
        file.write_text("until now")
    client.post(f"{planned}/plan", data={"design": "yes", "seed": "8"})
    (session.folder / "go").touch()
    client.post(f"{planned}/resume")
    wait(planned, "failed")
    assert "no rows for seed 7" in client.get(f"{planned}/fit").text
    assert (session.folder / "draws.zarr").exists() and all(file.exists() for file in kept)
    # a new fit of that plan is asked for
    client.post(f"{planned}/plan", data={"analysis": "yes", "seed": "8"})
    wait(planned, "failed")
    assert "no rows for seed 8" in client.get(f"{planned}/fit").text
    assert not (session.folder / "draws.zarr").exists()


def test_what_is_done_is_not_begun_again_by_going_on(client, planned, stand_in, wait):
    client.post(f"{planned}/plan", data={"analysis": "yes"})
    wait(planned, "done")
    client.post(f"{planned}/resume")
    assert wait(planned, "done", "waiting", "started")["state"] == "done"
    assert client.get(f"{planned}/files/report.html").status_code == 200


def test_two_analyses_queue(client, planned, bundled, stand_in, wait):
    stand_in(SLEEPING)
    for address in (planned, bundled):
        client.post(f"{address}/plan", data={"analysis": "yes"})
    wait(planned, "started")
    assert wait(bundled, "waiting")["ahead"] == 1
    assert "1 before it." in client.get(f"{bundled}/fit").text
    client.post(f"{planned}/stop")
    assert wait(bundled, "started")


def test_an_analysis_can_be_removed(client, planned, sessions):
    (session,) = sessions
    client.post(f"{planned}/remove")
    assert not session.folder.exists()
    for page in ("", "/columns", "/plan", "/fit", "/progress", "/files/report.html"):
        assert client.get(f"{planned}{page}").status_code == 404


@pytest.mark.parametrize("name", ["..", "%2e%2e", "0123456789abcdef", "x"])
def test_sessions_that_there_are_not(client, planned, name):
    assert client.get(f"/session/{name}/fit").status_code == 404


# ------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/nowhere", 404, "Look for it on the first page."),
        ("GET", "/session/0123456789abcdef/fit", 404, "There is no such analysis."),
        ("GET", "{planned}/files/x.csv", 404, "There is no such file."),
        ("POST", "/look.css", 405, "links and buttons"),
    ],
)
def test_refusals_look_like_the_page(client, planned, method, path, status, says):
    answer = client.request(method, path.format(planned=planned), data={"a": "b"})
    assert_refused(answer, status, says)


def assert_refused(answer, status, says):
    assert answer.status_code == status
    assert says in answer.text and '<a class="button" href="/">' in answer.text
    assert '<link rel="stylesheet" href="/look.css">' in answer.text


def test_forms_that_cannot_be_read_are_refused(client, sessions, monkeypatch):
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/", content=b"--x\r\nno form", headers=broken)
    assert_refused(answer, 400, "Go back, and send it again.")
    monkeypatch.setattr(site, "MOST_FILES", 1)
    files = [("trials", (f"{i}.csv", b"x")) for i in range(3)]
    answer = client.post("/", data={"model": "prosocial_effort"}, files=files)
    assert_refused(answer, 400, "Too many files")
    assert list(sessions.folder.glob("*/*")) == []


def test_a_fault_of_the_page_itself_is_told_without_its_words(client, monkeypatch, sessions):
    def fail(*_):
        raise RuntimeError(str(sessions.folder))

    client._transport.raise_server_exceptions = False
    monkeypatch.setattr(data_step, "list_studies", fail)
    answer = client.get("/")
    assert_refused(answer, 500, "What happened is written in the window of the server")
    assert str(sessions.folder) not in answer.text


def test_what_is_fitted_is_not_changed(client, planned, stand_in, wait):
    stand_in(SLEEPING)
    client.post(f"{planned}/plan", data={"analysis": "yes"})
    wait(planned, "started")
    for page, form in (("plan", {"draws": "5"}), ("columns", MATCHED), ("remove", {})):
        answer = client.post(f"{planned}/{page}", data=form)
        assert_refused(answer, 409, "What is being fitted cannot be changed. Go to its fit")


def test_results_of_an_earlier_plan_are_said_to_be(client, planned, wait, monkeypatch):
    real = scripts.analysis_script  # which says what it does, and then another one does it
    quick = [STAND_IN, STAND_IN.replace("prosocial_effort", "linear"), "raise SystemExit(0)"]
    monkeypatch.setattr(
        scripts, "analysis_script", lambda choices: "\n".join([*quick, real(choices)])
    )
    earlier = "This is of an earlier plan"
    plan = {"rival": "linear", "draws": "60"}
    client.post(f"{planned}/plan", data=plan | {"analysis": "yes"})
    wait(planned, "done")
    assert earlier not in client.get(f"{planned}/fit").text
    client.post(f"{planned}/plan", data={"draws": "70", "design": "yes"})  # without the rival
    text = client.get(f"{planned}/fit").text
    assert earlier in text
    # names are of what was run, and all files of it may be had
    assert "<h3>linear</h3>" in text and ">linear.nc</a>" in text
    assert client.get(f"{planned}/files/linear-estimates.csv").status_code == 200
    assert [fit["name"] for fit in client.get(f"{planned}/progress").json()["fits"]] == [
        "prosocial_effort",
        "linear",
    ]
    client.post(f"{planned}/plan", data=plan | {"design": "yes"})  # back to it
    assert earlier not in client.get(f"{planned}/fit").text
    client.post(f"{planned}/columns", data=MATCHED | {"trials.reward.missing": "6"})
    assert earlier in client.get(f"{planned}/fit").text
    client.post(f"{planned}/plan", data={"analysis": "yes"})
    wait(planned, "done")
    text = client.get(f"{planned}/fit").text
    assert earlier not in text and "<h3>linear</h3>" not in text
