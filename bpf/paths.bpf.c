// SPDX-License-Identifier: GPL-2.0-only
/* File gate, names: making, removing, moving and changing them happens below write roots only. The path hooks
 * are those of the system call; what overlayfs does below itself does not come here. Errno: EPERM. */

/* Why this name may not change, or 0; what the walk met stays in `w`. */
static __always_inline __u32 change_verdict(struct caller *c, struct finding *f, struct dentry *dentry,
					    struct vfsmount *where, struct walk *w)
{
	struct dentry *parent = dentry->d_parent;

	if (expired(c))
		return TELOS_REASON_TTL;
	if (special_filesystem(parent->d_inode->i_sb->s_magic)) {
		f->gate = TELOS_GATE_GUARD; /* pins, control groups, settings: in audit mode too */
		return TELOS_REASON_WRITE_ROOT;
	}
	walk_start(w, c->id, dentry);
	climb(w, dentry, where);
	if (w->failed)
		return TELOS_REASON_STATE;
	if (w->flags & TELOS_RULE_SHUT) {
		f->gate = TELOS_GATE_GUARD;
		return TELOS_REASON_NODE_FILE;
	}
	return w->flags & TELOS_RULE_WRITE ? 0 : TELOS_REASON_WRITE_ROOT;
}

static __always_inline int change(struct caller *c, struct finding *f, struct dentry *dentry, struct vfsmount *where)
{
	struct walk w;

	f->reason = change_verdict(c, f, dentry, where, &w);
	if (!f->reason)
		return 0;
	f->mount = number(where);
	return answer(refuse_named(c, f, EPERM, dentry), EPERM);
}

/* As above, for a file that exists: a rule on the file itself (a literal path in files.write) counts too. */
static __always_inline int change_existing(struct caller *c, struct finding *f, const struct path *path)
{
	struct dentry *dentry = path->dentry;
	struct ids ids = {};

	/* A memfd has neither a name nor a directory (6.1 asks here for ftruncate too). */
	if (!dentry->d_inode->i_nlink && dentry->d_parent == dentry)
		return 0;
	identify_all(dentry->d_inode, &ids);
	f->inode = ids.id[0];
	if (ids.count && (rule_flags(c->id, &ids) & TELOS_RULE_WRITE) && !expired(c))
		return 0;
	return change(c, f, dentry, path->mnt);
}

SEC("lsm/path_unlink")
int BPF_PROG(telos_path_unlink, const struct path *dir, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_UNLINK);
	return change(&c, &f, dentry, dir->mnt);
}

SEC("lsm/path_mkdir")
int BPF_PROG(telos_path_mkdir, const struct path *dir, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_MKDIR);
	return change(&c, &f, dentry, dir->mnt);
}

SEC("lsm/path_rmdir")
int BPF_PROG(telos_path_rmdir, const struct path *dir, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_RMDIR);
	return change(&c, &f, dentry, dir->mnt);
}

SEC("lsm/path_symlink")
int BPF_PROG(telos_path_symlink, const struct path *dir, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_SYMLINK);
	return change(&c, &f, dentry, dir->mnt);
}

/* open(O_CREAT), mknod and bind of an AF_UNIX name. */
SEC("lsm/path_mknod")
int BPF_PROG(telos_path_mknod, const struct path *dir, struct dentry *dentry, unsigned int mode)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_MKNOD);
	if ((mode & S_IFMT) == S_IFCHR || (mode & S_IFMT) == S_IFBLK) {
		f.reason = TELOS_REASON_DEVICE;
		f.mount = number(dir->mnt);
		return answer(refuse_named(&c, &f, EPERM, dentry), EPERM);
	}
	return change(&c, &f, dentry, dir->mnt);
}

SEC("lsm/path_truncate")
int BPF_PROG(telos_path_truncate, const struct path *path)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_TRUNCATE);
	return change_existing(&c, &f, path);
}

SEC("lsm/path_chmod")
int BPF_PROG(telos_path_chmod, const struct path *path)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_CHMOD);
	return change_existing(&c, &f, path);
}

