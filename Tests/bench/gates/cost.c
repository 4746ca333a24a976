// SPDX-License-Identifier: Apache-2.0
/* What the gates cost: instructions of one operation under one state of the kernel programs. Runs in the lab with
 * --icount, where a nanosecond is an instruction. One state a process; prints "operation nanoseconds".
 *
 *   cost none|empty|unmanaged|managed|tainted|refusing OBJECT REFERENCE TRUE
 *
 * OBJECT is what is loaded, REFERENCE the other object: both must sit on the same hooks. TRUE is a static program that
 * ends at once. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../../bpf/abi/telos_abi.h"

#define AGENT 0x7e105000000001ull
#define ROUNDS 400
#define OPEN_PORT 7101
#define SHUT_PORT 7102
#define FOLDER "/run/cost/one/two/three/four/five/six"

static struct bpf_object *object;
static struct telos_globals *globals;
static const char *const true_path = "/run/cost/true";

static void die(const char *what)
{
	fprintf(stderr, "cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the kernel programs ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int sections(struct bpf_object *of, const char **names)
{
	struct bpf_program *program;
	int count = 0;

	bpf_object__for_each_program(program, of) {
		const char *name = bpf_program__section_name(program);

		names[count++] = strncmp(name, "lsm.s/", 6) ? name : name + 1;
	}
	qsort(names, count, sizeof(*names), compare);
	return count;
}

static void check_same_hooks(const char *path)
{
	struct bpf_object *other = bpf_object__open_file(path, NULL);
	const char *ours[128], *theirs[128];
	int count;

	if (!other)
		die(path);
	count = sections(object, ours);
	if (count != sections(other, theirs)) {
		fprintf(stderr, "cost: the two objects do not sit on the same hooks\n");
		exit(1);
	}
	for (int i = 0; i < count; i++)
		if (strcmp(ours[i], theirs[i])) {
			fprintf(stderr, "cost: %s is on one object's list only\n", ours[i]);
			exit(1);
		}
	bpf_object__close(other);
}

static void attach(void)
{
	struct bpf_program *program;
	int group = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);

	if (bpf_object__load(object))
		die("load");
	bpf_object__for_each_program(program, object) {
		struct bpf_link *link = bpf_program__type(program) == BPF_PROG_TYPE_CGROUP_SKB
						? bpf_program__attach_cgroup(program, group)
						: bpf_program__attach(program);

		if (!link)
			die(bpf_program__name(program));
	}
	close(group);
}

static int map(const char *name)
{
	int descriptor = bpf_object__find_map_fd_by_name(object, name);

	if (descriptor < 0)
		die(name);
	return descriptor;
}

/* ---- one agent ---- */

static void rule(const char *path, __u32 flags, __u32 tails)
{
	int descriptor;

	globals->resolved_count = 0;
	globals->resolver_tid = getpid();
	descriptor = open(path, O_RDONLY);
	if (descriptor < 0)
		die(path);
	close(descriptor);
	globals->resolver_tid = 0;
	for (__u32 i = 0; i < globals->resolved_count; i++) {
		struct telos_inode inode = globals->resolved[i];
		struct telos_rule_key key = {.agent = AGENT, .inode = inode};
		struct telos_rule value = {.flags = flags, .tails = tails};

		__sync_fetch_and_add(&globals->inode_filter[telos_inode_cell(inode.ino, inode.dev)], 1);
		if (bpf_map_update_elem(map("rules"), &key, &value, 0))
			die("rules");
	}
}

