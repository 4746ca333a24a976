/* SPDX-License-Identifier: GPL-2.0-only */
/* The gates' maps and global data. Keys and values are those of abi/telos_abi.h. */
#ifndef TELOS_MAPS_H
#define TELOS_MAPS_H

#include "kernel.h"
#include "abi/telos_abi.h"

/* By address of the task_struct: what task storage cannot do, because its look-ups fail under load (6.1).
 * Preallocated and not an LRU: nobody is ever pushed out. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TELOS_TASKS);
	__type(key, __u64);
	__type(value, struct telos_task);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TELOS_AGENTS);
	__type(key, __u32);
	__type(value, struct telos_agent);
} agents SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TELOS_DOMAINS);
	__type(key, __u32);
	__type(value, struct telos_domain);
} domains SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TELOS_COOKIES);
	__type(key, struct telos_cookie);
	__type(value, struct telos_registration);
} cookies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TELOS_PLACES);
	__type(key, struct telos_place_path);
	__type(value, struct telos_place);
} places SEC(".maps");

/* Twice as many as can be named: a cgroup that is being removed stays until it is gone. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * TELOS_PLACES);
	__type(key, __u64);
	__type(value, struct telos_place);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bound SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TELOS_INODES);
	__type(key, struct telos_inode);
	__type(value, struct telos_inode_entry);
} inodes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TELOS_RULES);
	__type(key, struct telos_rule_key);
	__type(value, struct telos_rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TELOS_TAIL_SETS);
	__type(key, __u32);
	__type(value, struct telos_tail_set);
} tails SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, TELOS_WINDOWS);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* tries have no other way */
	__type(key, struct telos_window_key);
	__type(value, struct telos_window);
} windows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TELOS_NAMES);
	__type(key, struct telos_name_key);
	__type(value, struct telos_window);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TELOS_CALLERS);
	__type(key, struct telos_caller_key);
	__type(value, __u32);
} callers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TELOS_HEARD);
	__type(key, struct telos_heard);
	__type(value, __u32);
} heard SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TELOS_IPC);
	__type(key, __u64);
	__type(value, struct telos_ipc);
} ipc SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct telos_socket);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct telos_steered);
} steered SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TELOS_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

#define TELOS_EVENTS_RING (2 * 1024 * 1024)

/* Slams have a ring of their own, so that noise cannot crowd one out. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} slams SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, TELOS_EVENTS_RING);
} events SEC(".maps");

struct telos_globals telos;

/* This build's mark, written before it is loaded; see TELOS_AGENT_JUDGE_SHIFT. */
const volatile __u32 telos_build;

/* Per CPU, and atomic still: a packet's program interrupts that of a system call between load and store. */
static __noinline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, 1);
}

#endif
