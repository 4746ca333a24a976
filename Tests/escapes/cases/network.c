/* Network gate before any taint: other destinations, other protocols, other people's sockets. EPERM. */
#include "escape.h"
#include <linux/if_alg.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>

ESCAPE(network, tcp, "TCP to a port that is not allowed", "EPERM")
{
	greet();
	attempt("connect", leak(SOCK_STREAM, inet4("127.0.0.1", CLOSED_PORT), secret));
}

ESCAPE(network, address, "the allowed port on another address of this machine", "EPERM")
{
	greet();
	attempt("connect", leak(SOCK_STREAM, inet4("127.0.0.2", OPEN_PORT), secret));
	attempt("connect-udp", leak(SOCK_DGRAM, inet4("127.0.0.2", OPEN_PORT), secret));
}

ESCAPE(network, udp, "sendto on an unconnected UDP socket", "EPERM")
{
	struct sockaddr_storage there = inet4("127.0.0.1", OPEN_PORT), other = inet4("127.0.0.1", CLOSED_PORT);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	control("allowed-destination", sendto(fd, greeting, strlen(greeting), 0, (void *)&there, sizeof(there)));
	attempt("sendto", sendto(fd, secret, strlen(secret), 0, (void *)&other, sizeof(struct sockaddr_in)));
}

ESCAPE(network, udp_unspecified, "sendto with AF_UNSPEC, which UDP takes for AF_INET", "EPERM")
{
	struct sockaddr_storage other = inet4("127.0.0.1", CLOSED_PORT);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	greet();
	other.ss_family = AF_UNSPEC;
	attempt("sendto", sendto(fd, secret, strlen(secret), 0, (void *)&other, sizeof(struct sockaddr_in)));
}

ESCAPE(network, udp_connected, "connect and send over UDP", "EPERM")
{
	control("allowed-destination", leak(SOCK_DGRAM, inet4("127.0.0.1", OPEN_PORT), greeting));
	attempt("connect", leak(SOCK_DGRAM, inet4("127.0.0.1", CLOSED_PORT), secret));
}

ESCAPE(network, sendmmsg, "a batch whose first message may go", "EPERM")
{
	struct sockaddr_storage there = inet4("127.0.0.1", OPEN_PORT), other = inet4("127.0.0.1", CLOSED_PORT);
	struct iovec good = {greeting, strlen(greeting)}, bad = {secret, strlen(secret)};
	struct mmsghdr batch[2] = {
		{.msg_hdr = {.msg_name = &there,
			     .msg_namelen = sizeof(struct sockaddr_in),
			     .msg_iov = &good,
			     .msg_iovlen = 1}},
		{.msg_hdr = {.msg_name = &other,
			     .msg_namelen = sizeof(struct sockaddr_in),
			     .msg_iov = &bad,
			     .msg_iovlen = 1}},
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int count = sendmmsg(fd, batch, 2, 0);

	control("first", count >= 1 ? 0 : -1);
	if (count == 1) /* the error of the second comes with the next call */
		attempt("second", sendmmsg(fd, batch + 1, 1, 0));
	else
		attempt("second", count - 2);
}

ESCAPE(network, fast_open, "TCP fast open connects without connect", "EPERM")
{
	struct sockaddr_storage other = inet4("127.0.0.1", CLOSED_PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	greet();
	attempt("sendto", sendto(fd, secret, strlen(secret), MSG_FASTOPEN | MSG_NOSIGNAL, (void *)&other,
				 sizeof(struct sockaddr_in)));
}

ESCAPE(network, v4_mapped, "::ffff:127.0.0.1, over TCP and UDP", "EPERM")
{
	control("allowed-destination", leak(SOCK_STREAM, inet6("::ffff:127.0.0.1", OPEN_PORT), greeting));
	attempt("tcp", leak(SOCK_STREAM, inet6("::ffff:127.0.0.1", CLOSED_PORT), secret));
	attempt("udp", leak(SOCK_DGRAM, inet6("::ffff:127.0.0.1", CLOSED_PORT), secret));
}

ESCAPE(network, any_address, "0.0.0.0 and ::, which are this machine", "EPERM")
{
	greet();
	attempt("0.0.0.0", leak(SOCK_STREAM, inet4("0.0.0.0", CLOSED_PORT), secret));
	attempt("::", leak(SOCK_STREAM, inet6("::", CLOSED_PORT), secret));
	attempt("::ffff:0.0.0.0", leak(SOCK_STREAM, inet6("::ffff:0.0.0.0", CLOSED_PORT), secret));
}

ESCAPE(network, ipv6, "IPv6, TCP and UDP", "EPERM")
{
	control("allowed-destination", leak(SOCK_STREAM, inet6("::1", OPEN_PORT), greeting));
	attempt("tcp", leak(SOCK_STREAM, inet6("::1", CLOSED_PORT), secret));
	attempt("udp", leak(SOCK_DGRAM, inet6("::1", CLOSED_PORT), secret));
}

/* Kinds of sockets that no hook or no egress program could judge. */
static void kind(const char *what, int family, int type, int protocol)
{
	attempt(what, socket(family, type | SOCK_CLOEXEC, protocol));
}

ESCAPE(network, packet, "AF_PACKET, as root", "EPERM", .flags = ROOT)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = 1, .sll_halen = 6};
	int fd;

	greet();
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		attempt("socket", -1);
	else
		attempt("sendto", sendto(fd, secret, strlen(secret), 0, (void *)&to, sizeof(to)));
}

