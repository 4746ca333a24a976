/* SPDX-License-Identifier: GPL-2.0-only */
/* The whole path of a name, for events of hooks that may not sleep and so have no bpf_d_path. */
#ifndef TELOS_NAMES_H
#define TELOS_NAMES_H

#include "caller.h"

#define NAME_DEPTH 80 /* components and mounts */

/* A record with room behind its path: of a component the verifier knows only that it begins below 256 and is no
 * longer than 255. User space reads the first part. */
struct named_event {
	struct telos_event event;
	char room[TELOS_PATH];
};
struct path_text {
	char bytes[2 * TELOS_PATH];
};
_Static_assert(__builtin_offsetof(struct telos_event, path) + TELOS_PATH == sizeof(struct telos_event), "path is last");

/* To a function that is verified by itself, what its caller put on the stack is a number. */
__noinline __u64 number_at(const __u64 *kept)
{
	return kept ? *kept : 0;
}

/* A typed pointer as a number, for the functions that take only those. */
static __noinline __u64 number(const void *pointer)
{
	const void *volatile kept = pointer;

	return number_at((const __u64 *)&kept);
}

/* From a name up to the caller's root. The first round measures, the second writes from the end. */
struct spelling {
	struct path_text *text; /* NULL: measure */
	__u64 at;
	__u64 mount;
	__u64 root; /* of that mount */
	__u64 top;
	__u64 top_mount;
	__u32 used;
	__u32 total;
	__u32 done;
};

static long spell_step(__u32 index, struct spelling *s)
{
	struct dentry *at = (void *)s->at, *parent;
	struct mount *mount = (void *)s->mount, *above;
	const unsigned char *name;
	__u32 length, start;

	if (s->at == s->top && s->mount == s->top_mount) {
		s->done = 1;
		return 1;
	}
	if (s->at == s->root) {
		above = BPF_CORE_READ(mount, mnt_parent);
		if (above == mount || !above) {
			s->done = 1;
			return 1;
		}
		s->at = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
		s->mount = (__u64)above;
		s->root = (__u64)BPF_CORE_READ(above, mnt.mnt_root);
		return 0;
	}
	parent = BPF_CORE_READ(at, d_parent);
	if (!parent || parent == at)
		return 1; /* its directory is not known */
	name = BPF_CORE_READ(at, d_name.name);
	length = BPF_CORE_READ(at, d_name.len);
	s->at = (__u64)parent;
	s->used += length + 1;
	if (length >= TELOS_PATH || s->used >= TELOS_PATH)
		return 1;
	if (!s->text)
		return 0;
	start = s->total - s->used;
	if (start >= TELOS_PATH)
		return 1; /* renamed since the first round */
	barrier_var(start);
	barrier_var(length);
	start &= TELOS_PATH - 1;
	length &= TELOS_PATH - 1;
	s->text->bytes[start] = '/';
	bpf_probe_read_kernel(&s->text->bytes[start + 1], length, name);
	return 0;
}

/* Writes the path as the caller sees it. 0: too long or not to be had, and what stands there now means nothing. */
__noinline int spell(struct path_text *text, __u64 dentry, __u64 where)
{
	struct mount *mount = (void *)where - bpf_core_field_offset(struct mount, mnt);
	struct task_struct *task = (void *)bpf_get_current_task();
	struct spelling s = {.at = dentry, .mount = (__u64)mount};

	if (!text || !dentry || !where)
		return 0;
	s.root = (__u64)BPF_CORE_READ(mount, mnt.mnt_root);
	s.top = (__u64)BPF_CORE_READ(task, fs, root.dentry);
	s.top_mount = (__u64)BPF_CORE_READ(task, fs, root.mnt) - bpf_core_field_offset(struct mount, mnt);
	bpf_loop(NAME_DEPTH, spell_step, &s, 0);
	if (!s.done)
		return 0;
	s.total = s.used;
	s.at = dentry;
	s.mount = (__u64)mount;
	s.root = (__u64)BPF_CORE_READ(mount, mnt.mnt_root);
	s.used = 0;
	s.done = 0;
	text->bytes[0] = '/';
	s.text = text;
	bpf_loop(NAME_DEPTH, spell_step, &s, 0);
	text->bytes[TELOS_PATH - 1] = 0;
	return s.done && s.used == s.total;
}

#endif
