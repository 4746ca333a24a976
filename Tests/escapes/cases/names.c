/* Network gate, names: an agent whose intent permits a name may send to port 53 of anybody, and gets to the node's DNS proxy alone.
 * Nothing of it reaches a server. EPERM; a connection that the proxy is not there for never comes about. */
#include "escape.h"
#include <linux/io_uring.h>

#define SERVER "127.0.0.9"
enum { DNS_PORT = 53 };

ESCAPE(network, names_servers, "names: data to a server at port 53, by every call", "EPERM|EINPROGRESS|ETIMEDOUT",
       .flags = NAMES | EACH)
{
	struct sockaddr_storage there = inet4(SERVER, DNS_PORT), six = inet6("::1", DNS_PORT),
				mapped = inet6("::ffff:" SERVER, DNS_PORT), none = there;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), both = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	greet();
	sent("connected", leak(SOCK_DGRAM, there, secret));
	sent("sendto", sendto(fd, secret, strlen(secret), 0, (void *)&there, sizeof(struct sockaddr_in)));
	none.ss_family = AF_UNSPEC;
	sent("unspecified", sendto(fd, secret, strlen(secret), 0, (void *)&none, sizeof(struct sockaddr_in)));
	sent("ipv6", sendto(both, secret, strlen(secret), 0, (void *)&six, sizeof(struct sockaddr_in6)));
	sent("mapped", sendto(both, secret, strlen(secret), 0, (void *)&mapped, sizeof(struct sockaddr_in6)));
	sent("mapped-connected", leak(SOCK_DGRAM, mapped, secret));
	sent("tcp", leak(SOCK_STREAM, there, secret));
	sent("tcp-ipv6", leak(SOCK_STREAM, six, secret));
}

ESCAPE(network, names_ring, "names: data to a server at port 53, by io_uring", "EPERM", .flags = NAMES | EACH)
{
	struct sockaddr_storage there = inet4(SERVER, DNS_PORT);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct iovec data = {secret, strlen(secret)};
	struct msghdr message = {
		.msg_name = &there, .msg_namelen = sizeof(struct sockaddr_in), .msg_iov = &data, .msg_iovlen = 1};
	struct ring *r = ring(0);

	greet();
	if (!r)
		broken("io_uring");
	sent("sendmsg", ring_operation(r, IORING_OP_SENDMSG, fd, &message, 1, 0, 0));
	if (ring_operation(r, IORING_OP_CONNECT, other, &there, 0, sizeof(struct sockaddr_in), 0))
		attempt("connect", -1);
	else
		sent("send", ring_operation(r, IORING_OP_SEND, other, secret, strlen(secret), 0, 0));
}

/* The hook of sendmmsg is asked once a batch. */
ESCAPE(network, names_batch, "names: a batch whose first message is a question", "EPERM", .flags = NAMES | EACH)
{
	struct sockaddr_storage there = inet4(SERVER, DNS_PORT), other = inet4("127.0.0.1", CLOSED_PORT);
	struct iovec question = {greeting, strlen(greeting)}, data = {secret, strlen(secret)};
	struct mmsghdr batch[2] = {
		{.msg_hdr = {.msg_name = &there,
			     .msg_namelen = sizeof(struct sockaddr_in),
			     .msg_iov = &question,
			     .msg_iovlen = 1}},
		{.msg_hdr = {.msg_name = &other,
			     .msg_namelen = sizeof(struct sockaddr_in),
			     .msg_iov = &data,
			     .msg_iovlen = 1}},
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), count;

	greet();
	count = sendmmsg(fd, batch, 2, 0);
	attempt("second", count == 2 ? 0 : sendmmsg(fd, batch + 1, 1, 0));
}

/* C libraries sort addresses by connecting datagram sockets to them. An agent with names may, where it may use the address at
 * some other port; but to connect is not to send. */
ESCAPE(network, names_sorting, "names: data on a datagram socket that was connected to sort addresses", "EPERM",
       .flags = NAMES | EACH)
{
	struct sockaddr_storage other = inet4("127.0.0.1", CLOSED_PORT);
	struct iovec data = {secret, strlen(secret)};
	struct mmsghdr batch = {.msg_hdr = {.msg_iov = &data, .msg_iovlen = 1}};
	long fd;

	greet();
	sent("send", leak(SOCK_DGRAM, other, secret));
	sent("mapped", leak(SOCK_DGRAM, inet6("::ffff:127.0.0.1", CLOSED_PORT), secret));
	sent("ipv6", leak(SOCK_DGRAM, inet6("::1", CLOSED_PORT), secret));
	fd = connected(SOCK_DGRAM, other);
	sent("write", fd < 0 ? -1 : write(fd, secret, strlen(secret)));
	sent("sendmmsg", fd < 0 ? -1 : sendmmsg(fd, &batch, 1, 0));
	sent("sendto", sendto(fd, secret, strlen(secret), 0, (void *)&other, sizeof(struct sockaddr_in)));
}

ESCAPE(network, names_slammed, "names: questions after the slam, on sockets old and new", "EPERM|EINPROGRESS|ETIMEDOUT",
       .flags = ALONE | NAMES)
{
	struct sockaddr_storage there = inet4(SERVER, DNS_PORT), six = inet6("::1", DNS_PORT);
	long stream = connected(SOCK_STREAM, there), datagrams = connected(SOCK_DGRAM, there);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	greet();
	if (!slam())
		return;
	if (stream >= 0)
		sent("old-stream", send(stream, loot, looted, MSG_NOSIGNAL));
	sent("old-datagrams", send(datagrams, loot, looted, 0));
	sent("sendto", sendto(fd, loot, looted, 0, (void *)&there, sizeof(struct sockaddr_in)));
	sent("connected", leak(SOCK_DGRAM, there, loot));
	sent("ipv6", leak(SOCK_DGRAM, six, loot));
	sent("tcp", leak(SOCK_STREAM, there, loot));
	leak_loot();
}
