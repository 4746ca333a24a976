// SPDX-License-Identifier: GPL-2.0-only
/* Hyperion's own decision, each run on another source address, beside a program that only puts the address in. */
#include "hyperion.bpf.c"

#define ADDRESSES (1 << 20)

/* Filled by user space; read in order, so that fetching them costs next to nothing. */
__be32 addresses4[ADDRESSES];
struct in6_addr addresses6[ADDRESSES];
__u64 next_address;

static __always_inline void *network_header(struct xdp_md *ctx, __u32 size)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	return data + sizeof(struct ethhdr) + size > end ? 0 : data + sizeof(struct ethhdr);
}

static __always_inline void put4(struct xdp_md *ctx)
{
	struct iphdr *ip = network_header(ctx, sizeof(*ip));

	if (ip)
		ip->saddr = addresses4[next_address++ & (ADDRESSES - 1)];
}

static __always_inline void put6(struct xdp_md *ctx)
{
	struct ipv6hdr *ip = network_header(ctx, sizeof(*ip));

	if (ip)
		ip->saddr = addresses6[next_address++ & (ADDRESSES - 1)];
}

SEC("xdp")
int bench_nothing(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int bench_put4(struct xdp_md *ctx)
{
	put4(ctx);
	return XDP_PASS;
}

SEC("xdp")
int bench_put6(struct xdp_md *ctx)
{
	put6(ctx);
	return XDP_PASS;
}

SEC("xdp.frags")
int bench_decide4(struct xdp_md *ctx)
{
	put4(ctx);
	return judge_arrival(ctx);
}

SEC("xdp.frags")
int bench_decide6(struct xdp_md *ctx)
{
	put6(ctx);
	return judge_arrival(ctx);
}
