// SPDX-License-Identifier: Apache-2.0
/* The operations that Tests/bench/gates/cost.c has measured, in a program of its own: what forks here is small, and the
 * same in every state. Static. Runs where nanoseconds are instructions; prints "nanoseconds operation".
 *
 *   work none|empty|unmanaged|managed|tainted|refusing
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "place.h"

#define ROUNDS 400

static void die(const char *what)
{
	fprintf(stderr, "work: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool refusing;

static void expect(long result, int error, const char *what)
{
	if (!refusing && result < 0)
		die(what);
	if (refusing && (result >= 0 || errno != error)) {
		fprintf(stderr, "work: %s was not refused (%s)\n", what, strerror(errno));
		exit(1);
	}
}

static struct sockaddr_in address(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	return to;
}

static void open_close_of(const char *path)
{
	int descriptor = open(path, refusing ? O_RDWR : O_RDONLY);

	expect(descriptor, EPERM, "open");
	if (descriptor >= 0)
		close(descriptor);
}

static void open_close(void)
{
	open_close_of(FOLDER "/file");
}

static void open_close_near(void)
{
	open_close_of(NEAR "/file");
}

/* Every time in a directory where nobody has opened anything yet. */
static void open_close_first(void)
{
	static int next;
	char path[64];

	snprintf(path, sizeof(path), FRESH "/%04d/file", next++);
	open_close_of(path);
}

static void connect_close(void)
{
	struct sockaddr_in to = address(refusing ? SHUT_PORT : OPEN_PORT);
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	expect(connect(sock, (struct sockaddr *)&to, sizeof(to)), EPERM, "connect");
	close(sock);
}

/* Answered by a reset. */
static void connect_refused(void)
{
	struct sockaddr_in to = address(refusing ? SHUT_PORT : CLOSED_PORT);
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(sock, (struct sockaddr *)&to, sizeof(to)) != -1 || errno != (refusing ? EPERM : ECONNREFUSED))
		die("connect to a closed port");
	close(sock);
}

static void connect_datagram(void)
{
	struct sockaddr_in to = address(refusing ? SHUT_PORT : OPEN_PORT);
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	expect(connect(sock, (struct sockaddr *)&to, sizeof(to)), EPERM, "connect of a datagram socket");
	close(sock);
}

static int datagram = -1;

static void send_datagram(void)
{
	struct sockaddr_in to = address(refusing ? SHUT_PORT : OPEN_PORT);

	expect(sendto(datagram, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), EPERM, "send");
}

static void fork_exit(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	if (child < 0 || waitpid(child, NULL, 0) < 0)
		die("fork");
}

static void exec_exit(void)
{
	int status;
	pid_t child = vfork();

	if (child == 0) {
		char *const words[] = {"true", NULL};

		execve(refusing ? HOME "/false" : HOME "/true", words, NULL);
		_exit(errno == EACCES ? 77 : 78);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || WEXITSTATUS(status) != (refusing ? 77 : 0))
		die("exec");
}

static void mixed(void)
{
	for (int i = 0; i < 20; i++)
		open_close();
	for (int i = 0; i < 4; i++)
		send_datagram();
	connect_close();
	fork_exit();
	exec_exit();
}

static unsigned long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

/* The middle of five runs, for one operation. */
static void measure(const char *name, void (*operation)(void), int rounds)
{
	unsigned long long runs[5];

	for (int i = 0; i < rounds / 10 + 1; i++)
		operation();
	for (int run = 0; run < 5; run++) {
		unsigned long long start = now();

		for (int i = 0; i < rounds; i++)
			operation();
		runs[run] = (now() - start) / rounds;
	}
	for (int i = 0; i < 5; i++)
		for (int j = i + 1; j < 5; j++)
			if (runs[j] < runs[i]) {
				unsigned long long keep = runs[i];

				runs[i] = runs[j];
				runs[j] = keep;
			}
	printf("%llu %s\n", runs[2], name);
	fflush(stdout);
}

int main(int count, char **words)
{
	bool tainted;

	if (count != 2) {
		fprintf(stderr, "usage: work none|empty|unmanaged|managed|tainted|refusing\n");
		return 64;
	}
	refusing = !strcmp(words[1], "refusing");
	tainted = !strcmp(words[1], "tainted");
	datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (tainted)
		close(open(HOME "/.env", O_RDONLY));
	measure("open+close", open_close, ROUNDS * 5);
	measure("near open+close", open_close_near, ROUNDS * 5);
	measure("first open+close", open_close_first, FRESH_ROUNDS);
	measure("fork+exit", fork_exit, ROUNDS);
	measure("exec+exit", exec_exit, ROUNDS / 2);
	if (tainted)
		refusing = true; /* a slammed agent's destinations are refused, its files are not */
	measure("connect+close", connect_close, ROUNDS);
	measure("connect+reset", connect_refused, ROUNDS);
	measure("udp connect+close", connect_datagram, ROUNDS);
	measure("send", send_datagram, ROUNDS * 5);
	if (!tainted && !refusing)
		measure("mixed", mixed, ROUNDS / 10);
	return 0;
}
