// SPDX-License-Identifier: GPL-2.0-only
/* File gate, what a file is besides its content: size, mode, owner, times, attributes, access lists. All of it can be
 * changed without a descriptor that writes. Errno: EPERM. */

/* Why an existing file may not change, or 0: a rule on the file itself (a literal path in files.write) counts too. */
static __noinline __u32 file_change_verdict(struct caller *c, struct finding *f, struct dentry *dentry,
					    struct vfsmount *where, bool content)
{
	struct inode *inode = dentry->d_inode;
	struct ids ids = {};
	__u32 flags, reason;
	struct walk w;

	/* Without a name (memfd, or deleted while open) it is its holders' alone, see slammed_write_verdict(). 6.1 asks here for
	 * ftruncate too. */
	if (!inode->i_nlink) {
		if (!content || !(c->state & TELOS_SLAMMED))
			return 0;
		if (inode->i_readcount.counter > 0 || inode->i_writecount.counter > 1 || c->agent->peers)
			return TELOS_REASON_FOREIGN;
		return 0;
	}
	if (expired(c))
		return TELOS_REASON_TTL;
	/* An open socket has a mode for the name that it is bound to later, and nobody else sees it. */
	if (!content && inode->i_sb->s_magic == MAGIC_SOCKFS)
		return c->state & TELOS_SLAMMED ? TELOS_REASON_SLAMMED : 0;
	if (content && inode->i_sb->s_magic == MAGIC_PROC)
		return 0; /* no size to change; who opens it to write is asked for that */
	identify_all(inode, &ids);
	f->inode = ids.id[0];
	if (!ids.count)
		return TELOS_REASON_STATE;
	if ((inode->i_mode & S_IFMT) == S_IFCHR && own_private(c, &ids.id[0]))
		return 0; /* its own terminal */
	flags = rule_flags(c->id, &ids);
	if (content && (flags & (TELOS_RULE_EXEC | TELOS_RULE_INTERP)))
		return TELOS_REASON_APPROVED_FILE;
	if (content && (flags & TELOS_RULE_STDIO) && stdio_shut(c))
		return TELOS_REASON_STDIO;
	if (content && (c->state & TELOS_SLAMMED)) {
		reason = entry_verdict(c, &ids);
		if (reason)
			return reason;
	}
	if ((flags & TELOS_RULE_WRITE) && !write_verdict(c, flags))
		return 0;
	walk_start(&w, c->id, dentry);
	climb_seldom(&w, dentry, where);
	if (w.failed)
		return TELOS_REASON_STATE;
	if (w.flags & TELOS_RULE_SHUT) {
		f->gate = TELOS_GATE_GUARD;
		return TELOS_REASON_NODE_FILE;
	}
	flags |= w.flags;
	if (flags & TELOS_RULE_MEMORY)
		flags |= memory_flags(c, &ids, false);
	if (special_filesystem(inode->i_sb->s_magic)) {
		f->gate = TELOS_GATE_GUARD;
		return TELOS_REASON_WRITE_ROOT;
	}
	return write_verdict(c, flags);
}

static __always_inline int change_file(struct caller *c, struct finding *f, const struct path *path, bool content)
{
	f->reason = file_change_verdict(c, f, path->dentry, path->mnt, content);
	return f->reason ? refuse_change(c, f, path->dentry, path->mnt) : 0;
}

SEC("lsm/path_truncate")
int BPF_PROG(telos_path_truncate, const struct path *path)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_TRUNCATE);
	return change_file(&c, &f, path, true);
}

/* Since 6.2: open with O_TRUNC, and ftruncate. */
SEC("lsm/file_truncate")
int BPF_PROG(telos_file_truncate, struct file *file)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_TRUNCATE);
	return change_file(&c, &f, &file->f_path, true);
}

SEC("lsm/path_chmod")
int BPF_PROG(telos_path_chmod, const struct path *path)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_CHMOD);
	return change_file(&c, &f, path, false);
}

SEC("lsm/path_chown")
int BPF_PROG(telos_path_chown, const struct path *path)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_CHOWN);
	return change_file(&c, &f, path, false);
}

/* Whether the kernel acts for overlayfs, as whoever mounted it then: what the task does there was judged above it, and what is
 * copied and noted below is not its doing. A task that uses io_uring may act as somebody else by itself. */
static __always_inline bool for_overlay(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->cred != task->real_cred && !(bpf_core_field_exists(task->io_uring) && task->io_uring);
}

/* Times and attributes have no path hook, so nobody says by which mount the file was reached. Within its file system the climb needs none;
 * above it, any place where the caller's name space has it mounted counts. */
#define MOUNTS_LOOKED_AT 16

struct mounts {
	struct walk *walk;
	__u64 at; /* of the list that goes through struct mount */
	__u64 end;
	__u64 space;
};

/* A number where inode_of() may give a pointer, which functions that are verified by themselves do not take. */
static __always_inline __u64 inode_number(__u64 dentry)
{
	return PEEK(struct dentry, dentry, d_inode);
}

static long look_at_mount(__u32 index, struct mounts *m)
{
	__u64 mount = m->at - bpf_core_field_offset(struct mount, mnt_instance);

	if (m->at == m->end)
		return 1;
	m->at = PEEK(struct list_head, m->at, next);
	if (PEEK(struct mount, mount, mnt_ns) != m->space)
		return 0;
	climb_raw(m->walk, 0, mount + bpf_core_field_offset(struct mount, mnt));
	return 1;
}

