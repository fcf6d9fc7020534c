// Runs the Promises/A+ suite over the addon given as the first argument;
// with `--broken` as the second, over a promise that calls back at once.
// Exits 0 if all cases passed, 10 if some failed; anything else is an accident.
"use strict";

const suite = require("promises-aplus-tests");
const [addon, variant] = process.argv.slice(2);
const adapter = require("./adapter.js").load(addon, variant === "--broken");

suite(adapter, { reporter: "dot" }, (failed) => {
  process.exitCode = failed ? 10 : 0;
});
