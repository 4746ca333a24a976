// SPDX-License-Identifier: GPL-2.0-only
/* Network gate: which sockets, towards whom. Errno: EPERM. Every socket of an agent carries its label, which is
 * what the egress gate goes by. */
#include "destination.h"

static __always_inline bool known_kind(int family, int type, int protocol)
{
	switch (family) {
	case AF_UNIX:
		return true;
	case AF_INET:
	case AF_INET6:
		return (type == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP)) ||
		       (type == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP));
	case AF_NETLINK: /* the C library asks it for addresses and routes */
		return protocol == NETLINK_ROUTE;
	default:
		return false;
	}
}

SEC("lsm/socket_create")
int BPF_PROG(telos_socket_create, int family, int type, int protocol, int kern)
{

	if (kern) /* the kernel's own, in the caller's context */
		return 0;
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_NETWORK, .hook = TELOS_HOOK_SOCKET_CREATE, .family = family);
	if (expired(&c))
		f.reason = TELOS_REASON_TTL;
	else if (!known_kind(family, type, protocol))
		f.reason = TELOS_REASON_FAMILY;
	else
		return 0;
	return answer(refuse(&c, &f, EPERM), EPERM);
}

static __always_inline struct telos_socket *label_socket(struct caller *c, struct sock *sk, __u32 flags)
{
	struct telos_socket label = {.agent = c->id, .slot = c->slot, .flags = flags};

	return bpf_sk_storage_get(&sockets, sk, &label, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

SEC("lsm/socket_post_create")
int BPF_PROG(telos_socket_post_create, struct socket *sock, int family, int type, int protocol, int kern)
{
	struct sock *sk;

	if (kern)
		return 0;
	MANAGED_ONLY(EPERM, .gate = TELOS_GATE_NETWORK, .hook = TELOS_HOOK_SOCKET_POST_CREATE,
		     .reason = TELOS_REASON_STATE);
	sk = sock->sk;
	if (sk && label_socket(&c, sk, 0))
		return 0;
	count(TELOS_COUNT_FULL);
	return answer(refuse(&c, &f, EPERM), EPERM);
}

/* The label of a socket in the caller's hands. One it inherited as descriptor 0 to 2 gets its label here, at
 * first use; any other without one is somebody else's. A second agent's joins the two domains. */
static __always_inline struct telos_socket *label_of(struct caller *c, struct socket *sock, struct finding *f)
{
	struct telos_socket *label;
	struct caller other = {};
	struct telos_rule *rule;
	struct sock *sk = sock->sk;
	struct file *file;

	if (!sk)
		return NULL;
	label = bpf_sk_storage_get(&sockets, sk, 0, 0);
	if (label) {
		if (label->agent == c->id)
			return label;
		if (!agent_of_slot(&other, label->agent, label->slot) || !share(c, other.root, f))
			return NULL;
		return label;
	}
	file = sock->file;
	if (!file)
		return NULL;
	identify(file->f_inode, &f->inode);
	rule = rule_of(c->id, &f->inode);
	if (!rule || !(rule->flags & TELOS_RULE_STDIO))
		return NULL;
	return label_socket(c, sk, TELOS_SOCKET_STDIO);
}

static __always_inline int refuse_destination(struct caller *c, struct finding *f, __u32 reason)
{
	f->reason = reason;
	f->gate = TELOS_GATE_NETWORK;
	return answer(refuse(c, f, EPERM), EPERM);
}

/* Refused, but no news for anybody. */
static __always_inline bool refuse_quietly(struct caller *c, struct finding *f, __u32 reason)
{
	f->reason = reason;
	f->gate = TELOS_GATE_NETWORK;
	return !audited(c, f);
}

static __always_inline __u8 protocol_of(struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
}

/* The list of taken ports that one is looked for in. */
#define BIND_BUCKETS 32

struct taken {
	__u64 at;
	__u64 net;
	__u32 port;
	bool found;
};

static long look_at_port(__u32 index, struct taken *taken)
{
	__u64 entry = taken->at - bpf_core_field_offset(struct inet_bind_bucket, node);

	if (!taken->at)
		return 1;
	if ((__u16)peek(entry + bpf_core_field_offset(struct inet_bind_bucket, port), 4) == taken->port &&
	    PEEK(struct inet_bind_bucket, entry, ib_net.net) == taken->net) {
		taken->found = true;
		return 1;
	}
	taken->at = PEEK(struct hlist_node, taken->at, next);
	return 0;
}

/* Whether some socket of this name space has the TCP port. A hint alone, read without a lock: egress sees whose it is. */
__noinline int port_is_taken(__u64 sk, __u32 port)
{
	struct taken taken = {.port = port};
	__u64 hashes;
	__u32 bucket;

	taken.net = PEEK(struct sock, sk, __sk_common.skc_net.net);
	hashes = PEEK(struct net, taken.net, ipv4.tcp_death_row.hashinfo);
	bucket = (port + (__u32)PEEK(struct net, taken.net, hash_mix)) &
		 ((__u32)PEEK(struct inet_hashinfo, hashes, bhash_size) - 1);
	taken.at = PEEK(struct inet_hashinfo, hashes, bhash) +
		   (__u64)bucket * bpf_core_type_size(struct inet_bind_hashbucket);
	taken.at = PEEK(struct inet_bind_hashbucket, taken.at, chain.first);
	bpf_loop(BIND_BUCKETS, look_at_port, &taken, 0);
	return taken.found || taken.at;
}

/* A connection to itself. Refused at once where somebody else has the port, since egress can but drop what goes there; a port
 * that nobody has is refused by the kernel, as everywhere. */
static __always_inline bool connects_to_self(struct caller *c, struct finding *f, struct sock *sk)
{
	return f->protocol == IPPROTO_UDP || was_heard(c, f->port) || !port_is_taken(number(sk), f->port);
}

/* One destination, connected to or sent to: window, taint by contact, slam. A datagram may also go back where the
 * intent lets some come from. */
static __always_inline int towards(struct caller *c, struct finding *f, struct sock *sk, struct telos_socket *label,
				   bool connects)
{
	__u32 flags = 0, reason;

	if (asks_for_names(c, f, label))
		return 0;
	reason = destination_verdict(c, f, &flags);
	if (reason && f->protocol == IPPROTO_UDP && (c->flags & TELOS_AGENT_LISTENS) && !(c->state & TELOS_SLAMMED) &&
	    !inbound_verdict(c->id, f, sk->__sk_common.skc_num))
		return 0;
	if (reason && may_be_self(c, f) && connects_to_self(c, f, sk))
		return 0;
	if (!reason && (flags & TELOS_PORT_SENSITIVE)) {
		if (raise(c, TELOS_TAINTED | TELOS_SLAMMED)) {
			f->kind = TELOS_EVENT_SLAMMED;
			f->gate = TELOS_GATE_NETWORK;
			f->reason = TELOS_REASON_ADDRESS;
			report(c, f);
		}
	}
	if (!reason && (c->state & TELOS_SLAMMED) && !(flags & TELOS_PORT_TAINTED))
		reason = TELOS_REASON_SLAMMED;
	else if (reason && (c->state & TELOS_SLAMMED))
		reason = TELOS_REASON_SLAMMED;
	if (!reason) {
		if (connects || f->protocol == IPPROTO_TCP) /* which sendmsg connects, too: fast open */
			admit_flow(c, label, f);
		return 0;
	}
	/* Nothing is sent by connecting a datagram socket; C libraries do it to sort what a name resolves to, and sort wrongly
	 * if the address that they may use at other ports seems to be out of reach. */
	if (connects && f->protocol == IPPROTO_UDP) {
		if ((c->flags & TELOS_AGENT_NAMES) && (flags & WINDOW_FOUND) && !(c->state & TELOS_SLAMMED))
			return 0;
		return answer(refuse_quietly(c, f, reason), EPERM);
	}
	return refuse_destination(c, f, reason);
}

SEC("lsm/socket_connect")
int BPF_PROG(telos_socket_connect, struct socket *sock, struct sockaddr *address, int length)
{
	struct telos_socket *label;
	struct sock *sk;

	MANAGED_ONLY(EPERM, .hook = TELOS_HOOK_SOCKET_CONNECT);
	sk = sock->sk;
	if (!sk)
		return -EPERM;
	f.family = sk->__sk_common.skc_family;
	if (f.family != AF_INET && f.family != AF_INET6)
		return 0; /* AF_UNIX has hooks of its own */
	label = label_of(&c, sock, &f);
	if (!label)
		return refuse_destination(&c, &f, TELOS_REASON_UNMANAGED_PEER);
	f.protocol = protocol_of(sk);
	switch (destination_of(&f, address, length)) {
	case DESTINATION_NONE: /* AF_UNSPEC: disconnects */
		admit_flow(&c, label, &f);
		return 0;
	case DESTINATION_BAD:
		return refuse_destination(&c, &f, TELOS_REASON_FAMILY);
	default:
		break;
	}
	if (expired(&c))
		return refuse_destination(&c, &f, TELOS_REASON_TTL);
	return towards(&c, &f, sk, label, true);
}

static __always_inline int send_unix(struct caller *c, struct finding *f, struct telos_socket *label)
{
	__u32 leaks = TELOS_SOCKET_PEER_UNMANAGED;

	if (!(c->state & TELOS_SLAMMED))
		return 0;
	if (!(c->flags & TELOS_AGENT_STDIO_ALLOW))
		leaks |= TELOS_SOCKET_STDIO;
	return label->flags & leaks ? refuse_destination(c, f, TELOS_REASON_SLAMMED) : 0;
}

static __noinline int managed_sendmsg(struct socket *sock, struct msghdr *message)
{
	struct telos_socket *label;
	struct sock *sk;

	MANAGED_ONLY(EPERM, .hook = TELOS_HOOK_SOCKET_SENDMSG);
	sk = sock->sk;
	if (!sk)
		return -EPERM;
	f.family = sk->__sk_common.skc_family;
	if (f.family != AF_INET && f.family != AF_INET6 && f.family != AF_UNIX)
		return 0;
	label = label_of(&c, sock, &f);
	if (!label)
		return refuse_destination(&c, &f, TELOS_REASON_UNMANAGED_PEER);
	if (f.family == AF_UNIX)
		return send_unix(&c, &f, label);
	f.protocol = protocol_of(sk);
	if (message->msg_name) {
		switch (destination_of_send(&f, message->msg_name, message->msg_namelen)) {
		case DESTINATION_IS:
			if (expired(&c))
				return refuse_destination(&c, &f, TELOS_REASON_TTL);
			return towards(&c, &f, sk, label, false);
		case DESTINATION_BAD:
			return refuse_destination(&c, &f, TELOS_REASON_FAMILY);
		default:
			break;
		}
	}
	if (!(c.state & TELOS_SLAMMED))
		return 0; /* connected: admitted there, and egress looks at every packet */
	if (label->flags & TELOS_SOCKET_STDIO)
		return (c.flags & TELOS_AGENT_STDIO_ALLOW) ? 0 : refuse_destination(&c, &f, TELOS_REASON_STDIO);
	peer_of(&f, sk);
	if (may_be_self(&c, &f))
		return 0; /* egress sees whether it is */
	if (!(c.flags & TELOS_AGENT_REACHABLE) || (label->flags & TELOS_SOCKET_INBOUND))
		return refuse_destination(&c, &f, TELOS_REASON_SLAMMED);
	return towards(&c, &f, sk, label, false);
}

/* What every datagram passes, also of those who are nobody's agents: nothing is laid out before that is known. */
SEC("lsm/socket_sendmsg")
int BPF_PROG(telos_socket_sendmsg, struct socket *sock, struct msghdr *message, int size)
{
	return surely_unmanaged() ? 0 : managed_sendmsg(sock, message);
}
