/* Network gate, the agent's own loopback (`network.listen: [{own: true}]`): its sockets reach each other and nobody else,
 * and nobody else reaches them. EPERM; who comes from outside gets no answer. */
#include "escape.h"
#include <netinet/tcp.h>

static long bound(int family, int type, const char *address, int port, int reuse)
{
	struct sockaddr_storage at = family == AF_INET ? inet4(address, port) : inet6(address, port);
	int fd = socket(family, type | SOCK_CLOEXEC, 0), on = 1;
	struct timeval span = {.tv_sec = 4};

	if (reuse)
		setsockopt(fd, SOL_SOCKET, reuse, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &span, sizeof(span));
	if (bind(fd, (void *)&at, sizeof(at)) || (type == SOCK_STREAM && listen(fd, 4))) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int port_of(long fd)
{
	struct sockaddr_storage at = {0};
	socklen_t length = sizeof(at);

	getsockname(fd, (void *)&at, &length);
	return ntohs(((struct sockaddr_in *)&at)->sin_port); /* in6 has it there, too */
}

/* The agent talks to itself. */
static void own_server(void)
{
	long server = bound(AF_INET, SOCK_STREAM, "127.0.0.1", 0, 0), client, peer;
	char byte = 0;

	control("listen", server);
	client = connected(SOCK_STREAM, inet4("127.0.0.1", port_of(server)));
	control("connect", client);
	peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	control("accept", peer);
	control("send", send(client, "x", 1, MSG_NOSIGNAL));
	control("receive", recv(peer, &byte, 1, 0) == 1 && byte == 'x' ? 0 : -1);
	close(client);
	close(peer);
	close(server);
}

static void own_datagrams(void)
{
	long server = bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 0, 0),
	     client = connected(SOCK_DGRAM, inet4("127.0.0.1", port_of(server)));
	char byte = 0;

	control("datagram", send(client, "x", 1, 0));
	control("received", recv(server, &byte, 1, 0) == 1 && byte == 'x' ? 0 : -1);
	close(client);
	close(server);
}

ESCAPE(network, loopback_service, "own loopback: a service of somebody outside, in every spelling of its address",
       "EPERM", .flags = LOOPBACK | EACH)
{
	own_server();
	own_datagrams();
	sent("tcp", leak(SOCK_STREAM, inet4("127.0.0.1", CLOSED_PORT), secret));
	attempt("any", leak(SOCK_STREAM, inet4("0.0.0.0", CLOSED_PORT), secret));
	attempt("other-address", leak(SOCK_STREAM, inet4("127.0.0.2", CLOSED_PORT), secret));
	attempt("ipv6", leak(SOCK_STREAM, inet6("::1", CLOSED_PORT), secret));
	attempt("mapped", leak(SOCK_STREAM, inet6("::ffff:127.0.0.1", CLOSED_PORT), secret));
	attempt("any6", leak(SOCK_STREAM, inet6("::", CLOSED_PORT), secret));
}

ESCAPE(network, loopback_datagrams, "own loopback: datagrams to somebody outside", "EPERM", .flags = LOOPBACK | EACH)
{
	struct sockaddr_storage there = inet4("127.0.0.1", CLOSED_PORT);
	long server = bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 0, 0);

	own_datagrams();
	sent("connected", leak(SOCK_DGRAM, inet4("127.0.0.1", CLOSED_PORT), secret));
	sent("sendto", sendto(server, secret, strlen(secret), 0, (void *)&there, sizeof(struct sockaddr_in)));
	sent("ipv6", leak(SOCK_DGRAM, inet6("::1", CLOSED_PORT), secret));
	sent("mapped", leak(SOCK_DGRAM, inet6("::ffff:127.0.0.1", CLOSED_PORT), secret));
}

ESCAPE(network, loopback_answer, "own loopback: answering somebody outside who wrote a datagram to it", "EPERM|EAGAIN",
       .flags = LOOPBACK | EACH)
{
	long server = bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 0, 0);
	struct sockaddr_storage from = {0};
	socklen_t length = sizeof(from);
	char buffer[64];

	own_datagrams();
	ask(text("datagram %d", port_of(server)));
	if (recvfrom(server, buffer, sizeof(buffer), 0, (void *)&from, &length) < 0)
		attempt("recvfrom", -1);
	else
		attempt("sendto", sendto(server, secret, strlen(secret), 0, (void *)&from, length));
}

/* Who came, or -1. */
static long visited(long server, const char *source)
{
	int error = atoi(ask(text("reach %d %s", port_of(server), source)));

	errno = error;
	return error ? -1 : accept4(server, NULL, NULL, SOCK_CLOEXEC);
}

static void tell(const char *what, long server, const char *source)
{
	long peer = visited(server, source);

	attempt(what, peer < 0 ? -1 : send(peer, secret, strlen(secret), MSG_NOSIGNAL));
}

ESCAPE(network, loopback_visitor, "own loopback: somebody outside connects to the agent's port",
       "EPERM|ETIMEDOUT|ECONNREFUSED", .flags = LOOPBACK | EACH)
{
	own_server();
	tell("loopback", bound(AF_INET, SOCK_STREAM, "127.0.0.1", 0, 0), "127.0.0.1");
	tell("any-address", bound(AF_INET, SOCK_STREAM, "0.0.0.0", 0, 0), "127.0.0.2");
	tell("both-families", bound(AF_INET6, SOCK_STREAM, "::", 0, 0), "127.0.0.1");
}

