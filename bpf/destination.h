/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses that an agent wants to reach, and the window that lets it. */
#ifndef TELOS_DESTINATION_H
#define TELOS_DESTINATION_H

#include "report.h"

enum destination {
	DESTINATION_IS = 0,
	DESTINATION_NONE = 1, /* AF_UNSPEC */
	DESTINATION_BAD = 2,
};

struct sockaddr_v4 {
	__u16 family;
	__be16 port;
	__u8 address[4];
};

struct sockaddr_v6 {
	__u16 family;
	__be16 port;
	__be32 flow;
	__u8 address[16];
};

static __always_inline void map_v4(__u8 *to, const __u8 *from)
{
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, from, 4);
}

/* The kernel takes "any" for loopback. */
static __always_inline void any_is_loopback(__u8 *address)
{
	__u64 high, low;

	__builtin_memcpy(&high, address, 8);
	__builtin_memcpy(&low, address + 8, 8);
	if (high)
		return;
	if (!low)
		address[15] = 1;
	else if (low == bpf_cpu_to_be64(0xffff00000000ull)) {
		address[12] = 127;
		address[15] = 1;
	}
}

static __always_inline enum destination read_address(struct finding *f, const void *from, int length, __u16 family)
{
	if (family == AF_INET) {
		struct sockaddr_v4 v4;

		if (length < (int)sizeof(v4) || bpf_probe_read_kernel(&v4, sizeof(v4), from))
			return DESTINATION_BAD;
		map_v4(f->address, v4.address);
		f->port = bpf_ntohs(v4.port);
	} else if (family == AF_INET6) {
		struct sockaddr_v6 v6;

		if (length < (int)sizeof(v6) || bpf_probe_read_kernel(&v6, sizeof(v6), from))
			return DESTINATION_BAD;
		__builtin_memcpy(f->address, v6.address, 16);
		f->port = bpf_ntohs(v6.port);
	} else {
		return DESTINATION_BAD;
	}
	any_is_loopback(f->address);
	return DESTINATION_IS;
}

static __always_inline enum destination destination_of(struct finding *f, const void *from, int length)
{
	__u16 family = 0;

	if (length < 2 || bpf_probe_read_kernel(&family, sizeof(family), from))
		return DESTINATION_BAD;
	return family == AF_UNSPEC ? DESTINATION_NONE : read_address(f, from, length, family);
}

/* UDP over IPv4 takes AF_UNSPEC in sendmsg for AF_INET; over IPv6 it means "the connected peer". */
static __always_inline enum destination destination_of_send(struct finding *f, const void *from, int length)
{
	__u16 family = 0;

	if (length < 2 || bpf_probe_read_kernel(&family, sizeof(family), from))
		return DESTINATION_BAD;
	if (family == AF_UNSPEC)
		return f->family == AF_INET6 ? DESTINATION_NONE : read_address(f, from, length, AF_INET);
	return read_address(f, from, length, family);
}

static __always_inline void peer_of(struct finding *f, struct sock *sk)
{
	if (f->family == AF_INET) {
		__be32 address = sk->__sk_common.skc_daddr;

		map_v4(f->address, (__u8 *)&address);
	} else {
		bpf_core_read(f->address, sizeof(f->address), &sk->__sk_common.skc_v6_daddr);
	}
	f->port = bpf_ntohs(sk->__sk_common.skc_dport);
}

static __always_inline bool is_loopback(const __u8 *address)
{
	__u64 high, low;

	__builtin_memcpy(&high, address, 8);
	__builtin_memcpy(&low, address + 8, 8);
	if (high || low == bpf_cpu_to_be64(0x0000ffff7fffffffull)) /* that one goes to everybody */
		return false;
	return low == bpf_cpu_to_be64(1) ||
	       (low & bpf_cpu_to_be64(0xffffffffff000000ull)) == bpf_cpu_to_be64(0x0000ffff7f000000ull);
}

/* Whether the destination in `f` may be a socket of the agent itself: the egress gate sees whose it is. After a slam only an
 * agent that never had anything to do with a process outside, which might hold such a socket too. */
static __always_inline bool may_be_self(const struct caller *c, const struct finding *f)
{
	return (c->flags & TELOS_AGENT_LOOPBACK) && f->port > TELOS_LAST_SYSTEM_PORT && is_loopback(f->address) &&
	       !((c->state & TELOS_SLAMMED) && c->agent->peers);
}

static __always_inline bool was_heard(const struct caller *c, __u16 port)
{
	struct telos_heard key = {.agent = c->id, .port = port};

	return bpf_map_lookup_elem(&heard, &key);
}

/* Beside enum telos_port_flags: some window is for this address, at whatever ports. */
#define WINDOW_FOUND 0x100

/* Finds the port rule of a window that admits what is in `f`: 0 and its flags, or the reason why not. */
__noinline __u32 ports_verdict(struct telos_window *window, struct finding *f, __u32 *flags)
{
	__u32 reason = TELOS_REASON_NO_WINDOW;
	__u16 port;
	__u8 bit;

	if (!window || !f || !flags)
		return reason;
	port = f->port;
	bit = f->protocol == IPPROTO_TCP ? TELOS_TCP : TELOS_UDP;
	if (window->count)
		*flags |= WINDOW_FOUND;
	for (__u32 i = 0; i < TELOS_PORTS; i++) {
		struct telos_port *rule = &window->ports[i];

		if (i >= window->count)
			break;
		if (!(rule->protocols & bit) || port < rule->first || port > rule->last)
			continue;
		if (rule->expires_ns && bpf_ktime_get_boot_ns() >= rule->expires_ns) {
			reason = TELOS_REASON_WINDOW_EXPIRED;
			continue;
		}
		*flags |= rule->flags;
		reason = 0;
	}
	return reason;
}

