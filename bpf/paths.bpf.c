// SPDX-License-Identifier: GPL-2.0-only
/* File gate, names: making, removing and moving them happens below write roots only. The path hooks are those of the
 * system call; what overlayfs does below itself does not come here. Errno: EPERM. */

/* In a folder of shared memory: new objects, and those of the agent's own domain. */
static __noinline __u32 named_memory(struct caller *c, struct dentry *dentry, bool makes)
{
	struct ids ids = {};

	if (negative(dentry))
		return makes && !(c->state & TELOS_SLAMMED) ? TELOS_RULE_WRITE | TELOS_RULE_KEEP : 0;
	identify_all(dentry->d_inode, &ids);
	return memory_flags(c, &ids, false);
}

/* Why this name may not change, or 0; what the walk met stays in `w`. `makes`: a file of one's own may come to be there. */
static __always_inline __u32 change_verdict(struct caller *c, struct finding *f, struct dentry *dentry,
					    struct vfsmount *where, struct walk *w, bool makes)
{
	struct dentry *parent = dentry->d_parent;

	if (expired(c))
		return TELOS_REASON_TTL;
	if (special_filesystem(parent->d_inode->i_sb->s_magic)) {
		f->gate = TELOS_GATE_GUARD; /* pins, control groups, settings: in audit mode too */
		return TELOS_REASON_WRITE_ROOT;
	}
	walk_start(w, c->id, dentry);
	climb_seldom(w, dentry, where);
	if (w->failed)
		return TELOS_REASON_STATE;
	if (w->flags & TELOS_RULE_SHUT) {
		f->gate = TELOS_GATE_GUARD;
		return TELOS_REASON_NODE_FILE;
	}
	if (w->flags & TELOS_RULE_MEMORY)
		w->flags |= named_memory(c, dentry, makes);
	return write_verdict(c, w->flags);
}

static __always_inline int refuse_change(struct caller *c, struct finding *f, struct dentry *dentry,
					 struct vfsmount *where)
{
	f->mount = number(where);
	return answer(refuse_named(c, f, EPERM, dentry), EPERM);
}

static __always_inline int change(struct caller *c, struct finding *f, struct dentry *dentry, struct vfsmount *where,
				  bool makes)
{
	struct walk w;

	f->reason = change_verdict(c, f, dentry, where, &w, makes);
	return f->reason ? refuse_change(c, f, dentry, where) : 0;
}

/* A folder that rules depend on: in its place there would be another one, of which they say nothing. */
static __noinline bool fixed(struct caller *c, struct dentry *dentry)
{
	struct ids ids = {};

	if (negative(dentry) || (dentry->d_inode->i_mode & S_IFMT) != S_IFDIR)
		return false;
	identify_all(dentry->d_inode, &ids);
	return !ids.count || (rule_flags(c->id, &ids) & TELOS_RULE_FIXED);
}

SEC("lsm/path_unlink")
int BPF_PROG(telos_path_unlink, const struct path *dir, struct dentry *dentry)
{
	int error = 0;

	about_to_leave(dentry);
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_UNLINK);
	error = change(&c, &f, dentry, dir->mnt, false);
	return answer(error, EPERM);
}

SEC("lsm/path_mkdir")
int BPF_PROG(telos_path_mkdir, const struct path *dir, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_MKDIR);
	return change(&c, &f, dentry, dir->mnt, false);
}

SEC("lsm/path_rmdir")
int BPF_PROG(telos_path_rmdir, const struct path *dir, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_RMDIR);
	if (fixed(&c, dentry)) {
		f.reason = TELOS_REASON_FOLDER;
		return refuse_change(&c, &f, dentry, dir->mnt);
	}
	return change(&c, &f, dentry, dir->mnt, false);
}

SEC("lsm/path_symlink")
int BPF_PROG(telos_path_symlink, const struct path *dir, struct dentry *dentry)
{
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_SYMLINK);
	return change(&c, &f, dentry, dir->mnt, false);
}

/* open(O_CREAT), mknod and bind of an AF_UNIX name. */
SEC("lsm/path_mknod")
int BPF_PROG(telos_path_mknod, const struct path *dir, struct dentry *dentry, unsigned int mode)
{
	__u32 kind = mode & S_IFMT;

	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_MKNOD);
	if (kind == S_IFCHR || kind == S_IFBLK) {
		f.reason = TELOS_REASON_DEVICE;
		return refuse_change(&c, &f, dentry, dir->mnt);
	}
	return change(&c, &f, dentry, dir->mnt, !kind || kind == S_IFREG);
}

/* A name that moves or multiplies must not take a sensitive file out from under its directory's rule. A folder may move
 * where the same rules hold: see moves_unguarded(). */
