#include "builtin.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char bytes[] = {
#embed "watch.list"
};
const unsigned char *const telos_watch_list = bytes;
const size_t telos_watch_list_size = sizeof bytes;
