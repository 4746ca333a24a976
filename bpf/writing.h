/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether something may be written or changed now: by its rules, and after a slam. */
#ifndef TELOS_WRITING_H
#define TELOS_WRITING_H

#include "domains.h"
#include "memo.h"

/* Of the rules on a file and on its folders. 0, or the reason why not. */
static __always_inline __u32 write_verdict(const struct caller *c, __u32 flags)
{
	if (!(flags & TELOS_RULE_WRITE))
		return TELOS_REASON_WRITE_ROOT;
	if (!(c->state & TELOS_SLAMMED) || (c->flags & TELOS_AGENT_WRITES_TAINTED) || (flags & TELOS_RULE_KEEP))
		return 0;
	return TELOS_REASON_SLAMMED;
}

/* Whether descriptors 0 to 2 are shut: what they lead to is not the agent's alone. */
static __always_inline bool stdio_shut(const struct caller *c)
{
	return (c->state & TELOS_SLAMMED) && !(c->flags & TELOS_AGENT_STDIO_ALLOW);
}

/* What is allowed in a folder of shared memory: new objects, and those of one's own domain. After a slam no new ones: anybody
 * may read their names. */
static __always_inline __u32 memory_flags(struct caller *c, const struct ids *ids, bool made)
{
	return (made && !(c->state & TELOS_SLAMMED)) || own_private(c, &ids->id[0]) ? TELOS_RULE_WRITE | TELOS_RULE_KEEP
										    : 0;
}

/* The rules on an open file and its folders, from hooks that are asked later than its open. */
static __noinline __u32 flags_of_file(struct caller *c, struct file *file, const struct ids *ids)
{
	struct dentry *dentry = file->f_path.dentry;
	struct walk w;
	__u32 flags;

	walk_start(&w, c->id, dentry);
	climb_seldom(&w, dentry, file->f_path.mnt);
	if (w.failed)
		return 0;
	flags = rule_flags(c->id, ids) | w.flags;
	if (w.detached)
		flags |= TELOS_RULE_WRITE | TELOS_RULE_KEEP; /* memfd: no name, no directory */
	if (flags & TELOS_RULE_MEMORY)
		flags |= memory_flags(c, ids, false);
	return flags;
}

/* A regular file. 0, or the reason why a slammed agent may not write it. */
static __always_inline __u32 slammed_write_verdict(struct caller *c, struct file *file, struct finding *f)
{
	struct inode *inode = file->f_inode;
	struct ids ids = {};
	__u32 reason;

	if (remote_filesystem(inode->i_sb->s_magic))
		return TELOS_REASON_SLAMMED;
	identify_all(inode, &ids);
	f->inode = ids.id[0];
	if (!ids.count)
		return TELOS_REASON_STATE;
	if (rule_flags(c->id, &ids) & TELOS_RULE_STDIO)
		return c->flags & TELOS_AGENT_STDIO_ALLOW ? 0 : TELOS_REASON_STDIO;
	reason = entry_verdict(c, &ids);
	if (reason)
		return reason;
	/* Without a name it is its holders' alone: one who writes, and nobody outside. */
	if (!inode->i_nlink && (inode->i_readcount.counter > 0 || inode->i_writecount.counter > 1))
		return TELOS_REASON_FOREIGN;
	if (!inode->i_nlink)
		return c->agent->peers ? TELOS_REASON_UNMANAGED_PEER : 0;
	return write_verdict(c, flags_of_file(c, file, &ids));
}

#endif
