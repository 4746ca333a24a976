// SPDX-License-Identifier: GPL-2.0-only
/* Network gate, names: filters of the DNS proxy's own sockets, which user space puts on each of them, so that nobody else pays. What
 * is not an agent's takes no room in the proxy's queues. */

#define ACCEPTED (~0u)
#define TCP_FLAGS 13
#define TCP_SYN 2

/* The egress gate has set the mark. */
static __always_inline bool agents_own(const struct __sk_buff *skb)
{
	__u32 mark = skb->mark, slot = mark & TELOS_MARK_SLOT;
	struct telos_agent *agent = bpf_map_lookup_elem(&agents, &slot);

	return mark && agent && agent->mark == mark;
}

SEC("socket")
int telos_proxy_datagram(struct __sk_buff *skb)
{
	return agents_own(skb) ? ACCEPTED : 0;
}

/* Only what opens a connection: the kernel's own last words on one have no mark. */
SEC("socket")
int telos_proxy_stream(struct __sk_buff *skb)
{
	__u8 flags;

	if (bpf_skb_load_bytes(skb, TCP_FLAGS, &flags, 1))
		return 0;
	return !(flags & TCP_SYN) || agents_own(skb) ? ACCEPTED : 0;
}
