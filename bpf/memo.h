/* SPDX-License-Identifier: GPL-2.0-only */
/* What the climb from a directory found, for the next file in it, and what it found for a file, for its next open.
 *
 * It depends on the agent, whose rules do not change while it runs, on the directory and on the way up from it, and for a file
 * on its name. The kernel counts each change of that way, a move of a directory, a file or a mount, in two numbers of its own;
 * a memo of other numbers than today's is none. */
#ifndef TELOS_MEMO_H
#define TELOS_MEMO_H

#include "walk.h"

/* Two words that tasks on several CPUs write without a lock. The first proves the second: it is a sum of everything that a
 * memo depends on, and of what it says, each times a secret odd number. Of different things with the same proof there is
 * one pair in 2^58, and nobody who does not know the secrets can look for it. */
struct memo {
	__u64 proof; /* 0: empty */
	__u64 found;
};

#define MEMOS_SHIFT 12
/* This build's own, not pinned. */
struct memo memos[1 << MEMOS_SHIFT] SEC(".bss.memos");
struct memo file_memos[1 << MEMOS_SHIFT] SEC(".bss.memos");

/* Written before it is loaded; these stand for a load without a daemon (verifier, bench). */
const volatile struct telos_secrets telos_secrets = {
	{0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F,
	 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3, 0x589965CC75374CC3},
};

/* seqlock_t begins with its number: odd while somebody writes. */
extern const void mount_lock __ksym __weak;
extern const void rename_lock __ksym __weak;

#define WRITING 0x100000001ull

/* Both numbers, or something odd where there is nothing to go by. */
static __always_inline __u64 changes(void)
{
	__u64 mounts, moves;

	if (!&mount_lock || !&rename_lock)
		return WRITING;
	mounts = peek((__u64)&mount_lock, 4);
	moves = peek((__u64)&rename_lock, 4);
	if (!mounts || !moves) /* could not be read; no machine is that young */
		return WRITING;
	return mounts << 32 | moves;
}

static __always_inline __u64 prove(__u64 key, __u64 found)
{
	return (key + found * telos_secrets.factor[0]) | 1;
}

static __always_inline bool proves(const struct memo *memo, __u64 key, __u64 found)
{
	return *(volatile __u64 *)&memo->proof == prove(key, found);
}

static __always_inline void write_memo(struct memo *memo, __u64 key, __u64 found)
{
	*(volatile __u64 *)&memo->found = found;
	*(volatile __u64 *)&memo->proof = prove(key, found);
}

static __always_inline struct memo *memo_at(__u64 key)
{
	return &memos[key >> (64 - MEMOS_SHIFT)];
}

static __always_inline struct memo *file_memo_at(__u64 key)
{
	return &file_memos[key >> (64 - MEMOS_SHIFT)];
}

/* A number for what a pointer points to, the same as long as this build is loaded: how far it is from something that does not
 * move. The address itself is dearer to have, see number(). */
static __always_inline __u64 distance(const void *pointer)
{
	const volatile void *from = &telos_secrets;
	__u64 value = (__u64)pointer;

	asm volatile("%0 -= %1" : "+r"(value) : "r"(from));
	return value;
}

/* A climb in the making. */
struct recall {
	__u64 key; /* 0: not to be kept */
	__u64 changes;
};

/* Whether directories of this file system move only where this kernel moves them, and are told apart by their number. */
static __always_inline bool moves_are_seen(struct dentry *directory, struct vfsmount *where)
{
	unsigned long magic = where->mnt_sb->s_magic;

	return !(directory->d_flags & DCACHE_OP_REVALIDATE) && !remote_filesystem(magic) && magic != MAGIC_BTRFS;
}

/* What a climb found, in one word: up to four sets of directory rules with whether that was at the first directory, the
 * last one lowest, and below them what rules said of the directories themselves. */
#define FOUND_SETS 4
#define FOUND_FLAGS (TELOS_RULE_WRITE | TELOS_RULE_OWN | TELOS_RULE_KEEP | TELOS_RULE_MEMORY)
#define FOUND_FLAGS_SHIFT 5
#define FOUND_FLAGS_BITS 4

static __always_inline __u64 found_by(const struct walk *w)
{
	return w->sets << FOUND_FLAGS_BITS | (w->flags & FOUND_FLAGS) >> FOUND_FLAGS_SHIFT;
}

