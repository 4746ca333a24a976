// SPDX-License-Identifier: GPL-2.0-only
/* Network gate, the other way: which ports an agent may have, and who may come to them. Errno: EPERM. */

static __always_inline bool is_inet(__u16 family)
{
	return family == AF_INET || family == AF_INET6;
}

/* Why the local port in `f` is not one that the intent opens, or 0. No peer has the address ::, which the finding has
 * here: there the windows keep all ports together. */
static __always_inline __u32 port_verdict(struct caller *c, struct finding *f)
{
	if (expired(c))
		return TELOS_REASON_TTL;
	/* Who may come is seen when they come. */
	if ((c->flags & TELOS_AGENT_LOOPBACK) && f->port > TELOS_LAST_SYSTEM_PORT)
		return 0;
	if (!f->port || !(c->flags & TELOS_AGENT_LISTENS))
		return TELOS_REASON_LISTEN;
	return inbound_verdict(c->id, f, f->port);
}

/* Whether a port of the agent's own loopback could be somebody else's as well, who would lose peers to it. */
static __always_inline bool may_be_shared(struct caller *c, struct finding *f, struct sock *sk)
{
	return (c->flags & TELOS_AGENT_LOOPBACK) && BPF_CORE_READ_BITFIELD_PROBED(&sk->__sk_common, skc_reuseport) &&
	       (f->protocol != IPPROTO_TCP || port_is_taken(number(sk), f->port));
}

/* After a slam no abstract name, which anybody may read; one with a path is judged as a file. */
static __always_inline int bind_unix(struct caller *c, struct finding *f, struct sockaddr *address, int length)
{
	struct sockaddr_un *name = (void *)address;
	char first = 1;

	if (!(c->state & TELOS_SLAMMED) || length <= 2)
		return 0;
	bpf_core_read(&first, 1, &name->sun_path[0]);
	return first ? 0 : refuse_destination(c, f, TELOS_REASON_SLAMMED);
}

/* A port that others know. One that the kernel picks (0) is a client's: nobody can be told to come there, and what does
 * come gets no answer. */
SEC("lsm/socket_bind")
int BPF_PROG(telos_socket_bind, struct socket *sock, struct sockaddr *address, int length)
{
	struct sock *sk;
	__u32 reason;

	MANAGED_ONLY(EPERM, .hook = TELOS_HOOK_SOCKET_BIND);
	struct sockaddr_v4 at = {};

	sk = sock->sk;
	if (!sk)
		return -EPERM;
	f.family = sk->__sk_common.skc_family;
	if (f.family == AF_UNIX)
		return bind_unix(&c, &f, address, length);
	if (!is_inet(f.family))
		return 0;
	/* Both families have the port in the same place. Shorter addresses the kernel refuses by itself. */
	if (length < (int)sizeof(at))
		return 0;
	if (bpf_probe_read_kernel(&at, sizeof(at), address))
		return refuse_destination(&c, &f, TELOS_REASON_STATE);
	if (!at.port)
		return 0;
	f.port = bpf_ntohs(at.port);
	f.protocol = protocol_of(sk);
	reason = port_verdict(&c, &f);
	if (!reason && may_be_shared(&c, &f, sk) &&
	    (!(c.flags & TELOS_AGENT_LISTENS) || inbound_verdict(c.id, &f, f.port)))
		reason = TELOS_REASON_LISTEN;
	return reason ? refuse_destination(&c, &f, reason) : 0;
}

static __always_inline void hear(struct caller *c, __u16 port)
{
	struct telos_heard key = {.agent = c->id, .port = port};
	__u32 yes = 1;

	bpf_map_update_elem(&heard, &key, &yes, BPF_ANY);
}

