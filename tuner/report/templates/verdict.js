"use strict";
// The buttons and sliders of the verdict: they show what stands ready in the page, and what
// what_if.js reckons. Everything is set as text.
const whatIs = document.getElementById("verdict-data");
if (whatIs !== null) {
  const data = JSON.parse(whatIs.textContent);
  const { terms, sizes, now } = data;
  const band = document.getElementById("verdict");
  const part = (name) => band.querySelector(`[data-is="${name}"]`);
  const buttons = [...band.querySelectorAll("[data-choice]")];
  const [traffic, share] = ["traffic", "share"].map((id) => document.getElementById(id));
  const first = buttons.find((each) => each.getAttribute("aria-pressed") === "true").dataset.choice;
  const start = { choice: first, calls: data.calls, share: terms.cold_share };
  const rest = part("rest").textContent;
  const state = { ...start };
  let drawn = "";
  const tied = (text) => text.replace(/ (?=(?:ms|MB|GB|s|%)\b|%)/g, "\u00a0");
  const put = (place, text) => { if (place) place.textContent = tied(text); };
  const sizeAt = (memory) => terms.sizes.find((size) => size.memory_mb === memory);
  const usd = (memory) => whatIf.monthUsd(terms, sizeAt(memory), state.calls, state.share);
  const short = (number) => number.toLocaleString("en-US", { maximumSignificantDigits: 3 });

  function count(calls) {
    const many = calls >= 1e6
      ? (calls / 1e6).toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 }) + " million"
      : Math.round(calls).toLocaleString("en-US");
    const second = calls / 2628000;
    const [rate, unit] = second >= 1 ? [second, "s"] : second * 60 >= 1 ? [second * 60, "min"] : [second * 3600, "h"];
    return `${many} calls a month (${short(rate)}/${unit})`;
  }

  function stat(key, value, there, here, change, note) {
    const place = band.querySelector(`[data-stat="${key}"]`);
    const of = (name) => place.querySelector(`[data-of="${name}"]`);
    put(of("value"), value);
    of("value").classList.toggle("estimated", value.includes("~"));
    put(of("now"), here === "" ? "" : `${here} →`);
    put(of("change"), change);
    of("change").className = `change ${change.startsWith("-") ? "better" : "worse"}`;
    if (note !== undefined) put(of("note"), note);
  }

  function marks(chosen, memory) {
    const names = {};
    for (const name of data.names) (names[chosen[name]] ??= []).push(name);
    const mine = names[memory].includes(first) && memory === terms.pick_mb ? "recommended" : state.choice;
    const found = [{ memory_mb: memory, kind: "pick", text: `${mine} ${sizes[memory].named}` }];
    if (now !== null && now !== memory) {
      found.push({ memory_mb: now, kind: "now", text: `current ${sizes[now].named}` });
    }
    for (const [size, of] of Object.entries(names)) {
      if (Number(size) === memory) continue;
      found.push({ memory_mb: Number(size), kind: "rival", text: `${of.join(", ")} ${sizes[size].named}` });
    }
    const [low, high] = data.axis;
    return found.map((mark, at) => {
      const place = Math.log(mark.memory_mb / low) / Math.log(high / low);
      return { ...mark, top: 8 + 15 * at, side: place < 0.35 ? "left" : place > 0.65 ? "right" : "center" };
    });
  }

  function show() {
    const chosen = whatIf.chosen(terms, state.share);
    const memory = chosen[state.choice];
    const [there, here] = [sizes[memory], now === null || now === memory ? null : sizes[now]];
    for (const each of buttons) {
      const size = chosen[each.dataset.choice];
      const of = data.names.filter((name) => chosen[name] === size);
      each.hidden = of[0] !== each.dataset.choice;
      each.setAttribute("aria-pressed", String(of.includes(state.choice)));
      const named = of.length > 2 ? `${of.slice(0, -1).join(", ")} and ${of.at(-1)}` : of.join(" and ");
      put(each.querySelector('[data-of="name"]'), named[0].toUpperCase() + named.slice(1));
      each.querySelector('[data-of="mark"]').hidden = first === "recommended" || !of.includes(first);
      put(each.querySelector('[data-of="size"]'), sizes[size].named);
      put(each.querySelector('[data-of="usd"]'), whatIf.cost(usd(size)));
    }
    const same = memory === terms.pick_mb && state.calls === start.calls && state.share === start.share;
    put(part("size"), there.named);
    put(part("rest"), same ? rest : "");
    if (part("current")) part("current").hidden = part("arrow").hidden = memory === now;
    const of = (what) => (here === null ? "" : here[what]);
    const nowUsd = here === null ? null : usd(now);
    const note = `${whatIf.cost(whatIf.perMillion(terms, sizeAt(memory), state.share))} per million calls, without logs`;
    stat("cost", whatIf.cost(usd(memory)), memory, here === null ? "" : whatIf.cost(nowUsd),
      here === null ? "" : whatIf.change(usd(memory), nowUsd), note);
    stat("mean", there.mean, memory, of("mean"),
      here === null ? "" : whatIf.change(sizeAt(memory).duration_ms, sizeAt(now).duration_ms));
    stat("p95", there.p95, memory, of("p95"), "");
    stat("cold", there.cold, memory, of("cold"), "");
    put(part("trust"), there.trust);
    part("trust").className = there.trust;
    put(part("why"), there.why);
    put(part("command"), there.command);
    part("line").hidden = there.command === "";
    put(part("hint"), there.hint);
    put(part("traffic"), count(state.calls));
    put(part("share"), state.share === 0 ? "0 %" : `${short(state.share * 100)} %`);
    const moved = state.calls !== start.calls || state.share !== start.share;
    document.getElementById("reset").hidden = !moved;
    const next = marks(chosen, memory);
    if (JSON.stringify(next) === drawn) return;
    drawn = JSON.stringify(next);
    for (const name of ["latency", "cost"]) views.get(name)?.data("marks", next).run();
    views.get("trade-off")?.data("ring", there.spot === null ? [] : [there.spot]).run();
  }

  function place() {
    traffic.value = String(Math.log10(state.calls));
    share.value = String(Math.cbrt(state.share));
  }

  for (const each of buttons) {
    each.addEventListener("click", () => { state.choice = each.dataset.choice; show(); });
  }
  traffic.addEventListener("input", () => { state.calls = 10 ** Number(traffic.value); show(); });
  share.addEventListener("input", () => { state.share = Number(share.value) ** 3; show(); });
  document.getElementById("reset").addEventListener("click", () => {
    Object.assign(state, { calls: start.calls, share: start.share });
    place();
    show();
  });
  const copy = document.getElementById("copy");
  copy.addEventListener("click", async () => {
    const range = document.createRange();
    range.selectNodeContents(part("command"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    try {
      await navigator.clipboard.writeText(sizes[whatIf.chosen(terms, state.share)[state.choice]].command);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
  place();
  for (const each of band.querySelectorAll(".buttons, .sliders, #copy")) each.hidden = false;
}
