/* SPDX-License-Identifier: GPL-2.0-only */
/* What a file is: its identities, the rules and the entry on it, the kind of its file system. */
#ifndef TELOS_FILES_H
#define TELOS_FILES_H

#include "report.h"

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

/* Whether nothing has this name. The verifier of 6.12 takes what a dentry points to for never NULL, drops a test of it, and lets
 * a program read from there: so the test is of a number, before anything else. */
static __always_inline bool negative(struct dentry *dentry)
{
	return !PEEK(struct dentry, number(dentry), d_inode);
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

/* Served by somebody else: what is written there has left the machine. */
static __always_inline bool remote_filesystem(unsigned long magic)
{
	return magic == MAGIC_9P || magic == MAGIC_NFS || magic == MAGIC_SMB || magic == MAGIC_SMB2 ||
	       magic == MAGIC_CIFS || magic == MAGIC_CEPH || magic == MAGIC_AFS || magic == MAGIC_CODA ||
	       magic == MAGIC_FUSE;
}

static __always_inline bool special_filesystem(unsigned long magic)
{
	return magic == MAGIC_PROC || magic == MAGIC_SYSFS || magic == MAGIC_CGROUP || magic == MAGIC_CGROUP2 ||
	       magic == MAGIC_BPF || magic == MAGIC_TRACEFS || magic == MAGIC_DEBUGFS || magic == MAGIC_SECURITYFS ||
	       magic == MAGIC_CONFIGFS || magic == MAGIC_BINFMT || magic == MAGIC_EFIVARFS || magic == MAGIC_MQUEUE;
}

#endif