static void make_agent(void)
{
	struct bpf_map *bss = bpf_object__find_map_by_name(object, ".bss");
	struct telos_tail_set set = {.count = 1};
	struct telos_window_key window = {.prefix = 64 + 128};
	struct telos_window ports = {.count = 1};
	struct telos_agent agent = {.id = AGENT, .domain = 7, .tasks_quota = 1000, .inodes_quota = 1000};
	struct telos_cookie cookie = {.high = 1, .low = 2};
	struct telos_registration registration = {.agent = AGENT, .slot = 1, .expires_ns = ~0ull};
	unsigned long long id = __builtin_bswap64(AGENT);
	__u32 one = 1;

	globals = mmap(NULL, (sizeof(*globals) + 4095) & ~4095ul, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(bss), 0);
	if (globals == MAP_FAILED)
		die("globals");
	/* What is measured is printed after the slam too. */
	agent.flags = TELOS_AGENT_DIR_RULES | TELOS_AGENT_STDIO_ALLOW;
	set.tails[0] = (struct telos_tail){.flags = TELOS_RULE_CRITICAL, .kind = TELOS_TAIL_NAME, .deep = 1, .length = 4,
					   .hash = telos_hash((const unsigned char *)".env", 4)};
	if (bpf_map_update_elem(map("tails"), &one, &set, 0))
		die("tails");
	rule("/run/cost", 0, 1);
	rule("/lib64/ld-linux-x86-64.so.2", TELOS_RULE_INTERP, 0);
	rule(true_path, TELOS_RULE_EXEC, 0);
	memcpy(window.agent, &id, sizeof(id));
	inet_pton(AF_INET6, "::ffff:127.0.0.1", window.address);
	ports.ports[0] = (struct telos_port){.first = OPEN_PORT, .last = OPEN_PORT, .protocols = TELOS_TCP | TELOS_UDP};
	if (bpf_map_update_elem(map("windows"), &window, &ports, 0))
		die("windows");
	if (bpf_map_update_elem(map("agents"), &one, &agent, 0) ||
	    bpf_map_update_elem(map("cookies"), &cookie, &registration, 0))
		die("agent");
	if (prctl(TELOS_PRCTL, 1, 2, 0, 0) != -1 || errno != EINPROGRESS)
		die("registration");
}

/* ---- operations ---- */

static bool refusing;

static void expect(long result, int error, const char *what)
{
	if (!refusing && result < 0)
		die(what);
	if (refusing && (result >= 0 || errno != error)) {
		fprintf(stderr, "cost: %s was not refused (%s)\n", what, strerror(errno));
		exit(1);
	}
}

static struct sockaddr_in address(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	return to;
}

static void open_close(void)
{
	int descriptor = open(FOLDER "/file", refusing ? O_RDWR : O_RDONLY);

	expect(descriptor, EPERM, "open");
	if (descriptor >= 0)
		close(descriptor);
}

static void connect_close(void)
{
	struct sockaddr_in to = address(refusing ? SHUT_PORT : OPEN_PORT);
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	expect(connect(sock, (struct sockaddr *)&to, sizeof(to)), EPERM, "connect");
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

		execve(refusing ? "/run/cost/false" : true_path, words, NULL);
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
	printf("%s %llu\n", name, runs[2]);
	fflush(stdout);
}

static void copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	char block[65536];
	ssize_t got;

	if (in < 0 || out < 0)
		die(from);
	while ((got = read(in, block, sizeof(block))) > 0)
		if (write(out, block, got) != got)
			die(to);
	close(in);
	close(out);
}

/* Takes and drops connections and datagrams; unmanaged in every state. */
static pid_t serve(void)
{
	struct sockaddr_in at = address(OPEN_PORT);
	int listener = socket(AF_INET, SOCK_STREAM, 0), sink = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
	pid_t child;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 4096) ||
	    bind(sink, (struct sockaddr *)&at, sizeof(at)))
		die("serve");
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			close(accept(listener, NULL, NULL));
	}
	close(listener);
	close(sink);
	return child;
}

int main(int count, char **words)
{
	const char *state;
	pid_t server;
	int file;

	if (count != 5) {
		fprintf(stderr, "usage: cost none|empty|unmanaged|managed|tainted|refusing OBJECT REFERENCE TRUE\n");
		return 64;
	}
	state = words[1];
	refusing = !strcmp(state, "refusing");
	if (system("mkdir -p " FOLDER))
		die(FOLDER);
	copy(words[4], true_path);
	copy(words[4], "/run/cost/false");
	file = open(FOLDER "/file", O_CREAT | O_WRONLY, 0644);
	close(file);
	close(open("/run/cost/.env", O_CREAT | O_WRONLY, 0644));
	server = serve();
	object = bpf_object__open_file(words[2], NULL);
	if (!object)
		die(words[2]);
	check_same_hooks(words[3]);
	if (strcmp(state, "none"))
		attach();
	if (!strcmp(state, "managed") || !strcmp(state, "tainted") || refusing)
		make_agent();
	datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!strcmp(state, "tainted"))
		close(open("/run/cost/.env", O_RDONLY));
	measure("open+close", open_close, ROUNDS * 5);
	measure("fork+exit", fork_exit, ROUNDS);
	measure("exec+exit", exec_exit, ROUNDS / 2);
	if (!strcmp(state, "tainted"))
		refusing = true; /* a slammed agent's destinations are refused, its files are not */
	measure("connect+close", connect_close, ROUNDS);
	measure("send", send_datagram, ROUNDS * 5);
	refusing = !strcmp(state, "refusing");
	if (strcmp(state, "tainted") && !refusing)
		measure("mixed", mixed, ROUNDS / 10);
	kill(server, SIGKILL);
	return 0;
}
