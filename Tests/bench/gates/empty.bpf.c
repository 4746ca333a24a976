// SPDX-License-Identifier: GPL-2.0-only
/* The floor: programs that do nothing, on exactly the hooks that the gates use. `run` writes their list, `cost` checks it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define EMPTY(section, name)                                                                                           \
	SEC(section) int name(void *context)                                                                           \
	{                                                                                                              \
		return 0;                                                                                              \
	}
#include "empty_hooks.h"

SEC("cgroup_skb/egress")
int empty_egress(struct __sk_buff *skb)
{
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
