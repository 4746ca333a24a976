/* SPDX-License-Identifier: GPL-2.0-only */
/* What agents wrote: files join domains, and domains join over them. */
#ifndef TELOS_DOMAINS_H
#define TELOS_DOMAINS_H

#include "files.h"

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

#endif
