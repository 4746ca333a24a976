/* SPDX-License-Identifier: GPL-2.0-only */
/* What a file is: its identities, the rules on it, the rules of the directories above it. */
#ifndef TELOS_FILES_H
#define TELOS_FILES_H

#include "report.h"

/* Directories a walk climbs, mounts included. What lies deeper is refused to a managed task. */
#define WALK_DEPTH 64
/* Of these, the ones nearest to the file are climbed with typed pointers: plain loads, but the verifier follows
 * every step of that loop, where it looks at the rest only once. */
#define WALK_TYPED 8

/* Below an overlay a file has an upper inode, a lower one, or both: a copy-up must not shed what was said of
 * the lower one. */
struct ids {
	struct telos_inode id[2];
	__u32 count;
};

static __always_inline void identify(struct inode *inode, struct telos_inode *id)
{
	id->ino = inode->i_ino;
	id->dev = inode->i_sb->s_dev;
	id->generation = inode->i_generation;
}

static __always_inline void identify_raw(struct inode *inode, struct telos_inode *id)
{
	id->ino = BPF_CORE_READ(inode, i_ino);
	id->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	id->generation = BPF_CORE_READ(inode, i_generation);
}

__noinline int identify_overlay(__u64 inode, struct ids *ids)
{
	struct ovl_inode *overlay;
	struct dentry *upper, *under = NULL;
	struct inode *real;

	if (!ids)
		return 0;
	ids->count = 0;
	if (!bpf_core_field_exists(struct ovl_inode, vfs_inode))
		return 0;
	overlay = (void *)inode - bpf_core_field_offset(struct ovl_inode, vfs_inode);
	upper = BPF_CORE_READ(overlay, __upperdentry);
	real = upper ? BPF_CORE_READ(upper, d_inode) : NULL;
	if (real) {
		identify_raw(real, &ids->id[0]);
		ids->count = 1;
	}
	real = NULL;
	if (bpf_core_field_exists(struct ovl_inode, oe)) {
		struct ovl_entry *entry = BPF_CORE_READ(overlay, oe);

		if (entry && BPF_CORE_READ(entry, __numlower)) {
			under = BPF_CORE_READ(entry, __lowerstack[0].dentry);
			real = under ? BPF_CORE_READ(under, d_inode) : NULL;
		}
	} else if (bpf_core_field_exists(struct ovl_inode___before65, lowerpath)) {
		under = BPF_CORE_READ((struct ovl_inode___before65 *)overlay, lowerpath.dentry);
		real = under ? BPF_CORE_READ(under, d_inode) : NULL;
	}
	if (real) {
		identify_raw(real, &ids->id[ids->count & 1]);
		ids->count++;
	}
	return 0;
}

/* No identity at all (count 0) is a reason to refuse. */
static __always_inline void identify_all(struct inode *inode, struct ids *ids)
{
	if (inode->i_sb->s_magic == MAGIC_OVERLAY) {
		identify_overlay(number(inode), ids);
		return;
	}
	identify(inode, &ids->id[0]);
	ids->count = 1;
}

static __always_inline void identify_all_raw(struct inode *inode, struct ids *ids)
{
	if (BPF_CORE_READ(inode, i_sb, s_magic) == MAGIC_OVERLAY) {
		identify_overlay((__u64)inode, ids);
		return;
	}
	identify_raw(inode, &ids->id[0]);
	ids->count = 1;
}

static __always_inline bool unknown_inode(const struct telos_inode *id)
{
	return !telos.inode_filter[telos_inode_cell(id->ino, id->dev)];
}

static __noinline struct telos_rule *rule_of(__u64 agent, const struct telos_inode *id)
{
	struct telos_rule_key key = {.agent = agent, .inode = *id};

	if (unknown_inode(id))
		return NULL;
	return bpf_map_lookup_elem(&rules, &key);
}

static __always_inline struct telos_inode_entry *entry_of(const struct telos_inode *id)
{
	if (unknown_inode(id))
		return NULL;
	return bpf_map_lookup_elem(&inodes, id);
}

/* The rules on a file's own identities, together. */
static __always_inline __u32 rule_flags(__u64 agent, const struct ids *ids)
{
	struct telos_rule *rule;
	__u32 flags = 0;

	rule = rule_of(agent, &ids->id[0]);
	if (rule)
		flags = rule->flags;
	if (ids->count == 2) {
		rule = rule_of(agent, &ids->id[1]);
		if (rule)
			flags |= rule->flags;
	}
	return flags;
}

