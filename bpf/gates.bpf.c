// SPDX-License-Identifier: GPL-2.0-only
/* The gates: one object, one file a concern, in the order in which an agent meets them. */
#include "writing.h"

#include "identity.bpf.c"
#include "places.bpf.c"
#include "exec.bpf.c"
#include "terminals.bpf.c"
#include "file.bpf.c"
#include "writes.bpf.c"
#include "deleted.bpf.c"
#include "paths.bpf.c"
#include "attributes.bpf.c"
#include "network.bpf.c"
#include "inbound.bpf.c"
#include "unix.bpf.c"
#include "egress.bpf.c"
#include "steering.bpf.c"
#include "proxy.bpf.c"
#include "guard.bpf.c"
#include "ipc.bpf.c"
#include "fcntl.bpf.c"
#include "capable.bpf.c"
#include "ioctl.bpf.c"

char LICENSE[] SEC("license") = "GPL";