__noinline int meet_again(struct walk *w, __u64 found)
{
	if (!w)
		return 0;
	w->flags |= (found << FOUND_FLAGS_SHIFT) & FOUND_FLAGS;
	found >>= FOUND_FLAGS_BITS;
	for (int i = 0; i < FOUND_SETS; i++) {
		if (!found)
			break;
		w->depth = found & 1 ? 1 : 2;
		meet_set(w, (found >> 1) & (TELOS_TAIL_SETS - 1));
		found >>= SET_BITS;
	}
	return 0;
}

/* Whether the climb is done: somebody found the same. */
static __noinline bool recalled(struct walk *w, struct recall *recall, struct dentry *at, struct vfsmount *where)
{
	const volatile __u64 *factor = telos_secrets.factor;
	struct dentry *directory;
	struct inode *inode;
	struct memo *memo;
	__u64 found;

	recall->key = 0;
	recall->changes = changes();
	if (recall->changes & WRITING)
		return false;
	barrier(); /* whoever moves `at` after this look is seen by keep() */
	directory = at->d_parent;
	inode = directory->d_inode;
	recall->key = w->agent * factor[1] + distance(directory) * factor[2] + distance(where) * factor[3] +
		      inode->i_ino * factor[4] + (__u64)inode->i_generation * factor[5] + recall->changes * factor[6];
	memo = memo_at(recall->key);
	found = *(volatile __u64 *)&memo->found;
	if (proves(memo, recall->key, found)) {
		meet_again(w, found);
		return true;
	}
	if (!moves_are_seen(directory, where))
		recall->key = 0;
	return false;
}

/* Nothing may have changed since before the climb began. */
static __always_inline void keep(const struct walk *w, const struct recall *recall)
{
	if (!recall->key || w->failed || w->detached || w->met > FOUND_SETS)
		return;
	barrier();
	if (changes() == recall->changes)
		write_memo(memo_at(recall->key), recall->key, found_by(w));
}

/* From a file up to the root of the name space. */
static __always_inline void climb(struct walk *w, struct dentry *at, struct vfsmount *where)
{
	struct recall recall = {};

	if (at != where->mnt_root && recalled(w, &recall, at, where))
		return;
	climb_typed(w, at, where);
	keep(w, &recall);
}

/* The same for hooks that are asked less often: the verifier looks at the way up once for all of them, where it follows every
 * step of the other. */
static __always_inline void climb_seldom(struct walk *w, struct dentry *at, struct vfsmount *where)
{
	struct recall recall = {};

	if (at != where->mnt_root && recalled(w, &recall, at, where))
		return;
	climb_raw(w, number(at), number(where));
	keep(w, &recall);
}

/* Beside the flags of the rules: the climb could not be done, or began where no directory is. */
#define CLIMB_FAILED (1u << 31)
#define CLIMB_DETACHED (1u << 30)

/* What the rules of the directories above an open file say of it. The memo is of the entry in its directory, by the kernel's own
 * hash of its name, and of the file that this leads to: one that takes the place of either is another. */
static __noinline __u32 climb_open(__u64 agent, struct file *file)
{
	const volatile __u64 *factor = telos_secrets.factor;
	struct dentry *at = file->f_path.dentry;
	struct vfsmount *where = file->f_path.mnt;
	struct inode *inode = file->f_inode;
	__u64 key, found, before = changes();
	struct walk w;

	barrier();
	key = agent * factor[1] + distance(at) * factor[2] + distance(where) * factor[3] + inode->i_ino * factor[4] +
	      (__u64)inode->i_generation * factor[5] + before * factor[6] +
	      ((__u64)at->d_name.len << 32 | at->d_name.hash) * factor[7];
	found = *(volatile __u64 *)&file_memo_at(key)->found;
	if (proves(file_memo_at(key), key, found))
		return found;
	walk_start(&w, agent, at);
	climb(&w, at, where);
	if (w.failed)
		return CLIMB_FAILED;
	if (w.detached)
		return w.flags | CLIMB_DETACHED;
	barrier();
	if (!(before & WRITING) && changes() == before && moves_are_seen(at->d_parent, where))
		write_memo(file_memo_at(key), key, w.flags);
	return w.flags;
}

#endif