ESCAPE(network, raw, "raw sockets, as root", "EPERM", .flags = ROOT)
{
	greet();
	kind("udp", AF_INET, SOCK_RAW, IPPROTO_UDP);
	kind("raw", AF_INET, SOCK_RAW, IPPROTO_RAW);
	kind("raw6", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
}

ESCAPE(network, ping, "an ICMP ping socket", "EPERM")
{
	greet();
	kind("icmp", AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	kind("icmp6", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
}

ESCAPE(network, vsock, "AF_VSOCK, to the host", "EPERM")
{
	greet();
	kind("vsock", AF_VSOCK, SOCK_STREAM, 0);
}

ESCAPE(network, sctp, "SCTP", "EPERM")
{
	greet();
	kind("stream", AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	kind("seqpacket", AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
}

ESCAPE(network, udp_lite, "UDP-Lite", "EPERM")
{
	greet();
	kind("udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
}

ESCAPE(network, mptcp, "MPTCP, whose subflows have no hook", "EPERM")
{
	greet();
	kind("mptcp", AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

ESCAPE(network, alg, "AF_ALG", "EPERM")
{
	greet();
	kind("alg", AF_ALG, SOCK_SEQPACKET, 0);
}

ESCAPE(network, netlink, "netlink other than routing", "EPERM")
{
	greet();
	kind("generic", AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	kind("uevent", AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
}

ESCAPE(network, listen, "being connected to instead of connecting", "EPERM")
{
	struct sockaddr_storage at = inet4("0.0.0.0", 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	greet();
	if (bind(fd, (void *)&at, sizeof(struct sockaddr_in)))
		attempt("bind", -1);
	attempt("listen", listen(fd, 1));
}

ESCAPE(network, udp_answer, "answering over UDP whoever wrote first", "EPERM")
{
	struct sockaddr_storage at = inet4("127.0.0.1", 0), from;
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char buffer[64];

	greet();
	if (bind(fd, (void *)&at, sizeof(struct sockaddr_in)) || getsockname(fd, (void *)&at, &length))
		broken("bind");
	ask(text("datagram %d", ntohs(((struct sockaddr_in *)&at)->sin_port)));
	length = sizeof(from);
	if (recvfrom(fd, buffer, sizeof(buffer), 0, (void *)&from, &length) < 0)
		attempt("recvfrom", -1);
	else
		attempt("sendto", sendto(fd, secret, strlen(secret), 0, (void *)&from, length));
}

static long at_port(int type, int port)
{
	struct sockaddr_storage at = inet4("0.0.0.0", port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, (void *)&at, sizeof(struct sockaddr_in)) ? -1 : fd;
}

/* Who came from that address within a few seconds, or -1. */
static long visited(int listener, int port, const char *source)
{
	int error = atoi(ask(text("reach %d %s", port, source)));

	errno = error;
	return error ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

ESCAPE(network, listen_port, "listening on another port than the intent opens", "EPERM", .flags = LISTENS)
{
	int open = at_port(SOCK_STREAM, 7110), none = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long peer, other;

	control("open-port", open < 0 ? -1 : listen(open, 4));
	peer = visited(open, 7110, "127.0.0.1");
	control("accept", peer);
	control("answer", send(peer, greeting, strlen(greeting), MSG_NOSIGNAL));
	other = at_port(SOCK_STREAM, 7120);
	attempt("bind", other < 0 ? -1 : listen(other, 4));
	attempt("no-bind", listen(none, 4)); /* the kernel would pick a port */
}

ESCAPE(network, listen_peer, "being connected to by somebody whom the intent does not name", "ETIMEDOUT",
       .flags = LISTENS)
{
	int open = at_port(SOCK_STREAM, 7111);
	long peer;

	control("listen", open < 0 ? -1 : listen(open, 4));
	control("named-peer", visited(open, 7111, "127.0.0.1"));
	peer = visited(open, 7111, "127.0.0.2");
	attempt("other-peer", peer < 0 ? -1 : send(peer, secret, strlen(secret), MSG_NOSIGNAL));
}

ESCAPE(network, listen_out, "connecting out from a port that is open to others", "EPERM", .flags = LISTENS)
{
	struct sockaddr_storage nobody = {.ss_family = AF_UNSPEC}, other = inet4("127.0.0.1", CLOSED_PORT);
	int from = at_port(SOCK_STREAM, 7112), turned = at_port(SOCK_STREAM, 7113);

	greet();
	attempt("bound", from < 0 || connect(from, (void *)&other, sizeof(struct sockaddr_in))
				 ? -1
				 : send(from, secret, strlen(secret), MSG_NOSIGNAL));
	control("listen", turned < 0 ? -1 : listen(turned, 4));
	shutdown(turned, SHUT_RDWR);
	connect(turned, (void *)&nobody, sizeof(nobody));
	attempt("turned-round", connect(turned, (void *)&other, sizeof(struct sockaddr_in))
					? -1
					: send(turned, secret, strlen(secret), MSG_NOSIGNAL));
}

ESCAPE(network, listen_udp, "datagrams to others from a port that is open to some", "EPERM", .flags = LISTENS)
{
	struct sockaddr_storage other = inet4("127.0.0.2", CLOSED_PORT), named = inet4("127.0.0.1", CLOSED_PORT);
	struct sockaddr_storage from = {0};
	int open = at_port(SOCK_DGRAM, 7114), any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(from);
	char buffer[64];

	control("bind", open);
	ask("datagram 7114");
	control("receive", recvfrom(open, buffer, sizeof(buffer), 0, (void *)&from, &length));
	control("answer", sendto(open, greeting, strlen(greeting), 0, (void *)&from, length));
	attempt("other-peer", sendto(open, secret, strlen(secret), 0, (void *)&other, sizeof(struct sockaddr_in)));
	attempt("other-port", sendto(any, secret, strlen(secret), 0, (void *)&named, sizeof(struct sockaddr_in)));
	attempt("bind-other", at_port(SOCK_DGRAM, 7121));
}

ESCAPE(network, shared_port, "taking a service's port together with it (SO_REUSEPORT), as root", "EPERM", .flags = ROOT)
{
	struct sockaddr_storage at;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	greet();
	at = inet4("127.0.0.1", atoi(ask("shared_port")));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	attempt("bind", bind(fd, (void *)&at, sizeof(struct sockaddr_in)));
}

ESCAPE(network, unix_socket, "AF_UNIX to an unmanaged process", "EPERM")
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/run/escapes/closed.dgram"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long stream = unix_connected("/run/escapes/open.sock");

	control("allowed-socket", stream);
	control("allowed-send", send(stream, greeting, strlen(greeting), MSG_NOSIGNAL));
	attempt("datagram", sendto(fd, secret, strlen(secret), 0, (void *)&to, sizeof(to)));
	stream = unix_connected("/run/escapes/closed.sock");
	attempt("stream", stream < 0 ? -1 : send(stream, secret, strlen(secret), MSG_NOSIGNAL));
	stream = unix_connected("@escapes-closed");
	attempt("abstract", stream < 0 ? -1 : send(stream, secret, strlen(secret), MSG_NOSIGNAL));
}

ESCAPE(network, unix_listen, "an unmanaged process connects to the agent's AF_UNIX socket", "EPERM")
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;
	const char *answer;
	long peer;

	greet();
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", here("s"));
	if (bind(fd, (void *)&at, sizeof(at)) || listen(fd, 4))
		broken("listen");
	chmod(here("s"), 0777);
	answer = ask(text("connect %s", here("s")));
	error = atoi(answer);
	errno = error;
	if (error) {
		attempt("connect", -1);
		return;
	}
	peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	attempt("send", peer < 0 ? -1 : send(peer, secret, strlen(secret), MSG_NOSIGNAL));
}

/* Receives one descriptor; -1 where there came none. */
static long receive(int socket)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec data = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) < 0)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS) {
		/* The kernel drops what the gate refuses, without an errno. */
		errno = message.msg_flags & MSG_CTRUNC ? EPERM : ENOMSG;
		return -1;
	}
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

ESCAPE(network, scm_rights, "a connected socket from an unmanaged process over SCM_RIGHTS", "EPERM")
{
	long stream = unix_connected("/run/escapes/open.sock"), fd;

	control("allowed-socket", stream);
	control("question", send(stream, "descriptor\n", 11, MSG_NOSIGNAL));
	fd = receive(stream);
	if (fd < 0)
		attempt("recvmsg", -1);
	else
		attempt("send", send(fd, secret, strlen(secret), MSG_NOSIGNAL));
}

ESCAPE(network, ip_options, "IP options, some of which route by themselves", "EPERM")
{
	unsigned char options[] = {1, 1, 1, 1}; /* no operation: any option makes the header longer */
	struct sockaddr_storage there = inet4("127.0.0.1", OPEN_PORT);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	greet();
	if (setsockopt(fd, IPPROTO_IP, 4 /* IP_OPTIONS */, options, sizeof(options)))
		attempt("setsockopt", -1);
	else
		sent("sendto", sendto(fd, secret, strlen(secret), 0, (void *)&there, sizeof(struct sockaddr_in)));
}

ESCAPE(network, route, "changing addresses and routes over netlink, as root", "EPERM", .flags = ROOT)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg address;
		struct rtattr attribute;
		unsigned char value[4];
	} request = {
		.header = {sizeof(request), RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0},
		.address = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1},
		.attribute = {8, IFA_LOCAL},
		.value = {192, 0, 2, 77},
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} answer = {0};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	greet();
	if (send(fd, &request, sizeof(request), 0) < 0) {
		attempt("send", -1);
		return;
	}
	if (recv(fd, &answer, sizeof(answer), 0) < 0)
		broken("recv");
	errno = -answer.error.error;
	attempt("new-address", answer.error.error == 0 || answer.error.error == -EEXIST ? 0 : -1);
}
