// SPDX-License-Identifier: GPL-2.0-only
/* Network gate, names: what an agent asks of any server at port 53 goes to the node's DNS proxy, and what comes back seems to come
 * from that server. No gate depends on this: without it the egress gate drops the question. Who may ask at all was decided by
 * the hooks of network.bpf.c, which are asked first. */

#define STEERED 1
#define STEERING_FAILED 0

#define LOOPBACK4 bpf_htonl(0x7f000001)
#define MAPPED bpf_htonl(0xffff)

/* The agent whose questions of this socket are steered; NULL for everybody else's sockets, and where it was not made by the
 * agent: egress judges such a socket by other rules. */
static __always_inline struct telos_agent *asking_agent(struct bpf_sock *sk)
{
	struct telos_socket *label = sk ? bpf_sk_storage_get(&sockets, sk, 0, 0) : NULL;
	struct telos_agent *agent;
	__u32 slot;

	if (!label || (label->flags & (TELOS_SOCKET_PROXY | TELOS_SOCKET_STDIO)))
		return NULL;
	slot = label->slot;
	agent = bpf_map_lookup_elem(&agents, &slot);
	if (!agent || agent->id != label->agent || !(agent->flags & TELOS_AGENT_NAMES) || of_other_build(agent->flags))
		return NULL;
	return agent;
}

/* Two threads that ask through one socket at once may each see the other's server: both asked for it. */
static __always_inline bool note_server(struct bpf_sock *sk, __u16 port, enum telos_way way, const __u32 *server)
{
	struct telos_steered *servers = bpf_sk_storage_get(&steered, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!servers) /* no memory left for this socket */
		return false;
	__builtin_memcpy(servers->server[way], server, 16);
	servers->asked[way] = 1;
	servers->port = port;
	return true;
}

static __always_inline int steer4(struct bpf_sock_addr *ctx)
{
	__u32 server[4] = {0, 0, MAPPED, ctx->user_ip4};
	struct telos_agent *agent;

	if (ctx->user_port != bpf_htons(DNS_PORT))
		return STEERED;
	agent = asking_agent(ctx->sk);
	if (!agent)
		return STEERED;
	if (!note_server(ctx->sk, agent->names_port, TELOS_WAY_V4, server))
		return STEERING_FAILED;
	ctx->user_ip4 = LOOPBACK4;
	ctx->user_port = bpf_htons(agent->names_port);
	return STEERED;
}

static __always_inline int steer6(struct bpf_sock_addr *ctx)
{
	__u32 server[4];
	struct telos_agent *agent;
	enum telos_way way;

	if (ctx->user_port != bpf_htons(DNS_PORT))
		return STEERED;
	agent = asking_agent(ctx->sk);
	if (!agent)
		return STEERED;
	server[0] = ctx->user_ip6[0];
	server[1] = ctx->user_ip6[1];
	server[2] = ctx->user_ip6[2];
	server[3] = ctx->user_ip6[3];
	way = !server[0] && !server[1] && server[2] == MAPPED ? TELOS_WAY_V4 : TELOS_WAY_V6;
	if (!note_server(ctx->sk, agent->names_port, way, server))
		return STEERING_FAILED;
	ctx->user_ip6[0] = 0;
	ctx->user_ip6[1] = 0;
	ctx->user_ip6[2] = way == TELOS_WAY_V4 ? MAPPED : 0;
	ctx->user_ip6[3] = way == TELOS_WAY_V4 ? LOOPBACK4 : bpf_htonl(1);
	ctx->user_port = bpf_htons(agent->names_port);
	return STEERED;
}

/* The server that was asked by this way, where the address in `ctx` is the proxy's. */
static __always_inline const __u8 *asked_server(struct bpf_sock_addr *ctx, enum telos_way way)
{
	struct bpf_sock *sk = ctx->sk;
	struct telos_steered *servers = sk ? bpf_sk_storage_get(&steered, sk, 0, 0) : NULL;

	if (!servers || !servers->asked[way] || ctx->user_port != bpf_htons(servers->port))
		return NULL;
	return servers->server[way];
}

static __always_inline int unsteer4(struct bpf_sock_addr *ctx)
{
	const __u8 *server;
	__u32 address;

	if (ctx->user_ip4 != LOOPBACK4)
		return STEERED;
	server = asked_server(ctx, TELOS_WAY_V4);
	if (!server)
		return STEERED;
	__builtin_memcpy(&address, server + 12, 4);
	ctx->user_ip4 = address;
	ctx->user_port = bpf_htons(DNS_PORT);
	return STEERED;
}

static __always_inline int unsteer6(struct bpf_sock_addr *ctx)
{
	__u32 middle = ctx->user_ip6[2], last = ctx->user_ip6[3], address[4];
	enum telos_way way = middle == MAPPED ? TELOS_WAY_V4 : TELOS_WAY_V6;
	const __u8 *server;

	if (ctx->user_ip6[0] || ctx->user_ip6[1] ||
	    (way == TELOS_WAY_V4 ? last != LOOPBACK4 : middle || last != bpf_htonl(1)))
		return STEERED;
	server = asked_server(ctx, way);
	if (!server)
		return STEERED;
	__builtin_memcpy(address, server, 16);
	ctx->user_ip6[0] = address[0];
	ctx->user_ip6[1] = address[1];
	ctx->user_ip6[2] = address[2];
	ctx->user_ip6[3] = address[3];
	ctx->user_port = bpf_htons(DNS_PORT);
	return STEERED;
}

SEC("cgroup/connect4")
int telos_connect4(struct bpf_sock_addr *ctx)
{
	return steer4(ctx);
}

SEC("cgroup/connect6")
int telos_connect6(struct bpf_sock_addr *ctx)
{
	return steer6(ctx);
}

/* Of IPv6 sockets too, where the address is a mapped one. */
SEC("cgroup/sendmsg4")
int telos_sendmsg4(struct bpf_sock_addr *ctx)
{
	return steer4(ctx);
}

SEC("cgroup/sendmsg6")
int telos_sendmsg6(struct bpf_sock_addr *ctx)
{
	return steer6(ctx);
}

SEC("cgroup/recvmsg4")
int telos_recvmsg4(struct bpf_sock_addr *ctx)
{
	return unsteer4(ctx);
}

SEC("cgroup/recvmsg6")
int telos_recvmsg6(struct bpf_sock_addr *ctx)
{
	return unsteer6(ctx);
}

SEC("cgroup/getpeername4")
int telos_getpeername4(struct bpf_sock_addr *ctx)
{
	return unsteer4(ctx);
}

SEC("cgroup/getpeername6")
int telos_getpeername6(struct bpf_sock_addr *ctx)
{
	return unsteer6(ctx);
}
