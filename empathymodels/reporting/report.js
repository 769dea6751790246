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

for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => sortBy(button.closest("th")));
}
