/* SPDX-License-Identifier: GPL-2.0-only */
/* What agents wrote: files join domains, and domains join over them.
 *
 * A file belongs to the domain of who wrote it first. Whoever reads it, or opens it for both, joins that domain. Who only
 * writes gives and gets nothing back, so he joins nobody: two agents append to one log, and the slam of one does not come
 * over the other. What would go from a slammed agent to the readers of another's file is refused where it is written. */
#ifndef TELOS_DOMAINS_H
#define TELOS_DOMAINS_H

#include "files.h"

#define INODE_FLAGS ((1u << TELOS_INODE_SLOT_SHIFT) - 1)

static __always_inline __u32 *filter_cell(const struct telos_inode *id)
{
	return &telos.inode_filter[telos_inode_cell(id->ino, telos_device_salt(id->dev))];
}

/* The first identity counts as the file's own from now on; the others were looked at. */
static __always_inline bool enter_new(struct caller *c, const struct telos_inode *id, __u32 flags)
{
	struct telos_inode_entry entry = {
		.agent = c->id, .domain = c->root, .flags = flags | c->slot << TELOS_INODE_SLOT_SHIFT};
	__u32 *cell = filter_cell(id);

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

/* The file is gone, and so is its place. */
static __noinline int leave(const struct telos_inode *id)
{
	struct telos_inode_entry *entry = bpf_map_lookup_elem(&inodes, id);
	struct telos_agent *agent;
	__u64 owner;
	__u32 slot;

	if (!entry)
		return 0;
	owner = entry->agent;
	slot = entry->flags >> TELOS_INODE_SLOT_SHIFT;
	if (bpf_map_delete_elem(&inodes, id))
		return 0;
	__sync_fetch_and_sub(filter_cell(id), 1);
	agent = bpf_map_lookup_elem(&agents, &slot);
	if (owner && agent && agent->id == owner)
		__sync_fetch_and_sub(&agent->inodes, 1);
	return 0;
}

/* Who reads as well joins; who only writes leaves his mark. */
static __always_inline bool enter_existing(struct caller *c, struct telos_inode_entry *entry, bool reads, __u32 flags,
					   struct finding *f)
{
	__u32 domain = entry->domain;

	if (!domain)
		domain = __sync_val_compare_and_swap(&entry->domain, 0, c->root);
	if (flags)
		__sync_fetch_and_or(&entry->flags, flags);
	if (!domain || domain == c->root || domain_root(domain) == c->root)
		return true;
	if (c->state & TELOS_SLAMMED) {
		f->reason = TELOS_REASON_FOREIGN;
		return false;
	}
	if (reads)
		return share(c, domain, f);
	__sync_fetch_and_or(&entry->flags, TELOS_INODE_SHARED);
	return true;
}

/* Puts a file that the agent may write into its domain, or the agent into the file's. False: no room, or the reason. */
static __noinline bool enter(struct caller *c, const struct ids *ids, bool reads, __u32 flags, struct finding *f)
{
	struct telos_inode_entry *entry;

	if (ids->count == 2) {
		entry = entry_of(&ids->id[1]);
		if (entry && !enter_existing(c, entry, reads, flags, f))
			return false;
	}
	entry = entry_of(&ids->id[0]);
	if (entry)
		return enter_existing(c, entry, reads, flags, f);
	if (enter_new(c, &ids->id[0], flags))
		return true;
	entry = bpf_map_lookup_elem(&inodes, &ids->id[0]); /* another task was first */
	if (entry)
		return enter_existing(c, entry, reads, flags, f);
	count(TELOS_COUNT_FULL);
	return false;
}

/* Whether the file is in no domain yet: who opened it for reading until now joined none over it. */
static __always_inline bool first_writer(const struct ids *ids)
{
	struct telos_inode_entry *entry = entry_of(&ids->id[0]);

	return !entry || !entry->domain;
}

/* A file that others have open for reading while it gets its first writer: what they read later they read as nobody's, so
 * no slammed agent may write it. Those who open it after this find the entry. */
static __always_inline bool mark_readers(struct inode *inode, const struct ids *ids)
{
	struct telos_inode_entry *entry;

	if (inode->i_readcount.counter <= 0)
		return true;
	entry = bpf_map_lookup_elem(&inodes, &ids->id[0]);
	if (!entry)
		return false;
	__sync_fetch_and_or(&entry->flags, TELOS_INODE_READERS);
	return true;
}

static __always_inline bool known_file(const struct ids *ids)
{
	return !unknown_inode(&ids->id[0]) || (ids->count == 2 && !unknown_inode(&ids->id[1]));
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

/* Reads: only what agents wrote there counts, and what nobody wrote takes no place. Who is slammed already learns nothing by it,
 * and gives nothing. */
static __always_inline bool meet_domain(struct caller *c, const struct ids *ids, struct finding *f)
{
	return (c->state & TELOS_SLAMMED) || !known_file(ids) || meet_known_domain(c, ids, f);
}

static __always_inline __u32 entry_flags(const struct ids *ids)
{
	struct telos_inode_entry *entry = entry_of(&ids->id[0]);
	__u32 flags = entry ? entry->flags : 0;

	if (ids->count == 2) {
		entry = entry_of(&ids->id[1]);
		if (entry)
			flags |= entry->flags;
	}
	return flags & INODE_FLAGS;
}

static __always_inline bool agent_wrote(const struct ids *ids)
{
	return entry_flags(ids) & TELOS_INODE_WRITTEN;
}

/* Whether what was written there was written by the caller's own domain, and by nobody else. */
static __always_inline bool own_domain(struct caller *c, const struct ids *ids)
{
	struct telos_inode_entry *entry = entry_of(&ids->id[0]);

	return entry && !(entry->flags & TELOS_INODE_SHARED) && entry->domain && domain_root(entry->domain) == c->root;
}

/* An object that its domain has alone: shared memory, a terminal. */
static __always_inline bool own_private(struct caller *c, const struct telos_inode *id)
{
	struct telos_inode_entry *entry = entry_of(id);

	return entry && (entry->flags & (TELOS_INODE_PRIVATE | TELOS_INODE_TERMINAL)) && entry->domain &&
	       domain_root(entry->domain) == c->root;
}

/* What a slammed agent writes may reach nobody but its own domain. 0, or the reason why not. */
static __noinline __u32 entry_verdict(struct caller *c, const struct ids *ids)
{
	struct telos_inode_entry *entry = entry_of(&ids->id[0]);

	if (entry && ((entry->flags & TELOS_INODE_READERS) || (entry->domain && domain_root(entry->domain) != c->root)))
		return TELOS_REASON_FOREIGN;
	if (ids->count == 2) {
		entry = entry_of(&ids->id[1]);
		if (entry && entry->domain && domain_root(entry->domain) != c->root)
			return TELOS_REASON_FOREIGN;
	}
	return 0;
}

#endif
