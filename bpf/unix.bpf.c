// SPDX-License-Identifier: GPL-2.0-only
/* Network gate, AF_UNIX: agents talk among themselves and become one domain; towards the rest only by name. */

/* Whether this agent's intent names the socket by path: itself, or by its directory's rule. */
__noinline int named_path(__u64 agent, __u64 sk)
{
	__u64 dentry = PEEK(struct unix_sock, sk, path.dentry);
	__u64 inode = dentry ? PEEK(struct dentry, dentry, d_inode) : 0;
	struct ids ids = {};
	struct walk w;

	if (!inode)
		return 0;
	identify_all_raw(inode, &ids);
	walk_start_raw(&w, agent, dentry);
	climb_raw(&w, dentry, PEEK(struct unix_sock, sk, path.mnt));
	return !!((rule_flags(agent, &ids) | w.flags) & TELOS_RULE_UNIX);
}

/* The same for an abstract name. */
__noinline int named_abstract(__u64 agent, __u64 sk)
{
	struct unix_sock *named = (void *)sk;
	struct unix_address *address = BPF_CORE_READ(named, addr);
	struct telos_inode inode = {.dev = TELOS_DEV_ABSTRACT};
	struct telos_rule *rule;
	char first = 1;
	__u32 length;

	if (!address)
		return 0;
	length = BPF_CORE_READ(address, len);
	bpf_core_read(&first, 1, &address->name[0].sun_path[0]);
	if (first || length < 4 || length > 110)
		return 0;
	length -= 3; /* family and the leading zero */
	inode.ino = hash_of((__u64)&address->name[0].sun_path[1], length);
	inode.generation = length;
	rule = rule_of(agent, &inode);
	return rule && (rule->flags & TELOS_RULE_UNIX);
}

static __always_inline bool named_socket(__u64 agent, __u64 sk)
{
	return named_path(agent, sk) || named_abstract(agent, sk);
}

/* The listening socket of the node's control API. */
static __always_inline bool control_socket(struct sock *sk)
{
	struct unix_sock *named = (void *)sk;
	struct dentry *dentry = BPF_CORE_READ(named, path.dentry);
	struct inode *inode = dentry ? BPF_CORE_READ(dentry, d_inode) : NULL;
	struct telos_inode id;

	if (!inode || !telos.control.ino)
		return false;
	identify_raw((__u64)inode, &id);
	return id.ino == telos.control.ino && id.dev == telos.control.dev && id.generation == telos.control.generation;
}

/* The caller, or nobody (then `c` is the other side's agent) wants to reach a labelled or unlabelled socket.
 * 0 when it may. `leak` says that an unmanaged process is at one end. */
static __always_inline __u32 peer_verdict(struct caller *c, struct sock *other, struct finding *f, bool *leak)
{
	struct telos_socket *label = bpf_sk_storage_get(&sockets, other, 0, 0);
	struct caller peer = {};

	*leak = false;
	if (label && label->agent == c->id)
		return 0;
	if (label) {
		if (!agent_of_slot(&peer, label->agent, label->slot) || !share(c, peer.root, f))
			return TELOS_REASON_STATE;
		return 0;
	}
	*leak = true;
	if (c->state & TELOS_SLAMMED)
		return TELOS_REASON_SLAMMED;
	return named_socket(c->id, number(other)) ? 0 : TELOS_REASON_UNMANAGED_PEER;
}

/* What the event calls the socket: its path or its abstract name. */
static __always_inline void name_socket(struct finding *f, __u64 sk)
{
	struct unix_sock *named = (void *)sk;
	struct unix_address *address = BPF_CORE_READ(named, addr);
	char first = 1;
	__u32 length;

	f->named = (__u64)BPF_CORE_READ(named, path.dentry);
	f->mount = (__u64)BPF_CORE_READ(named, path.mnt);
	if (f->named || !address)
		return;
	length = BPF_CORE_READ(address, len);
	bpf_core_read(&first, 1, &address->name[0].sun_path[0]);
	if (first || length < 4 || length > 110)
		return;
	f->named = (__u64)&address->name[0].sun_path[1];
	f->port = length - 3;
}