/* By the intent's own windows. */
__noinline __u32 window_verdict(__u64 id, struct finding *f, __u32 *flags)
{
	struct telos_window_key key = {.prefix = 192};
	__u64 agent = bpf_cpu_to_be64(id);
	struct telos_window *window;

	if (!f || !flags)
		return TELOS_REASON_NO_WINDOW;
	__builtin_memcpy(key.agent, &agent, 8);
	__builtin_memcpy(key.address, f->address, 16);
	window = bpf_map_lookup_elem(&windows, &key);
	return window ? ports_verdict(window, f, flags) : TELOS_REASON_NO_WINDOW;
}

/* How often an entry is looked up that was replaced while it was read. */
#define NAME_TRIES 4

/* By what the DNS proxy opened. */
__noinline __u32 name_verdict(__u64 id, struct finding *f, __u32 *flags)
{
	struct telos_name_key key = {.agent = id};
	__u32 stamp;

	if (!f || !flags)
		return TELOS_REASON_NO_WINDOW;
	__builtin_memcpy(key.address, f->address, 16);
	stamp = telos_name_stamp(&key);
	for (int i = 0; i < NAME_TRIES; i++) {
		struct telos_window *window = bpf_map_lookup_elem(&names, &key);
		__u32 found = 0, reason;

		if (!window)
			break;
		reason = ports_verdict(window, f, &found);
		if (*(volatile __u32 *)&window->stamp == stamp) {
			*flags |= found;
			return reason;
		}
	}
	return TELOS_REASON_NO_WINDOW;
}

/* Looks the destination up and finds the port rule that admits it: 0 and its flags, or the reason why not. */
static __always_inline __u32 destination_verdict(const struct caller *c, struct finding *f, __u32 *flags)
{
	__u32 reason = window_verdict(c->id, f, flags), by_name;

	if (!reason || !(c->flags & TELOS_AGENT_NAMES))
		return reason;
	by_name = name_verdict(c->id, f, flags);
	return by_name == TELOS_REASON_NO_WINDOW ? reason : by_name;
}

#define DNS_PORT 53

/* Whether the destination in `f` is where the DNS proxy listens for this agent. */
static __always_inline bool is_proxy(const struct caller *c, const struct finding *f)
{
	__u64 high, low;

	if (!(c->flags & TELOS_AGENT_NAMES) || f->port != c->agent->names_port)
		return false;
	__builtin_memcpy(&high, f->address, 8);
	__builtin_memcpy(&low, f->address + 8, 8);
	return !high && (low == bpf_cpu_to_be64(1) || low == bpf_cpu_to_be64(0x0000ffff7f000001ull));
}

/* A question for a name, whichever server it is meant for: steering turns it to the proxy, and the egress gate lets it go nowhere
 * else. Not of a socket that somebody else made: those are not steered. */
static __always_inline bool asks_for_names(const struct caller *c, const struct finding *f,
					   const struct telos_socket *label)
{
	return (c->flags & TELOS_AGENT_NAMES) && (f->port == DNS_PORT || is_proxy(c, f)) &&
	       !(label->flags & TELOS_SOCKET_STDIO) &&
	       (!(c->state & TELOS_SLAMMED) || (c->flags & TELOS_AGENT_REACHABLE));
}

/* What a flow was admitted to stays open to it when the window has run out; by its own agent's windows, not by those of one who
 * was handed the socket. Of two that connect one socket at once, the second is not remembered and goes by windows alone. */
static __always_inline void admit_flow(const struct caller *c, struct telos_socket *label, const struct finding *f)
{
	__u32 writes = label->writes;

	if (label->agent != c->id || (writes & 1) ||
	    __sync_val_compare_and_swap(&label->writes, writes, writes + 1) != writes)
		return;
	__builtin_memcpy(label->address, f->address, sizeof(label->address));
	label->port = f->port;
	__sync_fetch_and_add(&label->writes, 1);
}

static __noinline bool was_admitted(struct telos_socket *label, const struct finding *f)
{
	__u32 writes = __sync_fetch_and_add(&label->writes, 0);
	__u64 high, low, own_high, own_low;

	__builtin_memcpy(&high, label->address, 8);
	__builtin_memcpy(&low, label->address + 8, 8);
	__builtin_memcpy(&own_high, f->address, 8);
	__builtin_memcpy(&own_low, f->address + 8, 8);
	if ((writes & 1) || !label->port || label->port != f->port || high != own_high || low != own_low)
		return false;
	return __sync_fetch_and_add(&label->writes, 0) == writes;
}

/* Whether the peer in `f` may come in at this port of the agent's: 0, or the reason why not. */
static __always_inline __u32 inbound_verdict(__u64 id, struct finding *f, __u16 local)
{
	__u16 remote = f->port;
	__u32 flags = 0, reason;

	f->port = local;
	reason = window_verdict(id | TELOS_INBOUND, f, &flags);
	f->port = remote;
	return reason ? TELOS_REASON_LISTEN : 0;
}

#endif
