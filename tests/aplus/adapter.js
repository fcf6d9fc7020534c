// JavaScript's side of the binding: the tables of values and functions, and
// the unpacking of thenables (Promises/A+ 2.3.3), which is nothing of
// evcore's. Exports what the suite asks of an adapter.
"use strict";

exports.load = (addon, atOnce) => {
  const rust = { exports: {} };
  process.dlopen(rust, addon);
  const evcore = rust.exports;

  const values = [];
  const keep = (value) => values.push(value) - 1;

  class Pledge {
    constructor(number) {
      this.number = number;
    }

    then(fulfilled, rejected) {
      const callback = (f) => (typeof f === "function" ? keep(f) : undefined);
      return new Pledge(evcore.then(this.number, callback(fulfilled), callback(rejected)));
    }
  }

  const rejectedWith = (reason) => {
    const number = evcore.pending();
    evcore.reject(number, keep(reason));
    return number;
  };

  // 2.3: a promise for `value`, whatever it is.
  const assimilate = (value) => {
    if (value instanceof Pledge) return value.number;
    const number = evcore.pending();
    let then;
    try {
      const may = (typeof value === "object" && value !== null) || typeof value === "function";
      then = may ? value.then : undefined;
      if (typeof then !== "function") {
        evcore.fulfil(number, keep(value));
      } else {
        const resolve = (y) => evcore.resolve(number, keep(y));
        const reject = (r) => evcore.reject(number, keep(r));
        then.call(value, resolve, reject);
      }
    } catch (thrown) {
      evcore.reject(number, keep(thrown));
    }
    return number;
  };

  const call = (callback, argument) => {
    const f = values[callback];
    try {
      return assimilate(f(values[argument]));
    } catch (thrown) {
      return rejectedWith(thrown);
    }
  };

  const explain = (text, isCycle) => keep(isCycle ? new TypeError(text) : new Error(text));

  const turn = () => {
    if (evcore.turn()) setImmediate(turn);
  };
  const wake = () => void setImmediate(turn);

  evcore.begin(wake, call, (value) => assimilate(values[value]), explain, atOnce);

  return {
    deferred: () => {
      const number = evcore.pending();
      return {
        promise: new Pledge(number),
        resolve: (value) => evcore.resolve(number, keep(value)),
        reject: (reason) => evcore.reject(number, keep(reason)),
      };
    },
  };
};
