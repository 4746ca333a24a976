"""A module of WebAssembly, compiled by wasmtime: arithmetic, memory, a trap, and a program of WASI."""

import wasmtime

TEXT = """(module
  (memory (export "memory") 1)
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1))))"""
engine = wasmtime.Engine()
store = wasmtime.Store(engine)
module = wasmtime.Module(engine, TEXT)
exports = wasmtime.Instance(store, module, []).exports(store)
print("fib", exports["fib"](store, 20))
exports["store"](store, 8, 258)
print("memory", bytes(exports["memory"].read(store, 8, 12)))
for address, what in ((1 << 20, "store"), (0, "divide")):
    try:
        print(exports[what](store, address, 0))
    except wasmtime.Trap as trap:
        print("trap", trap.trap_code)
kept = module.serialize()
again = wasmtime.Module.deserialize(engine, kept)
print("kept", wasmtime.Instance(store, again, []).exports(store)["fib"](store, 10))
