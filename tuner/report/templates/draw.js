"use strict";
// Draws every chart that the page carries as JSON. `ast: true` makes Vega interpret its
// expressions, so that the page's policy can forbid eval.
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
    () => place.closest("figure").classList.add("drawn"),
    (error) => { place.textContent = "This chart could not be drawn: " + error.message; },
  );
}
