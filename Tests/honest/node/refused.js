// What exec.jit does not open: starting programs, and loading code from files that were written here.
"use strict";
const fs = require("fs");
const { spawnSync } = require("child_process");
console.log("spawn", spawnSync("/bin/true").error?.code);
fs.copyFileSync(process.argv[2], "addon.node");
try {
  process.dlopen({ exports: {} }, `${process.cwd()}/addon.node`);
  console.log("dlopen loaded");
} catch (error) {
  console.log("dlopen", /failed to map segment/.test(error.message) ? "not mapped" : error.message);
}
