// SPDX-License-Identifier: GPL-2.0-only
/* File gate, deletions: the place of a file that is gone is free at once. The hooks of the LSM are asked before, and what
 * they are asked for may still fail; so the file is kept in mind there, and its place freed when one of the kernel's own
 * functions has left no name of it. By anybody's hand. */

/* What is about to lose its last name, by the task that is about to take it. One that is forgotten, or was never deleted
 * after all, does no harm: its inode is looked at again, and who it is. */
struct leaving {
	__u64 inode; /* below an overlay, the upper one: a lower one may still be others' */
	struct telos_inode id;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct leaving);
} leaving SEC(".maps");

static __noinline int keep_in_mind(__u64 inode)
{
	struct leaving file = {.inode = inode};
	__u64 task = (__u64)bpf_get_current_task();

	identify_raw(inode, &file.id);
	if (!unknown_inode(&file.id))
		bpf_map_update_elem(&leaving, &task, &file, BPF_ANY);
	return 0;
}

static __noinline int keep_upper_in_mind(__u64 inode)
{
	struct layers layers = {};
	__u64 real;

	if (!bpf_core_field_exists(struct ovl_inode, vfs_inode))
		return 0;
	layers_of(inode, &layers);
	real = inode_of(layers.upper);
	return real ? keep_in_mind(real) : 0;
}

static __always_inline void about_to_leave(struct dentry *dentry)
{
	struct inode *inode;

	if (negative(dentry))
		return;
	inode = dentry->d_inode;
	if (inode->i_nlink != 1 || (inode->i_mode & S_IFMT) == S_IFDIR)
		return;
	if (inode->i_sb->s_magic == MAGIC_OVERLAY)
		keep_upper_in_mind(number(inode));
	else
		keep_in_mind(number(inode));
}

static __noinline int left(void)
{
	__u64 task = (__u64)bpf_get_current_task();
	struct leaving *file = bpf_map_lookup_elem(&leaving, &task);
	struct telos_inode id;

	if (!file || PEEK(struct inode, file->inode, i_nlink))
		return 0;
	identify_raw(file->inode, &id);
	if (id.ino == file->id.ino && id.dev == file->id.dev && id.generation == file->id.generation)
		leave(&id);
	bpf_map_delete_elem(&leaving, &task);
	return 0;
}

SEC("fexit/vfs_unlink")
int telos_unlinked(void *ctx)
{
	left();
	return 0;
}

SEC("fexit/vfs_rename")
int telos_renamed(void *ctx)
{
	left();
	return 0;
}
