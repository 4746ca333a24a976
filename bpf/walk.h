/* SPDX-License-Identifier: GPL-2.0-only */
/* The way up from a file, and the rules of the directories that it meets. */
#ifndef TELOS_WALK_H
#define TELOS_WALK_H

#include "files.h"

/* Directories a walk climbs, mounts included. What lies deeper is refused to a managed task. */
#define WALK_DEPTH 64
/* Of these, the ones nearest to the file are climbed with typed pointers: plain loads, but the verifier follows
 * every step of that loop, where it looks at the rest only once. */
#define WALK_TYPED 8

/* A climb from a file to the root of the name space. */
struct walk {
	__u64 agent;
	__u64 name; /* address of the last component of where it began */
	__u64 hash; /* of a name longer than PIECE, once a directory rule has asked for it */
	__u64 sets; /* of directory rules met, SET_BITS each: index and whether that was at the first directory */
	__u32 length;
	__u32 flags;   /* of the rules met */
	__u8 met;      /* how many sets that were */
	__u8 depth;    /* directories above the start */
	__u8 failed;   /* too deep, or an identity that could not be had */
	__u8 detached; /* its directory is not known */
	__u8 guarded;  /* below a directory whose rule taints at any depth */
	__u8 ended;    /* at a mount with none above it */
	__u8 folds;    /* enum folding: how its file system compares names */
};

/* Where a file has many names, a rule for one of them is one for all. */
enum folding {
	FOLDS_NOT = 0,
	FOLDS_CASE = 1, /* by case alone */
	FOLDS_ALL = 2,  /* nobody knows: every name there counts as the rule's */
};

/* Letters beyond ASCII fold by tables that are not here. Names lie at multiples of eight. */
__noinline __u32 folding_of_name(__u64 name, __u32 length)
{
	for (__u32 at = 0; at < 256; at += 8) {
		__u32 rest = length - at;
		__u64 word;

		if (at >= length)
			break;
		word = peek_by_call(name + at, 8);
		if (rest < 8)
			word &= (1ull << (rest & 7) * 8) - 1;
		if (word & 0x8080808080808080ull)
			return FOLDS_ALL;
	}
	return FOLDS_CASE;
}

/* Of a name in a file system that compares names by a function of its own. */
static __always_inline __u8 folding(unsigned long magic, __u64 name, __u32 length)
{
	if (magic == MAGIC_EXT4 || magic == MAGIC_F2FS || magic == MAGIC_TMPFS)
		return folding_of_name(name, length);
	return FOLDS_ALL;
}

#define SET_BITS 13

/* Names are read in pieces: the stack is short. */
#define PIECE 32

/* telos_hash() of a name in kernel memory, of at most 255 bytes. */
__noinline __u64 hash_of(__u64 name, __u32 length)
{
	__u64 hash = TELOS_HASH_START;
	char text[PIECE];

	for (__u32 at = 0; at < 256; at += PIECE) {
		if (at >= length)
			break;
		__builtin_memset(text, 0, PIECE);
		bpf_probe_read_kernel(text, PIECE, (const void *)name + at);
		for (__u32 i = 0; i < PIECE; i++) {
			if (at + i >= length)
				break;
			hash = (hash ^ (__u8)text[i]) * TELOS_HASH_PRIME;
		}
	}
	return hash;
}

/* Eight bytes of a name, zeros behind its end. Names lie at multiples of eight, so no load leaves their page. */
static __always_inline __u64 word_of(const struct walk *w, __u32 at)
{
	__u32 rest = w->length - at;
	__u64 word;

	if (at >= w->length)
		return 0;
	word = peek(w->name + at, 8);
	return rest < 8 ? word & ((1ull << rest * 8) - 1) : word;
}

/* Texts are padded with zeros. The name is read again for each rule: those of the same length are few. */
static __always_inline bool text_matches(const struct telos_tail *tail, const struct walk *w, __u32 from)
{
	const __u64 *wanted = (const __u64 *)tail->text;
	__u64 text[PIECE / 8] = {}, same;
	__u32 want = tail->length;

	barrier_var(want); /* the verifier takes the bound from this very register */
	if (want > PIECE)
		return false;
	if (bpf_probe_read_kernel(text, want, (const void *)w->name + from))
		return true; /* cannot be; on the safe side */
	/* By case alone, of ASCII, some signs count as the same: on the safe side. */
	same = w->folds ? 0x2020202020202020ull : 0;
	return (text[0] | same) == (wanted[0] | same) && (text[1] | same) == (wanted[1] | same) &&
	       (text[2] | same) == (wanted[2] | same) && (text[3] | same) == (wanted[3] | same);
}

