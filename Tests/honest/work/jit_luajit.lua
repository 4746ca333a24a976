-- Loops that LuaJIT compiles, and C functions that it calls and that call it.
local total = 0
for number = 1, 5000000 do total = (total * 31 + number) % 1000003 end
print("loop", total)
local ffi = require("ffi")
ffi.cdef [[
int abs(int);
void qsort(void *, size_t, size_t, int (*)(const int *, const int *));
]]
print("function", ffi.C.abs(-42))
local numbers = ffi.new("int[5]", 5, 3, 1, 4, 2)
ffi.C.qsort(numbers, 5, 4, function(one, other) return one[0] - other[0] end)
print("called back", numbers[0], numbers[4])
