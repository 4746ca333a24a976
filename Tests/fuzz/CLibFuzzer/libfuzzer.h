/* libFuzzer as a library: LLVM's compiler-rt, lib/fuzzer/FuzzerInterface.h. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Returns only when an input, or the time, comes to its end. */
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*body)(const uint8_t *data, size_t size));
