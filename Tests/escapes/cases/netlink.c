/* Network gate, netlink: what changes addresses, routes and interfaces, behind something harmless in the same datagram, as
 * root. EPERM. */
#include "escape.h"
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/uio.h>

enum { ASKED = 4242 }; /* the number of the message that counts */

static char datagram[16384];
static size_t filled;

static void *put(const void *data, size_t size)
{
	void *at = datagram + filled;

	memcpy(at, data, size);
	filled += NLMSG_ALIGN(size);
	return at;
}

static struct nlmsghdr *begin(int type, int flags, int number)
{
	struct nlmsghdr header = {NLMSG_HDRLEN, type, flags, number, 0};

	return put(&header, sizeof(header));
}

static void end(struct nlmsghdr *header)
{
	header->nlmsg_len = datagram + filled - (char *)header;
}

static void attribute(int type, const void *value, size_t size)
{
	struct rtattr about = {RTA_LENGTH(size), type};

	put(&about, sizeof(about));
	put(value, size);
}

static void harmless(int flags)
{
	struct ifinfomsg about = {.ifi_index = 1};
	struct nlmsghdr *header = begin(RTM_GETLINK, flags, 1);

	put(&about, sizeof(about));
	end(header);
}

static const unsigned char some_address[4] = {192, 0, 2, 77};

static void new_address(void)
{
	struct ifaddrmsg about = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1};
	struct nlmsghdr *header = begin(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, ASKED);

	put(&about, sizeof(about));
	attribute(IFA_LOCAL, some_address, 4);
	end(header);
}

static void new_route(void)
{
	struct rtmsg about = {.rtm_family = AF_INET,
			      .rtm_dst_len = 32,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_protocol = RTPROT_STATIC,
			      .rtm_scope = RT_SCOPE_LINK,
			      .rtm_type = RTN_UNICAST};
	struct nlmsghdr *header = begin(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, ASKED);
	int link = 1;

	put(&about, sizeof(about));
	attribute(RTA_DST, some_address, 4);
	attribute(RTA_OIF, &link, sizeof(link));
	end(header);
}

static void new_neighbour(void)
{
	struct ndmsg about = {.ndm_family = AF_INET, .ndm_ifindex = 2, .ndm_state = NUD_PERMANENT};
	struct nlmsghdr *header = begin(RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, ASKED);

	put(&about, sizeof(about));
	attribute(NDA_DST, some_address, 4);
	attribute(NDA_LLADDR, "\2\0\0\0\0\1", 6);
	end(header);
}

static void set_link(void)
{
	struct ifinfomsg about = {.ifi_index = 1};
	struct nlmsghdr *header = begin(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, ASKED);
	const char *alias = text("escape %.60s", tag);

	put(&about, sizeof(about));
	attribute(IFLA_IFALIAS, alias, strlen(alias));
	end(header);
}

static void new_rule(void)
{
	struct fib_rule_hdr about = {.family = AF_INET, .table = RT_TABLE_MAIN, .action = FR_ACT_TO_TBL};
	struct nlmsghdr *header = begin(RTM_NEWRULE, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, ASKED);
	unsigned priority = 40000;

	put(&about, sizeof(about));
	attribute(FRA_PRIORITY, &priority, sizeof(priority));
	end(header);
}

/* What the kernel says of the message that counts. */
static long answered(int fd)
{
	struct timeval span = {.tv_sec = 3};
	static char answer[65536];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &span, sizeof(span));
	for (;;) {
		ssize_t left = recv(fd, answer, sizeof(answer), 0);
		struct nlmsghdr *header = (void *)answer;

		if (left < 0)
			return -1;
		for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
			struct nlmsgerr *error = NLMSG_DATA(header);

			if (header->nlmsg_type != NLMSG_ERROR || error->msg.nlmsg_seq != ASKED)
				continue;
			errno = -error->error;
			return error->error == 0 || error->error == -EEXIST ? 0 : -1;
		}
	}
}

static void deliver(const char *what)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	attempt(what, send(fd, datagram, filled, 0) < 0 ? -1 : answered(fd));
	close(fd);
	filled = 0;
}

