// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hyperion: drops what comes from a set of addresses (XDP), what goes to it (cgroup egress), and refuses to
 * connect to it (cgroup connect), host-wide. All four programs read the same maps and decide the same way;
 * nothing is allocated on the way. What is not understood passes: the stack above has to judge it anyway.
 */
#include "hyperion_maps.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "GPL";

#define CGROUP_REFUSE 0
#define CGROUP_PASS 1

struct vlan_tag {
	__be16 tci;
	__be16 protocol;
};

/* Which generation is in force, and which of its parts hold anything. */
struct generation {
	__u32 slot;
	__u32 has;
};

static __always_inline struct generation in_force(void)
{
	struct generation generation = {};
	__u32 zero = 0;
	struct telos_hyperion *state = bpf_map_lookup_elem(&hyperion_state, &zero);

	if (state) {
		/* One load: user space writes `active` and `has` in one aligned word. */
		__u64 word = *(volatile __u64 *)&state->active;

		generation.slot = (__u32)word & 1;
		generation.has = (__u32)(word >> 32);
	}
	return generation;
}

static __always_inline void count(__u32 what)
{
	__u64 *counter = bpf_map_lookup_elem(&hyperion_drops, &what);

	if (counter)
		(*counter)++;
}

static __always_inline int has(struct generation generation, __u32 part)
{
	return generation.has & (1u << part);
}

static __always_inline int in_inner(void *outer, __u32 slot, const void *key)
{
	void *inner = bpf_map_lookup_elem(outer, &slot);

	return inner && bpf_map_lookup_elem(inner, key);
}

static __always_inline int in_set4(struct generation generation, __be32 address)
{
	if (has(generation, TELOS_SET_V4) && in_inner(&hyperion_v4, generation.slot, &address))
		return 1;
	if (has(generation, TELOS_SET_V4_PREFIX)) {
		struct telos_prefix4 key = {.prefix = 32};

		__builtin_memcpy(key.address, &address, sizeof(address));
		return in_inner(&hyperion_v4_prefix, generation.slot, &key);
	}
	return 0;
}

static __always_inline int in_set6(struct generation generation, const struct telos_prefix6 *address)
{
	if (has(generation, TELOS_SET_V6) && in_inner(&hyperion_v6, generation.slot, address->address))
		return 1;
	if (has(generation, TELOS_SET_V6_PREFIX))
		return in_inner(&hyperion_v6_prefix, generation.slot, address);
	return 0;
}

static __always_inline void map_v4(struct telos_prefix6 *mapped, __be32 address)
{
	__builtin_memset(mapped, 0, sizeof(*mapped));
	mapped->prefix = 128;
	mapped->address[10] = 0xff;
	mapped->address[11] = 0xff;
	__builtin_memcpy(mapped->address + 12, &address, sizeof(address));
}

/* Never-block wins over every set. Looked up only for what a set would block: the answer is the same. */
static __always_inline int spared(const struct telos_prefix6 *address)
{
	__u32 *spare = bpf_map_lookup_elem(&never_block, address);

	if (!spare || !*spare)
		return 0;
	count(TELOS_DROP_SPARED);
	return 1;
}

static __always_inline int blocked4(struct generation generation, __be32 address)
{
	struct telos_prefix6 mapped;

	if (!in_set4(generation, address))
		return 0;
	map_v4(&mapped, address);
	return !spared(&mapped);
}

static __always_inline int blocked6(struct generation generation, const struct in6_addr *address)
{
	struct telos_prefix6 key = {.prefix = 128};

	__builtin_memcpy(key.address, address, sizeof(key.address));
	return in_set6(generation, &key) && !spared(&key);
}

static __always_inline int is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

static __always_inline int judge_arrival(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct generation generation = in_force();
	struct ethhdr *ethernet = data;
	void *next = ethernet + 1;
	__be16 protocol;

	if (!generation.has || next > end)
		return XDP_PASS;
	protocol = ethernet->h_proto;

#pragma unroll
	for (int depth = 0; depth < 2; depth++) {
		struct vlan_tag *tag = next;

		if (!is_vlan(protocol))
			break;
		if ((void *)(tag + 1) > end)
			return XDP_PASS;
		protocol = tag->protocol;
		next = tag + 1;
	}

	if (protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = next;

		if ((void *)(ip + 1) > end)
			return XDP_PASS;
		if (blocked4(generation, ip->saddr)) {
			count(TELOS_DROP_XDP_V4);
			return XDP_DROP;
		}
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = next;

		if ((void *)(ip + 1) > end)
			return XDP_PASS;
		if (blocked6(generation, &ip->saddr)) {
			count(TELOS_DROP_XDP_V6);
			return XDP_DROP;
		}
	} else {
		return XDP_PASS;
	}
	count(TELOS_DROP_PASSED);
	return XDP_PASS;
}

/* "frags": otherwise drivers refuse the program where the MTU is larger than a page. */
SEC("xdp.frags")
int hyperion_xdp(struct xdp_md *ctx)
{
	return judge_arrival(ctx);
}

/* The packet starts at its network header. The load helper, unlike direct access, also reads fragments. */
SEC("cgroup_skb/egress")
int hyperion_egress(struct __sk_buff *skb)
{
	struct generation generation = in_force();

	if (!generation.has)
		return CGROUP_PASS;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		__be32 destination;

		if (bpf_skb_load_bytes(skb, __builtin_offsetof(struct iphdr, daddr), &destination, sizeof(destination)))
			return CGROUP_PASS;
		if (blocked4(generation, destination)) {
			count(TELOS_DROP_EGRESS_V4);
			return CGROUP_REFUSE;
		}
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct in6_addr destination;

		if (bpf_skb_load_bytes(skb, __builtin_offsetof(struct ipv6hdr, daddr), &destination,
				       sizeof(destination)))
			return CGROUP_PASS;
		if (blocked6(generation, &destination)) {
			count(TELOS_DROP_EGRESS_V6);
			return CGROUP_REFUSE;
		}
	}
	return CGROUP_PASS;
}

SEC("cgroup/connect4")
int hyperion_connect4(struct bpf_sock_addr *ctx)
{
	if (!blocked4(in_force(), ctx->user_ip4))
		return CGROUP_PASS;
	count(TELOS_DROP_CONNECT_V4);
	return CGROUP_REFUSE;
}

SEC("cgroup/connect6")
int hyperion_connect6(struct bpf_sock_addr *ctx)
{
	struct generation generation = in_force();
	struct in6_addr destination;

	destination.in6_u.u6_addr32[0] = ctx->user_ip6[0];
	destination.in6_u.u6_addr32[1] = ctx->user_ip6[1];
	destination.in6_u.u6_addr32[2] = ctx->user_ip6[2];
	destination.in6_u.u6_addr32[3] = ctx->user_ip6[3];

	/* A v4-mapped address on an IPv6 socket becomes IPv4 on the wire. */
	if (!destination.in6_u.u6_addr32[0] && !destination.in6_u.u6_addr32[1] &&
	    destination.in6_u.u6_addr32[2] == bpf_htonl(0xffff)) {
		if (!blocked4(generation, destination.in6_u.u6_addr32[3]))
			return CGROUP_PASS;
		count(TELOS_DROP_CONNECT_V4);
		return CGROUP_REFUSE;
	}
	if (!blocked6(generation, &destination))
		return CGROUP_PASS;
	count(TELOS_DROP_CONNECT_V6);
	return CGROUP_REFUSE;
}
