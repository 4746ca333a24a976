// SPDX-License-Identifier: GPL-2.0-only
/* File gate, what is open already: writes and locks after a slam, and descriptors from elsewhere. Errno: EPERM. */

/* Only what a slam stops, and only where the socket hooks and egress do not see it (files, pipes, terminals, sendfile and
 * splice on 6.1). */
SEC("lsm/file_permission")
int BPF_PROG(telos_file_permission, struct file *file, int mask)
{
	struct telos_rule *rule;
	struct inode *inode;
	struct socket *sock;
	struct sock *sk;
	__u32 kind;

	if (!(mask & MAY_WRITE))
		return 0;
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_FILE_PERMISSION,
		     .reason = TELOS_REASON_SLAMMED);
	if (!(c.state & TELOS_SLAMMED))
		return 0;
	inode = file->f_inode;
	kind = inode->i_mode & S_IFMT;
	if (kind == S_IFREG) {
		if (file->f_mode & FMODE_NOACCOUNT)
			return 0; /* below an overlay whose file was judged */
		f.reason = slammed_write_verdict(&c, file, &f);
		return answer(f.reason && refuse(&c, &f, EPERM), EPERM);
	}
	if (kind != S_IFIFO && kind != S_IFSOCK && kind != S_IFCHR)
		return 0;
	identify(inode, &f.inode);
	rule = rule_of(c.id, &f.inode);
	if (rule && (rule->flags & TELOS_RULE_STDIO)) {
		if (c.flags & TELOS_AGENT_STDIO_ALLOW)
			return 0;
		f.reason = TELOS_REASON_STDIO;
		return answer(refuse(&c, &f, EPERM), EPERM);
	}
	if (kind == S_IFCHR)
		return answer(!(inode->i_rdev >> 20 == 1 && harmless_device(inode->i_rdev)) &&
				      !own_terminal(&c, file) && !(c.flags & TELOS_AGENT_STDIO_ALLOW) &&
				      refuse(&c, &f, EPERM),
			      EPERM);
	if (kind == S_IFIFO) /* a pipe made in the tree stays in it; a named one may have any reader */
		return answer(inode->i_sb->s_magic != MAGIC_PIPE && refuse(&c, &f, EPERM), EPERM);
	sock = bpf_sock_from_file(file);
	if (!sock)
		return 0;
	sk = sock->sk;
	if (!sk)
		return 0;
	f.gate = TELOS_GATE_NETWORK;
	f.family = sk->__sk_common.skc_family;
	if (f.family == AF_UNIX) /* sendmsg tells the peers apart, but splice does not come to it on 6.1 */
		return answer(c.agent->peers && refuse(&c, &f, EPERM), EPERM);
	if (c.flags & (TELOS_AGENT_REACHABLE | TELOS_AGENT_LOOPBACK))
		return 0; /* egress knows the destination */
	return answer(refuse(&c, &f, EPERM), EPERM);
}

/* A lock on a file that others use lets an agent stall them, and after a slam it is a sign that they can read. Locks for
 * reading alone are ordinary (databases), and so is everything where the agent may write. */
SEC("lsm/file_lock")
int BPF_PROG(telos_file_lock, struct file *file, unsigned int kind)
{
	struct inode *inode;
	struct ids ids = {};
	__u32 type;

	if (kind == F_UNLCK)
		return 0;
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_FILE_LOCK, .reason = TELOS_REASON_LOCK);
	if (!(c.state & TELOS_SLAMMED) && (kind == F_RDLCK || (file->f_mode & FMODE_WRITE)))
		return 0;
	inode = file->f_inode;
	type = inode->i_mode & S_IFMT;
	if ((type != S_IFREG && type != S_IFDIR) || !inode->i_nlink)
		return 0;
	identify_all(inode, &ids);
	f.inode = ids.id[0];
	if (ids.count && !write_verdict(&c, flags_of_file(&c, file, &ids)))
		return 0;
	f.mount = number(file->f_path.mnt);
	return answer(refuse_named(&c, &f, EPERM, file->f_path.dentry), EPERM);
}

static __noinline int receive_file(struct caller *c, struct finding *f, struct file *file, const struct ids *ids)
{
	struct walk w;
	__u32 flags;
	bool room;

	walk_start(&w, c->id, file->f_path.dentry);
	climb_seldom(&w, file->f_path.dentry, file->f_path.mnt);
	flags = rule_flags(c->id, ids) | w.flags;
	if ((flags & TELOS_RULE_CRITICAL) && must_not_slam(c))
		return answer(refuse(c, f, EPERM), EPERM);
	room = file->f_mode & FMODE_WRITE ? enter(c, ids, file->f_mode & FMODE_READ, TELOS_INODE_WRITTEN, f)
					  : meet_domain(c, ids, f);
	if (w.failed || !room) {
		if (f->reason != TELOS_REASON_FOREIGN)
			f->reason = TELOS_REASON_QUOTA;
		return answer(refuse(c, f, EPERM), EPERM);
	}
	if (flags & (TELOS_RULE_CRITICAL | TELOS_RULE_WARN)) {
		bool news = raise(c, flags & TELOS_RULE_CRITICAL ? TELOS_TAINTED | TELOS_SLAMMED : TELOS_TAINTED);

		f->kind = news && (flags & TELOS_RULE_CRITICAL) ? TELOS_EVENT_SLAMMED : TELOS_EVENT_TAINTED;
		f->reason = TELOS_REASON_FILE;
		report(c, f);
	}
	return 0;
}

/* A terminal passed on within the tree (tmux): its own, or the one that it was started with. */
static __noinline bool known_terminal(struct caller *c, struct file *file)
{
	struct telos_inode id;
	struct telos_rule *rule;

	if (own_terminal(c, file))
		return true;
	identify(file->f_inode, &id);
	rule = rule_of(c->id, &id);
	return rule && (rule->flags & TELOS_RULE_STDIO);
}

static __noinline int receive_socket(struct caller *c, struct finding *f, struct file *file)
{
	struct socket *sock = bpf_sock_from_file(file);
	struct sock *sk = sock ? sock->sk : NULL;
	struct telos_socket *label = sk ? bpf_sk_storage_get(&sockets, sk, 0, 0) : NULL;
	struct caller other = {};

	if (label && label->agent == c->id)
		return 0;
	if (label && agent_of_slot(&other, label->agent, label->slot) && share(c, other.root, f))
		return 0;
	f->gate = TELOS_GATE_NETWORK;
	return answer(refuse(c, f, EPERM), EPERM);
}

/* SCM_RIGHTS and pidfd_getfd. */
SEC("lsm/file_receive")
int BPF_PROG(telos_file_receive, struct file *file)
{
	struct inode *inode = file->f_inode;
	__u32 kind = inode->i_mode & S_IFMT;

	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_FILE, .hook = TELOS_HOOK_FILE_RECEIVE);
	struct ids ids = {};

	identify_all(inode, &ids);
	f.inode = ids.id[0];
	f.reason = TELOS_REASON_UNMANAGED_PEER;
	if (kind == S_IFSOCK)
		return receive_socket(&c, &f, file);
	if (kind == S_IFREG && ids.count)
		return receive_file(&c, &f, file, &ids);
	if (kind == S_IFDIR || (kind == S_IFCHR && (harmless_device(inode->i_rdev) || known_terminal(&c, file))))
		return 0;
	/* Pipes, devices and anonymous inodes: made in the tree unless it talks to somebody outside. */
	if (!c.agent->peers && kind != S_IFBLK && kind != S_IFCHR)
		return 0;
	return answer(refuse(&c, &f, EPERM), EPERM);
}
