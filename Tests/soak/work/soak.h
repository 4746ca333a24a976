/* What the managed programs of the soak share. They write their results, as lines `name number`, into a file of their own:
 * it is whole at any moment, because it replaces the one before. */
#pragma once
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* On loopback; the intent allows one of them. Both have listeners that accept whatever comes. */
enum { OPEN_PORT = 7201, CLOSED_PORT = 7202 };
#define APPROVED "/opt/soak/bin/approved"
#define FORBIDDEN "/opt/soak/bin/forbidden"

/* What they exit with when they run; the exec's errno if it fails is sent back as a status above. */
enum { RAN = 42, FAILED = 64 };

struct line {
	const char *name;
	uint64_t number;
};

static inline void publish(const struct line *lines, unsigned count)
{
	char text[2048];
	size_t length = 0;
	int file = open("result.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	for (unsigned i = 0; i < count; i++)
		length += snprintf(text + length, sizeof(text) - length, "%s %llu\n", lines[i].name,
				   (unsigned long long)lines[i].number);
	if (file < 0 || write(file, text, length) != (ssize_t)length || close(file) || rename("result.new", "result")) {
		perror("result");
		_exit(99);
	}
}

static inline struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

/* These answer 0 or an errno. A connection is reset at its end, so that no port stays in TIME_WAIT; a listener that was
 * quicker to close it has got what was sent. */
static inline int stream(int port, bool say)
{
	struct sockaddr_in address = loopback(port);
	struct linger now = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (connect(fd, (void *)&address, sizeof(address)))
		error = errno;
	else if (say && send(fd, "x", 1, MSG_NOSIGNAL) != 1 && errno != ECONNRESET && errno != EPIPE)
		error = errno;
	close(fd);
	return error;
}

static inline int datagram(int port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return errno;
	if (sendto(fd, "x", 1, 0, (void *)&address, sizeof(address)) != 1)
		error = errno;
	close(fd);
	return error;
}

/* -1 when no child could be made (errno says why). */
static inline int execute(const char *program)
{
	char *const arguments[] = {(char *)program, NULL}, *const environment[] = {NULL};
	int status;
	pid_t child = vfork();

	if (child < 0)
		return -1;
	if (child == 0) {
		execve(program, arguments, environment);
		_exit(FAILED + errno);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == RAN)
		return 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) - FAILED : ECHILD;
}
