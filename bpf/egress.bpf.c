// SPDX-License-Identifier: GPL-2.0-only
/* Egress gate: every packet of a labelled socket, whoever's task sends it. What no socket hook sees (the tail of
 * a blocked send, sendfile on 6.1, fast open, retransmissions) still comes by here. */

static __always_inline int drop(struct caller *c, struct finding *f, __u32 reason)
{
	bool enforced;

	f->reason = reason;
	f->gate = TELOS_GATE_EGRESS;
	enforced = refusal(c, f, EPERM);
	if (enforced)
		count(TELOS_COUNT_EGRESS_DROPPED);
	return enforced ? 0 : 1;
}

struct ports {
	__be16 source;
	__be16 destination;
};

struct packet {
	__u16 local;  /* port */
	bool opens;   /* may begin a flow: any datagram, and TCP with SYN */
	bool answers; /* TCP with SYN and ACK */
};

/* Returns false for a packet that is neither TCP nor UDP straight after a plain IP header. */
static __always_inline bool parse(struct __sk_buff *skb, struct finding *f, struct packet *p)
{
	struct ports ports;
	__u32 offset;
	__u8 head[40];

	if (bpf_skb_load_bytes(skb, 0, head, 20))
		return false;
	if (skb->protocol == bpf_htons(0x0800)) {
		if (head[0] != 0x45)
			return false; /* options can route by themselves */
		f->protocol = head[9];
		map_v4(f->address, head + 16);
		f->family = AF_INET;
		offset = 20;
	} else if (skb->protocol == bpf_htons(0x86dd)) {
		if (bpf_skb_load_bytes(skb, 0, head, 40))
			return false;
		f->protocol = head[6];
		__builtin_memcpy(f->address, head + 24, 16);
		f->family = AF_INET6;
		offset = 40;
	} else {
		return false;
	}
	if (f->protocol != IPPROTO_TCP && f->protocol != IPPROTO_UDP)
		return false;
	if (bpf_skb_load_bytes(skb, offset, &ports, sizeof(ports)))
		return false;
	f->port = bpf_ntohs(ports.destination);
	p->local = bpf_ntohs(ports.source);
	p->opens = true;
	if (f->protocol == IPPROTO_TCP) {
		__u8 bits = 0;

		if (bpf_skb_load_bytes(skb, offset + 13, &bits, 1))
			return false;
		p->opens = bits & 2;  /* SYN */
		p->answers = (bits & 18) == 18; /* and ACK */
	}
	return true;
}

/* A peer came to this socket: as long as the intent says so, packet by packet, and never a flow the other way. */
static __always_inline __u32 answer_verdict(struct caller *c, struct finding *f, const struct packet *p)
{
	if (c->state & TELOS_SLAMMED)
		return TELOS_REASON_SLAMMED;
	if (p->opens && !p->answers)
		return TELOS_REASON_NO_WINDOW;
	return inbound_verdict(c->id, f, p->local);
}

enum receiver {
	RECEIVER_NOBODY,
	RECEIVER_SELF,
	RECEIVER_PROXY,     /* where it takes datagrams and connections */
	RECEIVER_CONNECTED, /* a connection of the proxy's */
	RECEIVER_PAST,      /* a connection that is over */
	RECEIVER_OTHER,
};

/* Whose socket gets this packet, were it from the port `source`; for the proxy's, in which name space it is. */
static __noinline enum receiver receiver_of(struct __sk_buff *skb, struct caller *c, struct finding *f, __u16 source,
					    __u32 *space)
{
	enum receiver receiver = RECEIVER_OTHER;
	bool tcp = f->protocol == IPPROTO_TCP;
	struct bpf_sock_tuple tuple = {};
	struct telos_socket *label;
	struct bpf_sock *peer;
	__u32 size;

	if (f->family == AF_INET) {
		if (bpf_skb_load_bytes(skb, 12, &tuple.ipv4, 8))
			return receiver;
		tuple.ipv4.sport = bpf_htons(source);
		tuple.ipv4.dport = bpf_htons(f->port);
		size = sizeof(tuple.ipv4);
	} else {
		if (bpf_skb_load_bytes(skb, 8, &tuple.ipv6, 32))
			return receiver;
		tuple.ipv6.sport = bpf_htons(source);
		tuple.ipv6.dport = bpf_htons(f->port);
		size = sizeof(tuple.ipv6);
	}
	if (tcp)
		peer = bpf_sk_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	else
		peer = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!peer)
		return RECEIVER_NOBODY;
	label = bpf_sk_storage_get(&sockets, peer, 0, 0);
	if (tcp && peer->state == BPF_TCP_TIME_WAIT) {
		receiver = RECEIVER_PAST;
	} else if (label && (label->flags & TELOS_SOCKET_PROXY)) {
		receiver = tcp && peer->state != BPF_TCP_LISTEN ? RECEIVER_CONNECTED : RECEIVER_PROXY;
		*space = label->slot;
	} else if (label && label->agent == c->id && label->slot == c->slot && !(label->flags & TELOS_SOCKET_STDIO)) {
		receiver = RECEIVER_SELF;
	}
	bpf_sk_release(peer);
	return receiver;
}

