"use strict";
// The bill and the choice at another traffic and another share of cold starts: the arithmetic of
// tuner/decide/what_if.py, which a test holds against this. No page is needed to run it.
const whatIf = {
  billedMs: (size, share) =>
    size.warm_billed_ms + share * (size.cold_billed_ms - size.warm_billed_ms),

  // US dollars of a million calls, at the first tier's price.
  perMillion(terms, size, share) {
    const each = (size.memory_mb / 1024) * terms.gb_second_usd + terms.ephemeral_second_usd;
    return ((whatIf.billedMs(size, share) / 1000) * each + terms.request_usd) * 1e6;
  },

  // US dollars of a month, each part of its GB-seconds at its tier's price.
  monthUsd(terms, size, calls, share) {
    const seconds = (calls * whatIf.billedMs(size, share)) / 1000;
    const gbSeconds = (seconds * size.memory_mb) / 1024;
    let [usd, start, rate] = [0, 0, terms.gb_second_usd];
    for (const [begins, cheaper] of terms.tiers) {
      if (gbSeconds <= begins) break;
      usd += (begins - start) * rate;
      [start, rate] = [begins, cheaper];
    }
    const duration = usd + (gbSeconds - start) * rate;
    return calls * terms.request_usd + duration + seconds * terms.ephemeral_second_usd;
  },

  scores(terms, costs) {
    const times = terms.sizes.map((size) => size.duration_ms);
    if (terms.strategy === "speed") return times;
    const [dear, slow] = [Math.max(...costs), Math.max(...times)];
    if (terms.strategy === "balanced") {
      const [cost, speed] = [terms.balance, 1 - terms.balance];
      return times.map((time, at) => (cost * costs[at]) / dear + (speed * time) / slow);
    }
    const most = Math.log(Math.min(...costs)) + Math.log1p(terms.worth);
    return times.map((time, at) => {
      const over = Math.max(Math.log(costs[at]) - most, 0);
      return costs[at] * time ** terms.exponent * Math.exp(terms.too_dear * over);
    });
  },

  // The size (MB) of "recommended", "cheapest", "balanced" and "fastest".
  chosen(terms, share) {
    const sizes = terms.sizes;
    const costs = sizes.map((size) => whatIf.perMillion(terms, size, share));
    const times = sizes.map((size) => size.duration_ms);
    const all = sizes.map((_, at) => at);
    const or = (some, others) => (some.length ? some : others);
    const allowed = or(all.filter((at) => sizes[at].allowed), all);
    const sure = or(allowed.filter((at) => sizes[at].verified), allowed);
    const first = (of, value) => of.reduce((best, at) => (value(at) < value(best) ? at : best));
    const least = (of, what, other) => {
      const most = Math.min(...of.map((at) => what[at])) * 1.0005;
      return first(of.filter((at) => what[at] <= most), (at) => other[at]);
    };
    // The best of the sure ones, unless another one is better by more than luck.
    const best = (what, other) => {
      const [ofSure, ofAll] = [sure, allowed].map((of) => least(of, what, other));
      return what[ofSure] <= what[ofAll] * 1.05 ? ofSure : ofAll;
    };
    const [dear, slow] = [costs, times].map((what) => Math.max(...allowed.map((at) => what[at])));
    const scores = whatIf.scores(terms, costs);
    const pick = sizes.findIndex((size) => size.memory_mb === terms.pick_mb);
    const score = (at) => (at === pick ? scores[at] / terms.favour : scores[at]);
    const found = {
      recommended: first([pick, ...sure], score),
      cheapest: best(costs, times),
      balanced: first(allowed, (at) => costs[at] / dear + times[at] / slow),
      fastest: best(times, costs),
    };
    return Object.fromEntries(Object.entries(found).map(([name, at]) => [name, sizes[at].memory_mb]));
  },

  // As format_cost of tuner/units.py: three digits.
  cost(usd) {
    if (!Number.isFinite(usd)) return "–";
    const size = Math.abs(usd);
    if (size === 0) return "$0";
    const digits = size >= 10 ? 2 : Math.min(100, 2 - Math.floor(Math.log10(size)));
    return "$" + usd.toLocaleString("en-US", {
      minimumFractionDigits: digits, maximumFractionDigits: digits,
    });
  },

  // "-31 %" against what there is now; nothing where that is next to nothing.
  change(there, now) {
    const percent = (there / now - 1) * 100;
    const least = Math.min(Math.abs(there / now - 1), Math.abs(now / there - 1));
    if (!Number.isFinite(percent) || least < 0.005) return "";
    const digits = Math.abs(percent) < 9.95 ? 1 : 0;
    return (percent > 0 ? "+" : "-") + Math.abs(percent).toFixed(digits) + " %";
  },
};
