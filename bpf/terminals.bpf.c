// SPDX-License-Identifier: GPL-2.0-only
/* File gate, terminals: one that the tree made is the tree's, as its pipes are. The mark lies on the slave's inode from the
 * moment it exists to the moment it goes, because the next terminal gets the same number. Both functions are the kernel's
 * own (fs/devpts), which no hook of the LSM sees. */

static __always_inline bool is_ptmx(__u32 dev)
{
	return dev == (5 << 20 | 2);
}

/* The slave's inode of an open end of a terminal, 0 for none. */
static __always_inline __u64 slave_of(struct file *file)
{
	struct tty_file_private *held = BPF_CORE_READ((struct file *)file, private_data);
	struct dentry *slave = held ? (struct dentry *)BPF_CORE_READ(held, tty, driver_data) : NULL;

	return slave ? inode_of((__u64)slave) : 0;
}

/* Whether this is an end of a terminal that the caller's own domain made. */
static __noinline bool own_terminal(struct caller *c, struct file *file)
{
	struct inode *inode = file->f_inode;
	struct telos_inode id;
	__u64 slave;

	if (!is_ptmx(inode->i_rdev)) {
		identify(inode, &id);
		return own_private(c, &id);
	}
	slave = slave_of(file);
	if (!slave)
		return false;
	identify_raw(slave, &id);
	return own_private(c, &id);
}

SEC("fexit/devpts_pty_new")
int BPF_PROG(telos_terminal_made, void *where, int index, void *terminal, struct dentry *slave)
{
	__u64 inode, at = argument(ctx, 3);
	struct telos_inode id;
	struct caller c = {};

	if (surely_unmanaged() || at >= (__u64)-4095 || caller(&c) != MANAGED)
		return 0;
	inode = inode_of(at);
	if (!inode)
		return 0;
	identify_raw(inode, &id);
	enter_new(&c, &id, TELOS_INODE_TERMINAL); /* no room: nobody of the tree can open it */
	return 0;
}

SEC("fentry/devpts_pty_kill")
int BPF_PROG(telos_terminal_gone, struct dentry *slave)
{
	__u64 inode = inode_of(argument(ctx, 0));
	struct telos_inode_entry *entry;
	struct telos_inode id;

	if (!inode)
		return 0;
	identify_raw(inode, &id);
	entry = entry_of(&id);
	if (entry && (entry->flags & TELOS_INODE_TERMINAL))
		leave(&id);
	return 0;
}