/* Whether nobody but the agent itself would get this packet. Nobody at all is fine: then the kernel answers. */
static __always_inline bool reaches_self(struct __sk_buff *skb, struct caller *c, struct finding *f,
					 const struct packet *p)
{
	__u32 space;

	return receiver_of(skb, c, f, p->local, &space) <= RECEIVER_SELF;
}

/* The proxy has the mark of datagrams alone: whose a connection is, is entered before its first packet goes out. */
static __noinline bool enter_caller(struct __sk_buff *skb, struct caller *c, struct finding *f, __u16 source,
				    __u32 space)
{
	struct telos_caller_key key = {.space = space, .port = source};
	__u8 v4[4];

	if (f->family == AF_INET) {
		if (bpf_skb_load_bytes(skb, 12, v4, 4))
			return false;
		map_v4(key.address, v4);
	} else if (bpf_skb_load_bytes(skb, 8, key.address, 16)) {
		return false;
	}
	return !bpf_map_update_elem(&callers, &key, &c->agent->mark, BPF_ANY);
}

/* A packet to where the proxy listens: admitted if the proxy does, and marked with whose it is, over any mark of the sender's. */
static __noinline int question(struct __sk_buff *skb, struct caller *c, struct finding *f, const struct packet *p)
{
	bool tcp = f->protocol == IPPROTO_TCP;
	enum receiver receiver;
	__u32 space = 0;

	if ((c->state & TELOS_SLAMMED) && !(c->flags & TELOS_AGENT_REACHABLE))
		return drop(c, f, TELOS_REASON_SLAMMED);
	if (!p->opens)
		return 1;
	receiver = receiver_of(skb, c, f, p->local, &space);
	/* A connection that is over hides who listens. Some kernels find nobody then. */
	if (tcp && (receiver == RECEIVER_PAST || receiver == RECEIVER_NOBODY))
		receiver = receiver_of(skb, c, f, 0, &space);
	if (receiver == RECEIVER_CONNECTED)
		return 1; /* opens nothing as long as that one is there, and must not be taken for it */
	if (receiver != RECEIVER_PROXY || (tcp && !enter_caller(skb, c, f, p->local, space)))
		return drop(c, f, TELOS_REASON_NO_WINDOW);
	skb->mark = c->agent->mark;
	return 1;
}

static __noinline int labelled_egress(struct __sk_buff *skb, struct telos_socket *label)
{
	__u32 flags = 0, reason;
	struct finding f = {.hook = TELOS_HOOK_EGRESS};
	struct caller c = {};
	struct packet p = {};

	if (label->flags & TELOS_SOCKET_PROXY)
		return 1;
	if (!agent_of_slot(&c, label->agent, label->slot)) {
		count(TELOS_COUNT_STATE_MISSING);
		return 0;
	}
	if (of_other_build(c.flags))
		return 1;
	if (expired(&c))
		return drop(&c, &f, TELOS_REASON_TTL);
	if (label->flags & TELOS_SOCKET_STDIO)
		return !(c.state & TELOS_SLAMMED) || (c.flags & TELOS_AGENT_STDIO_ALLOW)
			       ? 1
			       : drop(&c, &f, TELOS_REASON_STDIO);
	if ((c.state & TELOS_SLAMMED) && !(c.flags & (TELOS_AGENT_REACHABLE | TELOS_AGENT_LOOPBACK)))
		return drop(&c, &f, TELOS_REASON_SLAMMED);
	if (!parse(skb, &f, &p))
		return drop(&c, &f, TELOS_REASON_FAMILY);
	if (label->flags & TELOS_SOCKET_INBOUND) {
		reason = answer_verdict(&c, &f, &p);
		if (!reason || (may_be_self(&c, &f) && reaches_self(skb, &c, &f, &p)))
			return 1;
		return drop(&c, &f, reason);
	}
	if (is_proxy(&c, &f))
		return question(skb, &c, &f, &p);
	/* A TCP flow that was admitted goes on. */
	if (!p.opens && !(c.state & TELOS_SLAMMED))
		return 1;
	reason = destination_verdict(&c, &f, &flags);
	/* So does what tries to become one, and a connected datagram socket; other datagrams are admitted one by one. */
	if (reason && !(c.state & TELOS_SLAMMED) && was_admitted(label, &f))
		return 1;
	if (reason && f.protocol == IPPROTO_UDP && (c.flags & TELOS_AGENT_LISTENS) && !(c.state & TELOS_SLAMMED) &&
	    !inbound_verdict(c.id, &f, p.local))
		return 1;
	if (!reason && (c.state & TELOS_SLAMMED) && !(flags & TELOS_PORT_TAINTED))
		reason = TELOS_REASON_SLAMMED;
	if (!reason || (may_be_self(&c, &f) && reaches_self(skb, &c, &f, &p)))
		return 1;
	return drop(&c, &f, reason);
}

SEC("cgroup_skb/egress")
int telos_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct telos_socket *label;

	if (!sk)
		return 1;
	label = bpf_sk_storage_get(&sockets, sk, 0, 0); /* of full sockets alone: this program sees no others */
	return label ? labelled_egress(skb, label) : 1;
}
