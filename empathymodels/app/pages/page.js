"use strict";

// ------------------------------------------------------------------ files that are dropped
// Fields of files work as they are. Here whole folders may be dropped too: their files go into the
// field, and their paths beside it, since a field forgets paths of what it did not choose itself.
const TABLES = /\.(csv|tsv|txt)$/i;
const OF_BIDS = /\.(tsv|json)$/i;
const RECORDINGS = /_(bold|eeg|meg|ieeg|nirs)(\.[^/]*)?(\/|$)/i;  // names, of files or folders, tell whose events are where

async function filesOf(entry, path = "") {
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [{ file, path: path + file.name }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {  // a reader gives some entries at a time
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) break;
    for (const one of some) found.push(...await filesOf(one, `${path}${entry.name}/`));
  }
  return found;
}

function take(zone, found) {
  const isDataSet = zone.dataset.drop === "bids";
  const isHidden = ({ path }) => path.split("/").some((part) => part.startsWith("."));
  const every = found.filter((one) => !isHidden(one)).sort((a, b) => (a.path < b.path ? -1 : 1));
  const isOne = every.length === 1 && !every[0].path.includes("/");
  const read = every.filter(({ path }) => isOne || (isDataSet ? OF_BIDS : TABLES).test(path));
  const named = isDataSet ? every.filter((one) => !read.includes(one) && RECORDINGS.test(one.path)) : [];
  const kept = [...read, ...named.map(({ file, path }) => ({ file: new File([], file.name), path }))];
  const chosen = new DataTransfer();
  for (const { file } of kept) chosen.items.add(file);
  const [field, folder] = zone.querySelectorAll("input[type=file]");
  if (folder) folder.value = "";
  field.files = chosen.files;
  zone.querySelector("input[type=hidden]").value = JSON.stringify(kept.map(({ path }) => path));
  const names = read.slice(0, 3).map(({ path }) => path).join(", ");
  const more = read.length > 3 ? ` and ${read.length - 3} more` : "";
  const left = every.length - kept.length;
  const others = left ? ` Left out: ${left} of other kinds.` : "";
  say(zone, (read.length ? `${read.length} read: ${names}${more}.` : "No table among them.") + others);
}

function say(zone, words) {
  zone.querySelector("[role=status]").textContent = words;
  const total = [...document.querySelectorAll("input[type=file]")]
    .flatMap((field) => [...field.files]).reduce((sum, file) => sum + file.size, 0);
  const most = Number(document.querySelector("[data-most]").dataset.most);
  const isTooMuch = total > 0.99 * most;
  document.getElementById("size").textContent = isTooMuch
    ? `These files have ${Math.round(total / 1e6)} MB together; at most ${most / 1e6} can be sent.`
    : "";
  document.querySelector("[data-most] button").disabled = isTooMuch;
}

for (const zone of document.querySelectorAll("[data-drop]")) {
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry());
    const files = entries.filter(Boolean).map((entry) => filesOf(entry));
    try {
      take(zone, (await Promise.all(files)).flat());
    } catch {
      say(zone, "This could not be read. Choose the files instead.");
    }
  });
  for (const field of zone.querySelectorAll("input[type=file]")) {
    field.addEventListener("change", () => {
      const files = [...field.files];
      if (field.webkitdirectory) {
        take(zone, files.map((file) => ({ file, path: file.webkitRelativePath || file.name })));
      } else {
        zone.querySelector("input[type=hidden]").value = "";
        say(zone, files.length > 1 ? `${files.length} files` : "");
      }
    });
  }
}

// ------------------------------------------------------------------ columns that are dragged
// The lists of columns do the same, by keyboard too.
let dragged = null;
for (const chips of document.querySelectorAll("[data-chips]")) {
  chips.hidden = false;
  chips.addEventListener("dragstart", (event) => {
    dragged = { table: chips.dataset.chips, column: event.target.dataset.column };
    event.dataTransfer.setData("text/plain", event.target.textContent);
  });
  chips.addEventListener("dragend", () => { dragged = null; });
}

function mark() {
  const used = [...document.querySelectorAll(".match select")].map((list) =>
    `${list.closest(".match").dataset.table}/${list.value}`);
  for (const chip of document.querySelectorAll("[data-column]")) {
    const table = chip.closest("[data-chips]").dataset.chips;
    chip.classList.toggle("used", used.includes(`${table}/${chip.dataset.column}`));
  }
}

for (const match of document.querySelectorAll(".match")) {
  const isOurs = () => dragged?.table === match.dataset.table;
  match.addEventListener("dragover", (event) => {
    if (!isOurs()) return;
    event.preventDefault();
    match.classList.add("over");
  });
  match.addEventListener("dragleave", () => match.classList.remove("over"));
  match.addEventListener("drop", (event) => {
    event.preventDefault();
    match.classList.remove("over");
    if (isOurs()) match.querySelector("select").value = dragged.column;
    mark();
  });
  match.querySelector("select").addEventListener("change", mark);
}
mark();

// ------------------------------------------------------------------ people who are searched
const search = document.getElementById("search");
search?.closest(".search").removeAttribute("hidden");
search?.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
search?.addEventListener("input", () => {
  const asked = search.value.trim().toLowerCase();
  const rows = [...document.querySelectorAll(".people .list li")];
  for (const row of rows) row.hidden = !row.dataset.name.toLowerCase().includes(asked);
  const found = rows.filter((row) => !row.hidden).length;
  document.getElementById("search.found").textContent = asked ? `${found} of ${rows.length}` : "";
});

// ------------------------------------------------------------------ what is under way
// While something runs, ask how far it is; when its state changes, show the page anew.
const followed = document.querySelector("[data-progress]");

function show(now) {
  for (const fit of now.fits) {
    const bar = document.getElementById(`fit.${fit.name}`);
    bar.value = fit.share;
    bar.nextElementSibling.textContent = fit.says;
  }
  document.getElementById("doing").textContent = now.doing;
  document.getElementById("ahead").textContent = now.ahead ? `${now.ahead} before it.` : "";
  document.getElementById("left").textContent = now.left && `Left for this step: ${now.left}.`;
}

async function follow() {
  const { state, design } = followed.dataset;
  try {
    const answer = await fetch(followed.dataset.progress);
    if (!answer.ok) return location.reload();
    const now = await answer.json();
    if (now[state ? "state" : "design"] !== (state ?? design)) return location.reload();
    if (state) show(now);
  } catch {
    const doing = document.getElementById("doing");
    if (doing) doing.textContent = "The server does not answer. Nothing is lost: start it again, and open the address that it writes.";
  }
  setTimeout(follow, 1000);
}

if (["waiting", "started"].includes(followed?.dataset.state ?? followed?.dataset.design)) follow();
document.getElementById("fault")?.focus();
