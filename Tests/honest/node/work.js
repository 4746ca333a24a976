// Enough of the same that V8 compiles it: numbers, objects, a regular expression, WebAssembly, a worker thread.
"use strict";
const { Worker, isMainThread, parentPort } = require("worker_threads");

function sieve(limit) {
  const composite = new Uint8Array(limit + 1);
  let count = 0;
  for (let number = 2; number <= limit; number++) {
    if (composite[number]) continue;
    count++;
    for (let multiple = number * number; multiple <= limit; multiple += number) composite[multiple] = 1;
  }
  return count;
}

function shapes(rounds) {
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    const point = { x: round % 7, y: round % 11 };
    sum = (sum * 31 + point.x * point.y) % 1000003;
  }
  return sum;
}

if (!isMainThread) {
  parentPort.postMessage(sieve(100000));
} else {
  // (func (param i32) (result i32) (local.get 0) (i32.const 3) (i32.mul))
  const bytes = Uint8Array.from([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1, 7, 0, 32, 0,
    65, 3, 108, 11]);
  const triple = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f;
  let text = "";
  for (let index = 0; index < 20000; index++) text += `key${index % 13}=${index};`;
  console.log("primes", sieve(300000));
  console.log("shapes", shapes(500000));
  console.log("matches", text.match(/key(?:1|3|7)=\d*5;/g).length);
  console.log("wasm", triple(14));
  new Worker(__filename).on("message", (count) => console.log("worker", count));
}