/* Another agent, under the same intent and as the same user, listens. */
static void serve_another(void)
{
	long server = bound(AF_INET, SOCK_STREAM, "127.0.0.1", 0, 0),
	     datagrams = bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 0, 0), peer;
	char buffer[256] = "";
	struct timeval span = {.tv_sec = 6};

	store(here("ports.new"), text("%d %d", port_of(server), port_of(datagrams)), 0644);
	rename(here("ports.new"), here("ports"));
	store(here("ready"), "", 0644);
	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &span, sizeof(span));
	peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	if (peer >= 0 && recv(peer, buffer, sizeof(buffer) - 1, 0) > 0)
		store(here("heard"), buffer, 0644);
	memset(buffer, 0, sizeof(buffer));
	if (recv(datagrams, buffer, sizeof(buffer) - 1, 0) > 0)
		store(here("heard-datagram"), buffer, 0644);
}

ESCAPE(network, loopback_agents, "own loopback: another agent of the same user and intent",
       "EPERM|ETIMEDOUT|ECONNREFUSED", .flags = LOOPBACK | EACH, .second = serve_another)
{
	char ports[32] = "";
	int fd = open(here("ports"), O_RDONLY | O_CLOEXEC), tcp = 0, udp = 0;

	if (read(fd, ports, sizeof(ports) - 1) < 0 || sscanf(ports, "%d %d", &tcp, &udp) != 2)
		broken("ports");
	own_server();
	own_datagrams();
	attempt("tcp", leak(SOCK_STREAM, inet4("127.0.0.1", tcp), secret));
	attempt("udp", leak(SOCK_DGRAM, inet4("127.0.0.1", udp), secret));
}

ESCAPE(network, loopback_low_port, "own loopback: ports below 1024, as root", "EPERM|EACCES",
       .flags = LOOPBACK | ROOT | EACH)
{
	own_server();
	attempt("tcp", bound(AF_INET, SOCK_STREAM, "127.0.0.1", 81, 0));
	attempt("last", bound(AF_INET, SOCK_STREAM, "127.0.0.1", 1023, 0));
	attempt("udp", bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 514, 0));
	attempt("ipv6", bound(AF_INET6, SOCK_STREAM, "::1", 82, 0));
}

ESCAPE(network, loopback_shared_port, "own loopback: a port together with somebody outside (SO_REUSEPORT), as root",
       "EPERM|EADDRINUSE", .flags = LOOPBACK | ROOT | EACH)
{
	own_server();
	attempt("udp", bound(AF_INET, SOCK_DGRAM, "127.0.0.1", atoi(ask("shared_port")), SO_REUSEPORT));
	attempt("tcp", bound(AF_INET, SOCK_STREAM, "127.0.0.1", atoi(ask("shared_stream")), SO_REUSEPORT));
}

/* The port was the agent's own, and then it was not. */
ESCAPE(network, loopback_taken_port, "own loopback: a port of its own that somebody outside took afterwards",
       "EPERM|ECONNREFUSED|EINPROGRESS|ETIMEDOUT", .flags = LOOPBACK | EACH)
{
	long server = bound(AF_INET, SOCK_STREAM, "127.0.0.1", 0, SO_REUSEADDR),
	     datagrams = bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 0, 0);
	int port = port_of(server), other = port_of(datagrams);
	long before = connected(SOCK_DGRAM, inet4("127.0.0.1", other));

	own_server();
	control("own-datagram", send(before, "x", 1, 0));
	close(server);
	close(datagrams);
	if (atoi(ask(text("take %d %d", port, other))))
		broken("take");
	sent("tcp", leak(SOCK_STREAM, inet4("127.0.0.1", port), secret));
	sent("udp", leak(SOCK_DGRAM, inet4("127.0.0.1", other), secret));
	sent("connected-before", send(before, secret, strlen(secret), 0));
}

/* Bound more exactly than the agent's own socket: what comes to 127.0.0.1 is now the other's. */
ESCAPE(network, loopback_more_exact, "own loopback: somebody outside takes the same port at a more exact address",
       "EPERM|ECONNREFUSED", .flags = LOOPBACK | EACH)
{
	long datagrams = bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 0, SO_REUSEADDR);

	own_server();
	own_datagrams();
	if (atoi(ask(text("take-exactly %d", port_of(datagrams)))))
		broken("take-exactly");
	sent("udp", leak(SOCK_DGRAM, inet4("127.0.0.1", port_of(datagrams)), secret));
}

/* 127.255.255.255 reaches everybody who is bound there. */
ESCAPE(network, loopback_broadcast, "own loopback: a broadcast that somebody outside hears at the same port",
       "EPERM|EACCES", .flags = LOOPBACK | EACH)
{
	long datagrams = bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 0, SO_REUSEADDR);
	struct sockaddr_storage all = inet4("127.255.255.255", port_of(datagrams));
	int on = 1;

	own_datagrams();
	setsockopt(datagrams, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	if (atoi(ask(text("take-everywhere %d", port_of(datagrams)))))
		broken("take-everywhere");
	sent("broadcast", sendto(datagrams, secret, strlen(secret), 0, (void *)&all, sizeof(struct sockaddr_in)));
}

ESCAPE(network, loopback_slammed, "own loopback: somebody outside, after the slam",
       "EPERM|ECONNREFUSED|ETIMEDOUT|EAGAIN", .flags = ALONE | LOOPBACK)
{
	long server = bound(AF_INET, SOCK_STREAM, "127.0.0.1", 0, 0),
	     datagrams = bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 0, 0);
	struct sockaddr_storage there = inet4("127.0.0.1", CLOSED_PORT);

	own_server();
	own_datagrams();
	if (!slam())
		return;
	sent("tcp", leak(SOCK_STREAM, inet4("127.0.0.1", CLOSED_PORT), loot));
	sent("udp", sendto(datagrams, loot, looted, 0, (void *)&there, sizeof(struct sockaddr_in)));
	leak_loot();
	tell("visitor", server, "127.0.0.1");
}
