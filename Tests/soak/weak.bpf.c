// SPDX-License-Identifier: GPL-2.0-only
/* A build of the gates that loads and attaches like any other and whose network gate lets everything through: the daemon
 * has to find that out while the build in charge still refuses, and keep that one. */
#include "writing.h"

#include "identity.bpf.c"
#include "exec.bpf.c"
#include "terminals.bpf.c"
#include "file.bpf.c"
#include "writes.bpf.c"
#include "deleted.bpf.c"
#include "paths.bpf.c"
#define caller(c) ((void)(c), UNMANAGED)
#include "network.bpf.c"
#undef caller
#include "unix.bpf.c"
#include "egress.bpf.c"
#include "guard.bpf.c"

char LICENSE[] SEC("license") = "GPL";
