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

static __always_inline void identify_raw(__u64 inode, struct telos_inode *id)
{
	if (plain_loads()) {
		identify(AT(struct inode, inode), id);
		return;
	}
	id->ino = PEEK(struct inode, inode, i_ino);
	id->dev = PEEK(struct super_block, PEEK(struct inode, inode, i_sb), s_dev);
	id->generation = PEEK(struct inode, inode, i_generation);
}

static __always_inline __u64 inode_of(__u64 dentry)
{
	if (!dentry)
		return 0;
	return plain_loads() ? (__u64)AT(struct dentry, dentry)->d_inode : PEEK(struct dentry, dentry, d_inode);
}


/* What lies below an inode of overlayfs. */
struct layers {
	__u64 upper; /* directory entries, 0: none */
	__u64 between;
	__u64 lower; /* the lowest layer's */
};

static __always_inline void layers_of(__u64 inode, struct layers *layers)
{
	const __u32 upper = bpf_core_field_offset(struct ovl_inode, __upperdentry);

	inode -= bpf_core_field_offset(struct ovl_inode, vfs_inode);
	if (bpf_core_field_exists(struct ovl_inode, oe)) {
		__u64 entry = PEEK(struct ovl_inode, inode, oe);

		layers->upper = PEEK(struct ovl_inode, inode, __upperdentry);
		layers->lower = entry && PEEK(struct ovl_entry, entry, __numlower)
					? PEEK(struct ovl_entry, entry, __lowerstack[0].dentry)
					: 0;
		return;
	}
	if (bpf_core_field_offset(struct ovl_inode___before65, lowerpath.dentry) == upper + 16) {
		bpf_probe_read_kernel(layers, sizeof(*layers), (const void *)inode + upper); /* one call for both */
		return;
	}
	layers->upper = PEEK(struct ovl_inode, inode, __upperdentry);
	layers->lower = bpf_core_field_exists(struct ovl_inode___before65, lowerpath)
				? PEEK(struct ovl_inode___before65, inode, lowerpath.dentry)
				: 0;
}

__noinline int identify_overlay(__u64 inode, struct ids *ids)
{
	struct layers layers = {};
	__u64 real;

	if (!ids)
		return 0;
	ids->count = 0;
	if (!bpf_core_field_exists(struct ovl_inode, vfs_inode))
		return 0;
	layers_of(inode, &layers);
	real = inode_of(layers.upper);
	if (real) {
		identify_raw(real, &ids->id[0]);
		ids->count = 1;
	}
	real = inode_of(layers.lower);
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

static __always_inline void identify_all_raw(__u64 inode, struct ids *ids)
{
	if (PEEK(struct super_block, PEEK(struct inode, inode, i_sb), s_magic) == MAGIC_OVERLAY) {
		identify_overlay(inode, ids);
		return;
	}
	identify_raw(inode, &ids->id[0]);
	ids->count = 1;
}

/* Nearly every directory and most files are in no rule and no entry; one load says so. */
static __always_inline bool unknown(__u64 ino, __u64 salt)
{
	return !telos.inode_filter[telos_inode_cell(ino, salt)];
}

static __always_inline bool unknown_inode(const struct telos_inode *id)
{
	return unknown(id->ino, telos_device_salt(id->dev));
}

static __always_inline bool unknown_raw(__u64 inode)
{
	const __u32 sb = bpf_core_field_offset(struct inode, i_sb);
	struct {
		__u64 sb;
		__u64 between[2];
		__u64 ino;
	} at;

	if (plain_loads()) {
		struct inode *typed = AT(struct inode, inode);

		return unknown(typed->i_ino, telos_device_salt(typed->i_sb->s_dev));
	}
	if (bpf_core_field_offset(struct inode, i_ino) == sb + 24) {
		bpf_probe_read_kernel(&at, sizeof(at), (const void *)inode + sb); /* one call for both */
	} else {
		at.sb = PEEK(struct inode, inode, i_sb);
		at.ino = PEEK(struct inode, inode, i_ino);
	}
	return unknown(at.ino, telos_device_salt(PEEK(struct super_block, at.sb, s_dev)));
}

/* The same of both that lie below an inode of overlayfs; "no" also where neither can be had. */
__noinline int unknown_overlay(__u64 inode)
{
	struct layers layers = {};
	int found = 0;
	__u64 real;

	if (!bpf_core_field_exists(struct ovl_inode, vfs_inode))
		return 0;
	layers_of(inode, &layers);
	real = inode_of(layers.upper);
	if (real) {
		if (!unknown_raw(real))
			return 0;
		found = 1;
	}
	real = inode_of(layers.lower);
	if (real) {
		if (!unknown_raw(real))
			return 0;
		found = 1;
	}
	return found;
}

static __noinline struct telos_rule *look_up_rule(__u64 agent, const struct telos_inode *id)
{
	struct telos_rule_key key = {.agent = agent, .inode = *id};

	return bpf_map_lookup_elem(&rules, &key);
}

static __always_inline struct telos_rule *rule_of(__u64 agent, const struct telos_inode *id)
{
	return unknown_inode(id) ? NULL : look_up_rule(agent, id);
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
	__u64 hash; /* of a name longer than PIECE, once a directory rule has asked for it */
	__u32 length;
	__u32 flags;   /* of the rules met */
	__u8 depth;    /* directories above the start */
	__u8 failed;   /* too deep, or an identity that could not be had */
	__u8 detached; /* its directory is not known */
	__u8 guarded;  /* below a directory whose rule taints at any depth */
	__u8 ended;    /* at a mount with none above it */
};

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
	__u64 text[PIECE / 8] = {};
	__u32 want = tail->length;

	barrier_var(want); /* the verifier takes the bound from this very register */
	if (want > PIECE)
		return false;
	if (bpf_probe_read_kernel(text, want, (const void *)w->name + from))
		return true; /* cannot be; on the safe side */
	return text[0] == wanted[0] && text[1] == wanted[1] && text[2] == wanted[2] && text[3] == wanted[3];
}

