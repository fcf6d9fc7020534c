// V8's own promises. Arguments: case, operations, (port). Prints CPU ns and wall ns per operation, and peak KiB.
// One round unmeasured, so that the optimising compiler has done its work; then one measured.
"use strict";
const [name, count] = process.argv.slice(1);
const ops = Number(count), BATCH = 1000;
let sum = 0;
const add = (n) => { sum += n; };
const turn = () => new Promise(setImmediate);

// Peak memory without the pages of files, as for all peers.
function peak() {
  const status = require("fs").readFileSync("/proc/self/status", "utf8");
  const of = (name) => Number(status.match(new RegExp(`${name}:\\s*(\\d+)`))[1]);
  return of("VmHWM") - of("RssFile");
}

const cases = {
  async ready() {
    for (let done = 0; done < ops; done += BATCH) {
      for (let n = 0; n < BATCH; n++) Promise.resolve(n).then(add);
      await null;
    }
  },
  async hot() {
    let resolve;
    const keep = (r) => { resolve = r; };
    for (let done = 0; done < ops; done += BATCH) {
      for (let n = 0; n < BATCH; n++) {
        new Promise(keep).then(add);
        resolve(n);
      }
      await null;
    }
  },
  async pending() {
    const resolvers = new Array(ops);
    for (let n = 0; n < ops; n++) new Promise((r) => { resolvers[n] = r; }).then(add);
    for (let n = 0; n < ops; n++) resolvers[n](n);
    await turn();
  },
  async chain() {
    let resolve;
    let last = new Promise((r) => { resolve = r; });
    for (let n = 0; n < ops; n++) last = last.then((k) => k + 1);
    resolve(0);
    sum += await last;
  },
  async many() {
    let resolve;
    const one = new Promise((r) => { resolve = r; });
    for (let n = 0; n < ops; n++) one.then((k) => { sum += k; });
    resolve(1);
    await turn();
  },
};

(async () => {
  await cases[name]();
  await turn();
  const before = sum, wall = process.hrtime.bigint(), cpu = process.cpuUsage();
  await cases[name]();
  const { user, system } = process.cpuUsage(cpu);
  const elapsed = Number(process.hrtime.bigint() - wall);
  if (sum === before) throw new Error("no callback was called");
  console.log((user + system) * 1000 / ops, elapsed / ops, peak());
})();