/* One directory rule against the last component. */
static __always_inline bool tail_matches(const struct telos_tail *tail, const struct walk *w)
{
	const __u64 *wanted = (const __u64 *)tail->text;
	__u32 length = w->length, want = tail->length;

	if (tail->kind == TELOS_TAIL_ANY)
		return true;
	if (w->folds == FOLDS_ALL || (w->folds && want > PIECE))
		return true;
	if (tail->kind == TELOS_TAIL_NAME) {
		if (length != want)
			return false;
		if (want > PIECE)
			return w->hash == tail->hash;
		if (!plain_loads() || w->folds)
			return text_matches(tail, w, 0);
		return word_of(w, 0) == wanted[0] && word_of(w, 8) == wanted[1] && word_of(w, 16) == wanted[2] &&
		       word_of(w, 24) == wanted[3];
	}
	return length >= want && text_matches(tail, w, tail->kind == TELOS_TAIL_SUFFIX ? length - want : 0);
}

__noinline int meet_tails(struct walk *w, __u32 index)
{
	struct telos_tail_set *set = bpf_map_lookup_elem(&tails, &index);

	if (!w)
		return 0;
	if (!set) {
		w->failed = 1;
		return 0;
	}
	for (__u32 i = 0; i < TELOS_TAILS; i++) {
		struct telos_tail *tail = &set->tails[i];

		if (i >= set->count)
			break;
		if (tail->deep && (tail->flags & (TELOS_RULE_CRITICAL | TELOS_RULE_WARN)))
			w->guarded = 1;
		if ((tail->deep || w->depth == 1) && tail_matches(tail, w))
			w->flags |= tail->flags;
	}
	return 0;
}

static __always_inline void meet_set(struct walk *w, __u32 index)
{
	w->sets = w->sets << SET_BITS | index << 1 | (w->depth == 1);
	w->met++;
	if (w->length > PIECE && !w->hash)
		w->hash = hash_of(w->name, w->length);
	meet_tails(w, index);
}

static __always_inline void meet_id(struct walk *w, const struct telos_inode *id)
{
	struct telos_rule *rule;

	rule = rule_of(w->agent, id);
	if (!rule)
		return;
	w->flags |= rule->flags & (TELOS_RULE_WRITE | TELOS_RULE_OWN | TELOS_RULE_KEEP);
	if (w->depth == 1)
		w->flags |= rule->flags & TELOS_RULE_MEMORY;
	if (rule->tails)
		meet_set(w, rule->tails);
}

static __always_inline void meet_all(struct walk *w, const struct ids *ids)
{
	if (!ids->count) {
		w->failed = 1;
		return;
	}
	meet_id(w, &ids->id[0]);
	if (ids->count == 2)
		meet_id(w, &ids->id[1]);
}

/* `ids` is room on the caller's stack. */
static __always_inline void meet_overlay(struct walk *w, __u64 inode, struct ids *ids)
{
	if (unknown_overlay(inode))
		return;
	__builtin_memset(ids, 0, sizeof(*ids));
	identify_overlay(inode, ids);
	meet_all(w, ids);
}

/* A directory by typed pointer. */
static __noinline void meet_directory(struct walk *w, struct inode *inode)
{
	struct ids ids;

	if (inode->i_sb->s_magic == MAGIC_OVERLAY) {
		meet_overlay(w, number(inode), &ids);
	} else {
		identify(inode, &ids.id[0]);
		meet_id(w, &ids.id[0]);
	}
}

/* From a dentry that is known only as an address: across mounts. A mount's directories are all of its file system. */
struct climb {
	struct walk *walk;
	__u64 at;
	__u64 mount;
	__u64 above; /* the mount that this one is in */
	__u64 point; /* and where */
	__u64 root;
	__u64 sb;
};

/* One read where four would do: on older kernels every read of an address is a call. */
static __always_inline void where_mounted(struct climb *climb, __u64 mount)
{
	const __u32 parent = bpf_core_field_offset(struct mount, mnt_parent);

	climb->mount = mount;
	if (plain_loads()) {
		struct mount *at = AT(struct mount, mount);

		climb->above = (__u64)at->mnt_parent;
		climb->point = (__u64)at->mnt_mountpoint;
		climb->root = (__u64)at->mnt.mnt_root;
		climb->sb = (__u64)at->mnt.mnt_sb;
		return;
	}
	if (bpf_core_field_offset(struct mount, mnt_mountpoint) == parent + 8 &&
	    bpf_core_field_offset(struct mount, mnt.mnt_root) == parent + 16 &&
	    bpf_core_field_offset(struct mount, mnt.mnt_sb) == parent + 24) {
		bpf_probe_read_kernel(&climb->above, 32, (const void *)mount + parent);
		return;
	}
	climb->above = PEEK(struct mount, mount, mnt_parent);
	climb->point = PEEK(struct mount, mount, mnt_mountpoint);
	climb->root = PEEK(struct mount, mount, mnt.mnt_root);
	climb->sb = PEEK(struct mount, mount, mnt.mnt_sb);
}

static __always_inline bool over_overlay(const struct climb *climb)
{
	if (plain_loads())
		return AT(struct super_block, climb->sb)->s_magic == MAGIC_OVERLAY;
	return PEEK(struct super_block, climb->sb, s_magic) == MAGIC_OVERLAY;
}

