/* The watch list that this build carries: Sources/NameVerdicts/BuiltIn/watch.list, byte for byte. */
#pragma once
#include <stddef.h>

extern const unsigned char *const telos_watch_list;
extern const size_t telos_watch_list_size;