static long climb_within(__u32 index, struct climb *climb)
{
	__u64 parent = PEEK(struct dentry, climb->at, d_parent), inode = inode_number(parent);
	struct ids ids = {};

	if (parent == climb->at || !inode)
		return 1;
	climb->at = parent;
	climb->walk->depth++;
	identify_all_raw(inode, &ids);
	meet_all(climb->walk, &ids);
	return 0;
}

__noinline __u32 flags_within(__u64 agent, __u64 dentry)
{
	struct climb climb = {};
	struct walk w;

	walk_start_raw(&w, agent, dentry);
	climb.walk = &w;
	climb.at = dentry;
	bpf_loop(WALK_DEPTH, climb_within, &climb, 0);
	return w.failed ? 0 : w.flags;
}

__noinline __u32 flags_above(__u64 agent, __u64 dentry)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mounts m = {};
	struct walk w;

	walk_start_raw(&w, agent, dentry);
	w.depth = 1; /* at least */
	m.walk = &w;
	m.end = PEEK(struct inode, inode_number(dentry), i_sb) + bpf_core_field_offset(struct super_block, s_mounts);
	m.at = PEEK(struct list_head, m.end, next);
	m.space = (__u64)task->nsproxy->mnt_ns;
	bpf_loop(MOUNTS_LOOKED_AT, look_at_mount, &m, 0);
	return w.failed ? 0 : w.flags;
}

static __noinline __u32 attribute_verdict(struct caller *c, struct finding *f, __u64 dentry)
{
	__u64 inode = inode_number(dentry);
	struct ids ids = {};
	__u32 flags;

	if (!inode)
		return TELOS_REASON_STATE;
	if (expired(c))
		return TELOS_REASON_TTL;
	identify_all_raw(inode, &ids);
	f->inode = ids.id[0];
	if (!ids.count)
		return TELOS_REASON_STATE;
	if (own_private(c, &ids.id[0]))
		return 0;
	flags = rule_flags(c->id, &ids) | flags_within(c->id, dentry);
	if (!(flags & TELOS_RULE_WRITE))
		flags |= flags_above(c->id, dentry);
	if (!PEEK(struct inode, inode, i_nlink))
		flags |= TELOS_RULE_WRITE | TELOS_RULE_KEEP;
	if (flags & TELOS_RULE_SHUT)
		return TELOS_REASON_NODE_FILE;
	return write_verdict(c, flags);
}

/* Of a file that agents wrote, its own domain's alone, wherever it is by now. 0, or the reason why not. */
static __noinline __u32 written_verdict(struct caller *c, struct finding *f, struct inode *inode, bool *written)
{
	struct ids ids = {};

	identify_all(inode, &ids);
	f->inode = ids.id[0];
	*written = ids.count && agent_wrote(&ids);
	if (!*written)
		return 0;
	if (!own_domain(c, &ids))
		return TELOS_REASON_WRITE_ROOT;
	return (c->state & TELOS_SLAMMED) && !(c->flags & TELOS_AGENT_WRITES_TAINTED) ? TELOS_REASON_SLAMMED : 0;
}

/* Beyond names and contents: attributes and access lists, of what the agent wrote, and of everything else (folders, pipes)
 * where it may write. */
static __always_inline int change_attribute(struct caller *c, struct finding *f, struct dentry *dentry)
{
	bool written = false;

	f->reason = written_verdict(c, f, dentry->d_inode, &written);
	if (!f->reason && !written)
		f->reason = attribute_verdict(c, f, number(dentry));
	return f->reason ? answer(refuse_named(c, f, EPERM, dentry), EPERM) : 0;
}

SEC("lsm/inode_setxattr")
int BPF_PROG(telos_inode_setxattr, void *idmap, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_INODE_SETXATTR);
	return for_overlay() ? 0 : change_attribute(&c, &f, dentry);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(telos_inode_removexattr, void *idmap, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_INODE_SETXATTR);
	return for_overlay() ? 0 : change_attribute(&c, &f, dentry);
}

/* Since 6.2; before, access lists are attributes like others. */
SEC("lsm/inode_set_acl")
int BPF_PROG(telos_inode_set_acl, void *idmap, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_INODE_SETXATTR);
	return for_overlay() ? 0 : change_attribute(&c, &f, dentry);
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(telos_inode_remove_acl, void *idmap, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_INODE_SETXATTR);
	return for_overlay() ? 0 : change_attribute(&c, &f, dentry);
}

/* utimes; everything else that comes here has hooks with a path. The arguments moved by one in 6.9. */
SEC("lsm/inode_setattr")
int BPF_PROG(telos_inode_setattr)
{
	__u32 first = bpf_core_type_exists(struct bpf_token___verity) ? 1 : 0;
	__u64 dentry, what;

	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_INODE_SETATTR);
	dentry = argument(ctx, first);
	what = argument(ctx, first + 1);
	if (!(PEEK(struct iattr, what, ia_valid) & ATTR_TIMES) || for_overlay())
		return 0;
	f.reason = attribute_verdict(&c, &f, dentry);
	if (!f.reason)
		return 0;
	f.named = PEEK(struct dentry, dentry, d_name.name);
	return answer(refuse_by_name(&c, &f, EPERM), EPERM);
}