/* Whether there is no mount above this one; the walk has ended then. */
static __always_inline bool at_top(struct climb *climb)
{
	if (climb->above != climb->mount && climb->above)
		return false;
	climb->walk->ended = 1;
	return true;
}

/* From the root of a mount to where that is mounted. False: there is nothing above. */
static __always_inline bool cross(struct climb *climb)
{
	if (at_top(climb))
		return false;
	climb->at = climb->point;
	where_mounted(climb, climb->above);
	return true;
}

static long climb_step(__u32 index, struct climb *climb)
{
	struct walk *w = climb->walk;
	__u64 parent, inode;
	struct ids ids;

	if (climb->at == climb->root) {
		if (!cross(climb))
			return 1;
		if (climb->at == climb->root)
			return 0;
	}
	if (plain_loads()) {
		struct dentry *up = AT(struct dentry, climb->at)->d_parent;

		parent = (__u64)up;
		inode = (__u64)up->d_inode;
	} else {
		parent = PEEK(struct dentry, climb->at, d_parent);
		inode = inode_of(parent);
	}
	if (parent == climb->at || !inode) {
		/* Connected to no directory: a memfd, or a file opened by handle whose place nobody knows. */
		w->detached = w->ended = 1;
		return 1;
	}
	climb->at = parent;
	w->depth++;
	if (over_overlay(climb)) {
		/* Read anew, as the number that functions by themselves take; on older kernels it is one already. */
		meet_overlay(w, plain_loads() ? PEEK(struct dentry, parent, d_inode) : inode, &ids);
	} else if (!unknown_raw(inode)) {
		identify_raw(inode, &ids.id[0]);
		meet_id(w, &ids.id[0]);
	}
	/* The usual end without another round: the root file system, which covers that of the boot. */
	if (climb->at != climb->root)
		return 0;
	return !cross(climb) || (climb->at == climb->root && at_top(climb));
}

/* Whether a climb that found no mount above has come to the root of a name space. A tree that is mounted nowhere
 * (open_tree, umount -l) hides the directories above it, and their rules. */
static __noinline bool is_top(__u64 mount)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 namespace;

	if ((__u64)task->nsproxy->mnt_ns->root == mount)
		return true;
	namespace = PEEK(struct mount, mount, mnt_ns);
	if (namespace >= (__u64)-4095)
		return true; /* the kernel's own mounts are trees of their own */
	return namespace && PEEK(struct mnt_namespace, namespace, seq);
}

/* `start` 0: the root of the mount. */
__noinline int climb_raw(struct walk *w, __u64 start, __u64 where)
{
	struct climb climb = {};

	if (!w)
		return 0;
	climb.walk = w;
	where_mounted(&climb, where - bpf_core_field_offset(struct mount, mnt));
	climb.at = start ? start : climb.root;
	if (climb.at != climb.root || (cross(&climb) && (climb.at != climb.root || !at_top(&climb))))
		bpf_loop(WALK_DEPTH, climb_step, &climb, 0);
	if (!w->ended)
		w->failed = 1;
	if (!w->detached && !is_top(climb.mount))
		w->failed = 1;
	return 0;
}

static __always_inline void walk_start(struct walk *w, __u64 agent, struct dentry *dentry)
{
	__builtin_memset(w, 0, sizeof(*w));
	w->agent = agent;
	w->name = (__u64)dentry->d_name.name;
	w->length = dentry->d_name.len;
	if (dentry->d_flags & (DCACHE_OP_HASH | DCACHE_OP_COMPARE))
		w->folds = folding(dentry->d_parent->d_inode->i_sb->s_magic, w->name, w->length);
}

static __always_inline void walk_start_raw(struct walk *w, __u64 agent, __u64 dentry)
{
	__builtin_memset(w, 0, sizeof(*w));
	w->agent = agent;
	w->name = PEEK(struct dentry, dentry, d_name.name);
	w->length = PEEK(struct dentry, dentry, d_name.len);
	if (PEEK(struct dentry, dentry, d_flags) & (DCACHE_OP_HASH | DCACHE_OP_COMPARE))
		w->folds = FOLDS_ALL;
}

/* Within the first mount the pointers are typed and loads are plain; most files need no more. */
static __always_inline void climb_typed(struct walk *w, struct dentry *at, struct vfsmount *where)
{
	bool overlay = where->mnt_sb->s_magic == MAGIC_OVERLAY;
	__u64 salt = telos_device_salt(where->mnt_sb->s_dev);
	struct dentry *root = where->mnt_root;

	for (int i = 0; i < WALK_TYPED; i++) {
		struct dentry *parent;
		struct inode *inode;

		if (at == root)
			break;
		parent = at->d_parent;
		if (parent == at) {
			w->detached = 1;
			return;
		}
		at = parent;
		w->depth++;
		inode = at->d_inode;
		if (overlay || !unknown(inode->i_ino, salt))
			meet_directory(w, inode);
	}
	climb_raw(w, at == root ? 0 : number(at), number(where));
}

#endif
