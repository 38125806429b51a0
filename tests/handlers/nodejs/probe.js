// A handler for the benches: uses the CPU for some seconds, and says what share of a core it got.
'use strict';

exports.handler = async (event) => {
  if (event.do !== 'spin') return null;
  const begun = performance.now();
  const used = process.cpuUsage();
  let last = begun;
  while (last < begun + event.seconds * 1000) last = performance.now();
  const { user, system } = process.cpuUsage(used);
  return { share: (user + system) / 1000 / (last - begun) };
};