static void question_alone(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	char answer[8192];

	harmless(NLM_F_REQUEST);
	control("question", send(fd, datagram, filled, 0));
	control("answer", recv(fd, answer, sizeof(answer), 0));
	close(fd);
	filled = 0;
}

static void behind_a_question(const char *what, void (*change)(void))
{
	harmless(NLM_F_REQUEST);
	change();
	deliver(what);
}

ESCAPE(network, netlink_second, "changes behind a question in one netlink datagram, as root", "EPERM",
       .flags = ROOT | EACH)
{
	question_alone();
	behind_a_question("address", new_address);
	behind_a_question("route", new_route);
	behind_a_question("neighbour", new_neighbour);
	behind_a_question("link", set_link);
	behind_a_question("rule", new_rule);
}

ESCAPE(network, netlink_hidden, "an address behind messages that say nothing, in netlink datagrams, as root", "EPERM",
       .flags = ROOT | EACH)
{
	struct nlmsghdr *first;

	question_alone();
	end(begin(NLMSG_NOOP, 0, 1));
	new_address();
	deliver("no-operation");
	end(begin(NLMSG_DONE, 0, 1));
	new_address();
	deliver("done");
	end(begin(NLMSG_ERROR, NLM_F_REQUEST, 1));
	new_address();
	deliver("error");
	harmless(0);
	new_address();
	deliver("no-request");
	harmless(NLM_F_REQUEST | NLM_F_DUMP);
	new_address();
	deliver("dump");
	first = begin(NLMSG_NOOP, 0, 1); /* 17 bytes long: the next begins at 20 */
	put("x", 1);
	first->nlmsg_len = NLMSG_HDRLEN + 1;
	new_address();
	deliver("padded");
	harmless(NLM_F_REQUEST);
	set_link();
	((struct nlmsghdr *)(datagram + NLMSG_ALIGN(((struct nlmsghdr *)datagram)->nlmsg_len)))->nlmsg_seq = 2;
	new_address();
	deliver("third");
}

ESCAPE(network, netlink_many, "an address behind a hundred questions in one netlink datagram, as root", "EPERM",
       .flags = ROOT | EACH)
{
	question_alone();
	for (int i = 0; i < 100; i++)
		end(begin(NLMSG_NOOP, 0, 1));
	new_address();
	deliver("hundred");
	for (int i = 0; i < 900; i++)
		end(begin(NLMSG_NOOP, 0, 1));
	new_address();
	deliver("nine-hundred");
}

ESCAPE(network, netlink_pieces, "an address in a netlink datagram of pieces, by writev, sendmmsg and write, as root",
       "EPERM", .flags = ROOT | EACH)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct iovec pieces[2];
	struct mmsghdr batch[2] = {{.msg_hdr = {.msg_iov = pieces, .msg_iovlen = 1}},
				   {.msg_hdr = {.msg_iov = pieces + 1, .msg_iovlen = 1}}};
	size_t question;
	int count;

	question_alone();
	harmless(NLM_F_REQUEST);
	question = filled;
	new_address();
	pieces[0] = (struct iovec){datagram, question};
	pieces[1] = (struct iovec){datagram + question, filled - question};
	attempt("writev", writev(fd, pieces, 2) < 0 ? -1 : answered(fd));
	attempt("write", write(fd, datagram, filled) < 0 ? -1 : answered(fd));
	count = sendmmsg(fd, batch, 2, 0);
	if (count == 1) /* the error of the second comes with the next call */
		count = sendmmsg(fd, batch + 1, 1, 0);
	attempt("sendmmsg", count < 0 ? -1 : answered(fd));
}

ESCAPE(network, netlink_kinds, "netlink of other kinds, some of which end connections of others, as root", "EPERM",
       .flags = ROOT | EACH)
{
	static const struct {
		const char *name;
		int number;
	} kinds[] = {{"sock_diag", 4}, {"audit", 9}, {"fib_lookup", 10}, {"generic", 16}};

	question_alone();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		attempt(kinds[i].name, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, kinds[i].number));
}