/* A climb from a file to the root of the name space. */
struct walk {
	__u64 agent;
	__u64 name; /* address of the last component of where it began */
	__u64 hash; /* of that name; 0 where no directory rule can ask for it */
	__u32 length;
	__u32 flags;   /* of the rules met */
	__u32 depth;   /* directories above the start */
	__u32 failed;  /* too deep, or an identity that could not be had */
	__u32 detached; /* its directory is not known */
	__u32 guarded; /* below a directory whose rule taints at any depth */
};

/* telos_hash() of a name in kernel memory, of at most 255 bytes. */
__noinline __u64 hash_of(__u64 name, __u32 length)
{
	__u64 hash = TELOS_HASH_START;
	char text[32];

	for (__u32 at = 0; at < 256; at += sizeof(text)) {
		if (at >= length)
			break;
		__builtin_memset(text, 0, sizeof(text));
		bpf_probe_read_kernel(text, sizeof(text), (const void *)name + at);
		for (__u32 i = 0; i < sizeof(text); i++) {
			if (at + i >= length)
				break;
			hash = (hash ^ (__u8)text[i]) * TELOS_HASH_PRIME;
		}
	}
	return hash;
}

/* One directory rule against the last component. The name is read again each time: directory rules are few. */
static __always_inline bool tail_matches(struct telos_tail *tail, struct walk *w)
{
	__u32 length = w->length, want = tail->length, from;
	char text[32];

	if (tail->kind == TELOS_TAIL_ANY)
		return true;
	if (tail->kind == TELOS_TAIL_NAME)
		return length == want && w->hash == tail->hash;
	if (want > 32 || length < want)
		return false;
	from = tail->kind == TELOS_TAIL_SUFFIX ? length - want : 0;
	__builtin_memset(text, 0, sizeof(text));
	bpf_probe_read_kernel(text, 32, (const void *)w->name + from);
	for (__u32 i = 0; i < 32; i++) {
		if (i >= want)
			break;
		if ((__u8)text[i] != tail->text[i])
			return false;
	}
	return true;
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

static __always_inline void meet_id(struct walk *w, const struct telos_inode *id)
{
	struct telos_rule *rule = rule_of(w->agent, id);

	if (!rule)
		return;
	w->flags |= rule->flags & (TELOS_RULE_WRITE | TELOS_RULE_OWN);
	if (rule->tails)
		meet_tails(w, rule->tails);
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

/* From a dentry that is known only as an address: across mounts. */
struct climb {
	struct walk *walk;
	__u64 at;
	__u64 mount;
	__u64 root;
	__u32 done;
};

static long climb_step(__u32 index, struct climb *climb)
{
	struct mount *mount = (void *)climb->mount;
	struct dentry *at = (void *)climb->at, *parent;
	struct walk *w = climb->walk;
	struct ids ids = {};
	struct inode *inode;

	if (climb->at == climb->root) {
		struct mount *above = BPF_CORE_READ(mount, mnt_parent);

		if (above == mount || !above) {
			climb->done = 1;
			return 1;
		}
		climb->at = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
		climb->mount = (__u64)above;
		climb->root = (__u64)BPF_CORE_READ(above, mnt.mnt_root);
		return 0;
	}
	parent = BPF_CORE_READ(at, d_parent);
	inode = parent ? BPF_CORE_READ(parent, d_inode) : NULL;
	if (parent == at || !inode) {
		/* Connected to no directory: a memfd, or a file opened by handle whose place nobody knows. */
		w->detached = 1;
		climb->done = 1;
		return 1;
	}
	climb->at = (__u64)parent;
	w->depth++;
	identify_all_raw(inode, &ids);
	meet_all(w, &ids);
	return 0;
}

__noinline int climb_raw(struct walk *w, __u64 start, __u64 where)
{
	struct climb climb = {.at = start};
	struct mount *mount = (void *)where - bpf_core_field_offset(struct mount, mnt);

	if (!w)
		return 0;
	climb.walk = w;
	climb.mount = (__u64)mount;
	climb.root = (__u64)BPF_CORE_READ(mount, mnt.mnt_root);
	bpf_loop(WALK_DEPTH, climb_step, &climb, 0);
	if (!climb.done)
		w->failed = 1;
	return 0;
}

static __always_inline void walk_start(struct walk *w, __u64 agent, __u32 agent_flags, struct dentry *dentry)
{
	__builtin_memset(w, 0, sizeof(*w));
	w->agent = agent;
	w->name = (__u64)BPF_CORE_READ(dentry, d_name.name);
	w->length = BPF_CORE_READ(dentry, d_name.len);
	if (agent_flags & TELOS_AGENT_DIR_RULES)
		w->hash = hash_of(w->name, w->length);
}

/* Within the first mount the pointers are typed and loads are plain; most files need no more. */
static __always_inline void climb(struct walk *w, struct dentry *at, struct vfsmount *where)
{
	struct dentry *root = where->mnt_root;

	for (int i = 0; i < WALK_TYPED; i++) {
		struct ids ids = {};
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
		identify_all(inode, &ids);
		meet_all(w, &ids);
	}
	climb_raw(w, number(at), number(where));
}

/* The first identity counts as the file's own from now on; the others were looked at. */
static __always_inline bool enter_new(struct caller *c, const struct telos_inode *id, __u32 flags)
{
	struct telos_inode_entry entry = {.agent = c->id, .domain = c->root, .flags = flags};
	__u32 *cell = &telos.inode_filter[telos_inode_cell(id->ino, id->dev)];

	if (__sync_fetch_and_add(&c->agent->inodes, 1) >= c->agent->inodes_quota) {
		__sync_fetch_and_sub(&c->agent->inodes, 1);
		return false;
	}
	__sync_fetch_and_add(cell, 1);
	if (bpf_map_update_elem(&inodes, id, &entry, BPF_NOEXIST) == 0)
		return true;
	__sync_fetch_and_sub(cell, 1);
	__sync_fetch_and_sub(&c->agent->inodes, 1);
	return false;
}

static __always_inline bool enter_existing(struct caller *c, struct telos_inode_entry *entry, __u32 flags,
					   struct finding *f)
{
	__u32 domain = entry->domain;

	if (!domain)
		domain = __sync_val_compare_and_swap(&entry->domain, 0, c->root);
	if (flags)
		__sync_fetch_and_or(&entry->flags, flags);
	return !domain || share(c, domain, f);
}

/* Puts a file the agent may write into its domain, or the agent into the file's. False: no room. */
static __noinline bool enter(struct caller *c, const struct ids *ids, __u32 flags, struct finding *f)
{
	struct telos_inode_entry *entry;

	if (ids->count == 2) {
		entry = entry_of(&ids->id[1]);
		if (entry && !enter_existing(c, entry, flags, f))
			return false;
	}
	entry = entry_of(&ids->id[0]);
	if (entry)
		return enter_existing(c, entry, flags, f);
	if (enter_new(c, &ids->id[0], flags))
		return true;
	entry = bpf_map_lookup_elem(&inodes, &ids->id[0]); /* another task was first */
	if (entry)
		return enter_existing(c, entry, flags, f);
	count(TELOS_COUNT_FULL);
	return false;
}

/* Reads of what is not the agent's to write: only what agents wrote there counts. */
static __noinline bool meet_domain(struct caller *c, const struct ids *ids, struct finding *f)
{
	struct telos_inode_entry *entry = entry_of(&ids->id[0]);

	if (entry && entry->domain && !share(c, entry->domain, f))
		return false;
	if (ids->count == 2) {
		entry = entry_of(&ids->id[1]);
		if (entry && entry->domain && !share(c, entry->domain, f))
			return false;
	}
	return true;
}

static __always_inline bool agent_wrote(const struct ids *ids)
{
	struct telos_inode_entry *entry = entry_of(&ids->id[0]);

	if (entry && (entry->flags & TELOS_INODE_WRITTEN))
		return true;
	if (ids->count != 2)
		return false;
	entry = entry_of(&ids->id[1]);
	return entry && (entry->flags & TELOS_INODE_WRITTEN);
}

/* Whether what was written there was written by the caller's own domain. */
static __always_inline bool own_domain(struct caller *c, const struct ids *ids)
{
	struct telos_inode_entry *entry = entry_of(&ids->id[0]);

	return entry && entry->domain && domain_root(entry->domain) == c->root;
}

/* Served by somebody else: what is written there has left the machine. */
static __always_inline bool remote_filesystem(unsigned long magic)
{
	return magic == MAGIC_9P || magic == MAGIC_NFS || magic == MAGIC_SMB || magic == MAGIC_SMB2 || magic == MAGIC_CIFS ||
	       magic == MAGIC_CEPH || magic == MAGIC_AFS || magic == MAGIC_CODA || magic == MAGIC_FUSE;
}

static __always_inline bool special_filesystem(unsigned long magic)
{
	return magic == MAGIC_PROC || magic == MAGIC_SYSFS || magic == MAGIC_CGROUP || magic == MAGIC_CGROUP2 ||
	       magic == MAGIC_BPF || magic == MAGIC_TRACEFS || magic == MAGIC_DEBUGFS || magic == MAGIC_SECURITYFS ||
	       magic == MAGIC_CONFIGFS || magic == MAGIC_BINFMT || magic == MAGIC_EFIVARFS || magic == MAGIC_MQUEUE;
}

#endif