/* The mark is on the socket before the first peer can come, and whatever is accepted inherits it. */
SEC("lsm/socket_listen")
int BPF_PROG(telos_socket_listen, struct socket *sock, int backlog)
{
	struct telos_socket *label;
	bool enforced = false;
	struct sock *sk;

	MANAGED_ONLY(EPERM, .hook = TELOS_HOOK_SOCKET_LISTEN);
	sk = sock->sk;
	if (!sk)
		return -EPERM;
	f.family = sk->__sk_common.skc_family;
	if (f.family == AF_UNIX)
		return 0;
	if (!is_inet(f.family))
		return refuse_destination(&c, &f, TELOS_REASON_LISTEN);
	label = label_of(&c, sock, &f);
	if (!label)
		return refuse_destination(&c, &f, TELOS_REASON_UNMANAGED_PEER);
	f.protocol = protocol_of(sk);
	f.port = sk->__sk_common.skc_num; /* 0 where listen itself would pick one */
	f.gate = TELOS_GATE_NETWORK;
	f.reason = port_verdict(&c, &f);
	if (!f.reason && (f.protocol != IPPROTO_TCP || (label->flags & TELOS_SOCKET_STDIO)))
		f.reason = TELOS_REASON_LISTEN;
	if (!f.reason && (c.state & TELOS_SLAMMED) && (!(c.flags & TELOS_AGENT_LOOPBACK) || c.agent->peers))
		f.reason = TELOS_REASON_SLAMMED;
	if (f.reason)
		enforced = refuse(&c, &f, EPERM);
	else if (c.flags & TELOS_AGENT_LOOPBACK)
		hear(&c, f.port);
	if (!enforced)
		__sync_fetch_and_or(&label->flags, TELOS_SOCKET_INBOUND);
	return answer(enforced, EPERM);
}

/* Only from what was let listen: a listening socket may have been handed over. */
SEC("lsm/socket_accept")
int BPF_PROG(telos_socket_accept, struct socket *sock)
{
	struct telos_socket *label;
	struct sock *sk;

	MANAGED_ONLY(EPERM, .hook = TELOS_HOOK_SOCKET_ACCEPT);
	sk = sock->sk;
	if (!sk)
		return -EPERM;
	f.family = sk->__sk_common.skc_family;
	if (!is_inet(f.family))
		return 0;
	label = label_of(&c, sock, &f);
	if (!label || !(label->flags & TELOS_SOCKET_INBOUND))
		return refuse_destination(&c, &f, TELOS_REASON_LISTEN);
	return expired(&c) ? refuse_destination(&c, &f, TELOS_REASON_TTL) : 0;
}

/* A peer's first packet, in whatever task it arrives, and before a SYN cookie goes out, which no egress program sees.
 * Without an event: a scan of the ports is not the agent's doing. */
SEC("lsm/inet_conn_request")
int BPF_PROG(telos_inet_conn_request, struct sock *sk, struct sk_buff *skb, struct request_sock *request)
{
	struct telos_socket *label;
	bool refused;

	if (!sk->sk_bpf_storage)
		return 0;
	label = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (!label || (label->flags & TELOS_SOCKET_PROXY)) /* whose own filter knows who may come */
		return 0;
	struct finding f = {.protocol = IPPROTO_TCP};
	struct caller c = {};

	if (!agent_of_slot(&c, label->agent, label->slot)) {
		count(TELOS_COUNT_STATE_MISSING);
		return -EPERM;
	}
	/* IPv4 stands here mapped as well, on sockets of either family. */
	bpf_core_read(f.address, sizeof(f.address), &request->__req_common.skc_v6_daddr);
	f.port = request->__req_common.skc_num;
	if (!expired(&c) && may_be_self(&c, &f))
		return 0; /* the answer goes out only to a socket of its own */
	f.port = 0;
	refused = expired(&c) || (c.state & TELOS_SLAMMED) || inbound_verdict(c.id, &f, request->__req_common.skc_num);
	return answer(refused && !(c.flags & TELOS_AGENT_AUDIT), EPERM);
}