static __noinline __u32 leave_verdict(struct caller *c, struct dentry *dentry, __u32 flags)
{
	struct ids ids = {};

	if ((dentry->d_inode->i_mode & S_IFMT) == S_IFDIR)
		return fixed(c, dentry) ? TELOS_REASON_FOLDER : 0;
	identify_all(dentry->d_inode, &ids);
	if (!ids.count)
		return TELOS_REASON_STATE;
	flags |= rule_flags(c->id, &ids);
	return flags & (TELOS_RULE_CRITICAL | TELOS_RULE_WARN) ? TELOS_REASON_FILE : 0;
}

/* Of both walks only this is needed later, and the stack is short. */
struct met {
	__u64 sets;
	bool many;
	bool guarded;
};

static __noinline __u32 leave_refused(struct caller *c, struct finding *f, struct dentry *old, struct vfsmount *where,
				      struct met *met)
{
	struct walk w;
	__u32 reason = change_verdict(c, f, old, where, &w, false);

	met->sets = w.sets;
	met->many = w.met > FOUND_SETS;
	met->guarded = w.guarded;
	return reason ? reason : leave_verdict(c, old, w.flags);
}

static __noinline __u32 arrive_refused(struct caller *c, struct finding *f, struct dentry *name, struct vfsmount *where,
				       struct met *met)
{
	struct walk w;
	__u32 reason = change_verdict(c, f, name, where, &w, true);

	met->sets = w.sets;
	met->many = w.met > FOUND_SETS;
	return reason;
}

#define SET_MASK (((1ull << SET_BITS) - 1) & ~1ull)

/* Whether what lies in a folder would come out from under a directory rule that holds for it now. */
static __always_inline bool moves_unguarded(const struct met *from, const struct met *to)
{
	if (!from->guarded)
		return false;
	if (from->many || to->many)
		return true;
	for (int i = 0; i < FOUND_SETS; i++) {
		__u64 set = from->sets >> (i * SET_BITS) & SET_MASK;
		bool found = !set;

		for (int j = 0; j < FOUND_SETS; j++)
			found |= (to->sets >> (j * SET_BITS) & SET_MASK) == set;
		if (!found)
			return true;
	}
	return false;
}

static __always_inline bool is_folder(struct dentry *dentry)
{
	return !negative(dentry) && (dentry->d_inode->i_mode & S_IFMT) == S_IFDIR;
}

/* O_TMPFILE: it had no name, and so no place. */
static __noinline bool enter_named(struct caller *c, struct finding *f, struct dentry *dentry)
{
	struct ids ids = {};

	identify_all(dentry->d_inode, &ids);
	return ids.count && enter(c, &ids, true, TELOS_INODE_WRITTEN, f);
}

/* One of the two names of a rename, with what it means for the other. False: refused, and said so. */
static __always_inline bool refused_name(struct caller *c, struct finding *f, struct dentry *dentry,
					 struct vfsmount *where)
{
	if (!f->reason)
		return false;
	f->mount = number(where);
	return refuse_named(c, f, EPERM, dentry);
}

SEC("lsm/path_link")
int BPF_PROG(telos_path_link, struct dentry *old, const struct path *dir, struct dentry *dentry)
{
	struct met met = {};

	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_LINK);
	f.reason = leave_refused(&c, &f, old, dir->mnt, &met);
	if (!f.reason && !old->d_inode->i_nlink && !enter_named(&c, &f, old))
		f.reason = TELOS_REASON_QUOTA;
	if (refused_name(&c, &f, old, dir->mnt))
		return answer(true, EPERM);
	f.reason =
		arrive_refused(&c, &f, dentry, dir->mnt, &met); /* an audited agent's new name is looked at as well */
	return answer(refused_name(&c, &f, dentry, dir->mnt), EPERM);
}

SEC("lsm/path_rename")
int BPF_PROG(telos_path_rename, const struct path *from, struct dentry *old, const struct path *to,
	     struct dentry *dentry, unsigned int flags)
{
	struct met left = {}, arrived = {};

	if (!(flags & RENAME_EXCHANGE))
		about_to_leave(dentry); /* what it replaces */
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_PATH_RENAME);
	f.reason = flags & RENAME_WHITEOUT ? TELOS_REASON_DEVICE : leave_refused(&c, &f, old, from->mnt, &left);
	if (refused_name(&c, &f, old, from->mnt))
		return answer(true, EPERM);
	/* Exchanged, both names leave where they are; replaced, a folder would go. */
	if (flags & RENAME_EXCHANGE)
		f.reason = leave_refused(&c, &f, dentry, to->mnt, &arrived);
	else
		f.reason = fixed(&c, dentry) ? TELOS_REASON_FOLDER : arrive_refused(&c, &f, dentry, to->mnt, &arrived);
	if (!f.reason && ((is_folder(old) && moves_unguarded(&left, &arrived)) ||
			  ((flags & RENAME_EXCHANGE) && is_folder(dentry) && moves_unguarded(&arrived, &left))))
		f.reason = TELOS_REASON_FILE;
	return answer(refused_name(&c, &f, dentry, to->mnt), EPERM);
}