static __always_inline int refuse_unix(struct caller *c, struct finding *f, __u32 reason, struct sock *other)
{
	bool enforced;

	name_socket(f, number(other));
	f->reason = reason;
	f->family = AF_UNIX;
	f->gate = TELOS_GATE_NETWORK;
	enforced = refusal(c, f, EPERM);
	if (f->named)
		report_named(c, f);
	else
		report(c, f);
	return answer(enforced, EPERM);
}

/* One more way out that no hook watches. False: it was slammed in this very moment. */
static __always_inline bool meet_outside(struct caller *c)
{
	__sync_fetch_and_add(&c->agent->peers, 1);
	__sync_fetch_and_or(&c->agent->state, TELOS_PEERS);
	refresh(c);
	return !(c->state & TELOS_SLAMMED);
}

/* Somebody outside connects to an agent's socket: only where that agent's intent names it. */
static __noinline int from_outside(struct sock *other, struct sock *accepted)
{
	struct finding f = {.hook = TELOS_HOOK_UNIX_STREAM_CONNECT};
	struct telos_socket *label = bpf_sk_storage_get(&sockets, other, 0, 0);
	struct caller c = {};

	if (!label)
		return 0;
	if (!agent_of_slot(&c, label->agent, label->slot))
		return -EPERM;
	if (c.state & TELOS_SLAMMED)
		return refuse_unix(&c, &f, TELOS_REASON_SLAMMED, other);
	if (!named_socket(c.id, number(other)))
		return refuse_unix(&c, &f, TELOS_REASON_UNMANAGED_PEER, other);
	if (!meet_outside(&c))
		return refuse_unix(&c, &f, TELOS_REASON_SLAMMED, other);
	return label_socket(&c, accepted, TELOS_SOCKET_PEER_UNMANAGED) ? 0 : -EPERM;
}

static __noinline int from_inside(struct sock *sk, struct sock *other, struct sock *accepted)
{
	struct finding f = {.hook = TELOS_HOOK_UNIX_STREAM_CONNECT};
	struct telos_socket *label;
	struct caller c = {};
	__u32 reason;
	bool leak;

	if (caller(&c) != MANAGED)
		return -EPERM;
	if (control_socket(other))
		return label_socket(&c, accepted, TELOS_SOCKET_CONTROL) ? 0 : -EPERM;
	reason = expired(&c) ? TELOS_REASON_TTL : peer_verdict(&c, other, &f, &leak);
	if (reason)
		return refuse_unix(&c, &f, reason, other);
	if (leak) {
		label = label_socket(&c, sk, TELOS_SOCKET_PEER_UNMANAGED);
		if (!label)
			return -EPERM;
		__sync_fetch_and_or(&label->flags, TELOS_SOCKET_PEER_UNMANAGED);
		return meet_outside(&c) ? 0 : refuse_unix(&c, &f, TELOS_REASON_SLAMMED, other);
	}
	/* The other end's socket belongs to whoever listens there. */
	label = bpf_sk_storage_get(&sockets, other, 0, 0);
	if (!label || !bpf_sk_storage_get(&sockets, accepted, label, BPF_LOCAL_STORAGE_GET_F_CREATE))
		return -EPERM;
	return 0;
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(telos_unix_stream_connect, struct sock *sk, struct sock *other, struct sock *accepted)
{
	if (task_of((__u64)bpf_get_current_task()))
		return from_inside(sk, other, accepted);
	return from_outside(other, accepted);
}

SEC("lsm/unix_may_send")
int BPF_PROG(telos_unix_may_send, struct socket *sock, struct socket *other)
{
	struct telos_socket *label;
	struct sock *sk = sock->sk, *to = other->sk;
	__u32 reason;
	bool leak;

	if (!sk || !to)
		return 0;
	MANAGED_ONLY(EPERM, .hook = TELOS_HOOK_UNIX_MAY_SEND);
	reason = expired(&c) ? TELOS_REASON_TTL : peer_verdict(&c, to, &f, &leak);
	if (reason)
		return refuse_unix(&c, &f, reason, to);
	if (leak) {
		label = label_socket(&c, sk, TELOS_SOCKET_PEER_UNMANAGED);
		if (!label)
			return -EPERM;
		if (!(label->flags & TELOS_SOCKET_PEER_UNMANAGED)) {
			__sync_fetch_and_or(&label->flags, TELOS_SOCKET_PEER_UNMANAGED);
			if (!meet_outside(&c))
				return refuse_unix(&c, &f, TELOS_REASON_SLAMMED, to);
		}
	}
	return 0;
}
