"use strict";
// Tables sort by the heading that is pressed; missing values stay last either way.
const valueAt = (row, column) => row.cells[column].dataset.value;

function inOrder(one, other) {
  const [first, second] = [Number(one), Number(other)];
  if (!Number.isNaN(first) && !Number.isNaN(second)) return first - second;
  return one.localeCompare(other, "en", { numeric: true });
}

function sortBy(heading) {
  const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of heading.parentElement.cells) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const body = heading.closest("table").tBodies[0];
  const rows = [...body.rows].sort((one, other) => {
    const [first, second] = [one, other].map((row) => valueAt(row, heading.cellIndex));
    if (first === "" || second === "") return (first === "") - (second === "");
    return sign * inOrder(first, second);
  });
  body.append(...rows);
}

// A picture is drawn anew as PNG, at twice its size, and saved; nothing is asked of anybody.
const TIMES = 2;

function savePicture(image, name) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width * TIMES, image.height * TIMES];
  const paper = canvas.getContext("2d");
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.drawImage(image, 0, 0, canvas.width, canvas.height);
  const link = document.createElement("a");
  link.href = canvas.toDataURL("image/png");
  link.download = name;
  link.click();
}

document.querySelectorAll("figure").forEach((figure, at) => {
  const image = figure.querySelector("img");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "save";
  button.textContent = "Save as PNG";
  button.setAttribute("aria-label", `Save as PNG: ${image.alt}`);
  button.addEventListener("click", () => {
    const source = new Image();
    [source.width, source.height] = [image.getAttribute("width"), image.getAttribute("height")].map(Number);
    source.addEventListener("load", () => savePicture(source, `picture-${at + 1}.png`));
    source.src = image.src;
  });
  figure.querySelector("figcaption").append(" ", button);
});

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}