SEC("lsm/path_chown")
int BPF_PROG(telos_path_chown, const struct path *path)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_CHOWN);
	return change_existing(&c, &f, path);
}

/* What overlayfs notes on the layers below itself while a task changes what it may: it acts as whoever mounted it then.
 * A task that uses io_uring may act as somebody else by itself. */
static __always_inline bool overlay_note(const char *name)
{
	struct task_struct *task = bpf_get_current_task_btf();
	char text[17] = {};

	if (task->cred == task->real_cred || (bpf_core_field_exists(task->io_uring) && task->io_uring))
		return false;
	bpf_probe_read_kernel(text, 16, name);
	return !__builtin_memcmp(text, "trusted.overlay.", 16) || !__builtin_memcmp(text, "user.overlay.", 13);
}

/* Beyond names and contents: attributes and access lists, of what the agent itself wrote. */
static __always_inline int change_attribute(struct caller *c, struct finding *f, struct dentry *dentry)
{
	struct ids ids = {};

	identify_all(dentry->d_inode, &ids);
	f->inode = ids.id[0];
	if (ids.count && agent_wrote(&ids) && own_domain(c, &ids))
		return 0;
	f->reason = TELOS_REASON_WRITE_ROOT;
	return answer(refuse_named(c, f, EPERM, dentry), EPERM);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(telos_inode_setxattr, void *idmap, struct dentry *dentry, const char *name)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_INODE_SETXATTR);
	return overlay_note(name) ? 0 : change_attribute(&c, &f, dentry);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(telos_inode_removexattr, void *idmap, struct dentry *dentry, const char *name)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_INODE_SETXATTR);
	return overlay_note(name) ? 0 : change_attribute(&c, &f, dentry);
}

/* Since 6.2; before, access lists are attributes like others. */
SEC("lsm/inode_set_acl")
int BPF_PROG(telos_inode_set_acl, void *idmap, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_INODE_SETXATTR);
	return change_attribute(&c, &f, dentry);
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(telos_inode_remove_acl, void *idmap, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_INODE_SETXATTR);
	return change_attribute(&c, &f, dentry);
}

/* A name that moves or multiplies must not take a sensitive file out from under its directory's rule. */
static __always_inline __u32 leave_verdict(struct caller *c, struct dentry *dentry, struct walk *w)
{
	__u32 kind = dentry->d_inode->i_mode & S_IFMT;
	struct ids ids = {};
	__u32 flags;

	identify_all(dentry->d_inode, &ids);
	if (!ids.count)
		return TELOS_REASON_STATE;
	if (kind == S_IFDIR)
		return w->guarded ? TELOS_REASON_FILE : 0;
	flags = rule_flags(c->id, &ids) | w->flags;
	return flags & (TELOS_RULE_CRITICAL | TELOS_RULE_WARN) ? TELOS_REASON_FILE : 0;
}

static __always_inline __u32 leave_refused(struct caller *c, struct finding *f, struct dentry *old,
					   struct vfsmount *where, struct walk *w)
{
	__u32 reason = change_verdict(c, f, old, where, w);

	return reason ? reason : leave_verdict(c, old, w);
}

SEC("lsm/path_link")
int BPF_PROG(telos_path_link, struct dentry *old, const struct path *dir, struct dentry *dentry)
{
	struct walk w;

	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_LINK);
	f.reason = leave_refused(&c, &f, old, dir->mnt, &w);
	if (f.reason) {
		f.mount = number(dir->mnt);
		if (refuse_named(&c, &f, EPERM, old))
			return answer(true, EPERM);
	}
	return change(&c, &f, dentry, dir->mnt); /* an audited agent's new name is looked at as well */
}

SEC("lsm/path_rename")
int BPF_PROG(telos_path_rename, const struct path *from, struct dentry *old, const struct path *to, struct dentry *dentry)
{
	struct walk w;

	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_RENAME);
	f.reason = leave_refused(&c, &f, old, from->mnt, &w);
	if (f.reason) {
		f.mount = number(from->mnt);
		if (refuse_named(&c, &f, EPERM, old))
			return answer(true, EPERM);
	}
	return change(&c, &f, dentry, to->mnt); /* an audited agent's new name is looked at as well */
}
