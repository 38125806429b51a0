"use strict";
// Draws every chart that the page carries as JSON. `ast: true` makes Vega interpret its
// expressions, so that the page's policy can forbid eval. A chart's text speaks for its picture,
// and the menu beside it has a name.
const views = new Map();
for (const place of document.querySelectorAll("[data-chart]")) {
  const spec = JSON.parse(document.getElementById("spec-" + place.dataset.chart).textContent);
  const options = {
    ast: true,
    renderer: "svg",
    hover: false,
    tooltip: { theme: "page", disableDefaultStyle: true },
    actions: { export: true, source: false, compiled: false, editor: false },
    downloadFileName: place.dataset.chart,
  };
  window.vegaEmbed(place, spec, options).then(
    (result) => {
      views.set(place.dataset.chart, result.view);
      place.querySelector("svg.marks").setAttribute("aria-hidden", "true");
      place.querySelector("summary")?.setAttribute("aria-label", "Save the chart " + place.dataset.chart);
      place.closest("figure").classList.add("drawn");
    },
    (error) => { place.textContent = "This chart could not be drawn: " + error.message; },
  );
}
// Paper has no way to open what is folded.
addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details:not(.vega-embed details)")) each.open = true;
});