/* One directory rule against the last component. */
static __always_inline bool tail_matches(const struct telos_tail *tail, const struct walk *w)
{
	const __u64 *wanted = (const __u64 *)tail->text;
	__u32 length = w->length, want = tail->length;

	if (tail->kind == TELOS_TAIL_ANY)
		return true;
	if (tail->kind == TELOS_TAIL_NAME) {
		if (length != want)
			return false;
		if (want > PIECE)
			return w->hash == tail->hash;
		if (!plain_loads())
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

static __always_inline void meet_id(struct walk *w, const struct telos_inode *id)
{
	struct telos_rule *rule;

	rule = rule_of(w->agent, id);
	if (!rule)
		return;
	w->flags |= rule->flags & (TELOS_RULE_WRITE | TELOS_RULE_OWN);
	if (!rule->tails)
		return;
	if (w->length > PIECE && !w->hash)
		w->hash = hash_of(w->name, w->length);
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
}

static __always_inline void walk_start_raw(struct walk *w, __u64 agent, __u64 dentry)
{
	__builtin_memset(w, 0, sizeof(*w));
	w->agent = agent;
	w->name = PEEK(struct dentry, dentry, d_name.name);
	w->length = PEEK(struct dentry, dentry, d_name.len);
}

/* Within the first mount the pointers are typed and loads are plain; most files need no more. */
static __always_inline void climb(struct walk *w, struct dentry *at, struct vfsmount *where)
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

/* The first identity counts as the file's own from now on; the others were looked at. */
static __always_inline bool enter_new(struct caller *c, const struct telos_inode *id, __u32 flags)
{
	struct telos_inode_entry entry = {.agent = c->id, .domain = c->root, .flags = flags};
	__u32 *cell = &telos.inode_filter[telos_inode_cell(id->ino, telos_device_salt(id->dev))];

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

static __noinline bool meet_known_domain(struct caller *c, const struct ids *ids, struct finding *f)
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

/* Reads of what is not the agent's to write: only what agents wrote there counts. */
static __always_inline bool meet_domain(struct caller *c, const struct ids *ids, struct finding *f)
{
	if (unknown_inode(&ids->id[0]) && (ids->count != 2 || unknown_inode(&ids->id[1])))
		return true;
	return meet_known_domain(c, ids, f);
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
