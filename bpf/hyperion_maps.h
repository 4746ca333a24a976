/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The maps of Hyperion. One outer map a part, because the kernel wants all inner maps of one outer map to be
 * of one type; its two slots are the two generations. User space puts finished inner maps into the slot that
 * is not in force, then flips `hyperion_state`.
 */
#ifndef TELOS_HYPERION_MAPS_H
#define TELOS_HYPERION_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi/telos_abi.h"

/* Inner maps are made by user space at the size of their set; the kernel compares all but max_entries. */
struct hyperion_v4_inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
};

struct hyperion_v6_inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, 16);
	__uint(value_size, 4);
};

struct hyperion_v4_prefix_inner {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct telos_prefix4));
	__uint(value_size, 4);
};

struct hyperion_v6_prefix_inner {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct telos_prefix6));
	__uint(value_size, 4);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, struct hyperion_v4_inner);
} hyperion_v4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, struct hyperion_v6_inner);
} hyperion_v6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, struct hyperion_v4_prefix_inner);
} hyperion_v4_prefix SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, struct hyperion_v6_prefix_inner);
} hyperion_v6_prefix SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct telos_hyperion);
} hyperion_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, TELOS_NEVER_BLOCK);
	__type(key, struct telos_prefix6);
	__type(value, __u32);
} never_block SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TELOS_DROPS);
	__type(key, __u32);
	__type(value, __u64);
} hyperion_drops SEC(".maps");

#endif
