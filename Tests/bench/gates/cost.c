// SPDX-License-Identifier: Apache-2.0
/* What the gates cost: puts the kernel programs into one state after the other and lets work.c do and measure the operations
 * under each.
 *
 *   cost OBJECT REFERENCE TRUE WORK none|empty|unmanaged|managed|tainted|refusing...
 *
 * OBJECT is what is loaded, once and before the first state but `none`; REFERENCE is the other object: both must sit on the
 * same hooks. TRUE is a static program that ends at once, WORK is what measures. */
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
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../../bpf/abi/telos_abi.h"
#include "place.h"

#define AGENT 0x7e105000000000ull

static struct bpf_object *object;
static struct telos_globals *globals;
/* Of the agent of this state: its slot, and what tells its id, domain and cookie from those of others. */
static __u32 number;

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

/* Some hooks exist since a certain version only. */
static bool has_hook(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program), *hook = strchr(section, '/');

	return strncmp(section, "lsm", 3) || !hook || libbpf_find_vmlinux_btf_id(hook + 1, BPF_LSM_MAC) >= 0;
}

static void attach(void)
{
	struct bpf_program *program;
	int group = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);

	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, has_hook(program));
	if (bpf_object__load(object))
		die("load");
	bpf_object__for_each_program(program, object) {
		if (!has_hook(program))
			continue;
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

/* ---- an agent for each state that has one ---- */

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
		struct telos_rule_key key = {.agent = AGENT + number, .inode = inode};
		struct telos_rule value = {.flags = flags, .tails = tails};

		__sync_fetch_and_add(&globals->inode_filter[telos_inode_cell(inode.ino, telos_device_salt(inode.dev))],
				     1);
		if (bpf_map_update_elem(map("rules"), &key, &value, 0))
			die("rules");
	}
}

static void make_agent(void)
{
	struct bpf_map *bss = bpf_object__find_map_by_name(object, ".bss");
	struct telos_tail_set set = {.count = 1};
	struct telos_window_key window = {.prefix = 64 + 128};
	struct telos_window ports = {.count = 2};
	struct telos_agent agent = {
		.id = AGENT + number, .domain = 7 + number, .tasks_quota = 1000, .inodes_quota = 1000};
	struct telos_cookie cookie = {.high = 1, .low = number};
	struct telos_registration registration = {.agent = AGENT + number, .slot = number, .expires_ns = ~0ull};
	unsigned long long id = __builtin_bswap64(AGENT + number);
	__u32 one = 1;

	globals = mmap(NULL, (sizeof(*globals) + 4095) & ~4095ul, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(bss),
		       0);
	if (globals == MAP_FAILED)
		die("globals");
	/* What is measured is printed after the slam too. */
	agent.flags = TELOS_AGENT_DIR_RULES | TELOS_AGENT_STDIO_ALLOW;
	set.tails[0] = (struct telos_tail){.flags = TELOS_RULE_CRITICAL,
					   .kind = TELOS_TAIL_NAME,
					   .deep = 1,
					   .length = 4,
					   .hash = telos_hash((const unsigned char *)".env", 4),
					   .text = ".env"};
	if (bpf_map_update_elem(map("tails"), &one, &set, 0))
		die("tails");
	rule(HOME, 0, 1);
	rule(MOUNT, 0, 1);
	rule(NEAR, 0, 1);
	rule("/lib64/ld-linux-x86-64.so.2", TELOS_RULE_INTERP, 0);
	rule(HOME "/true", TELOS_RULE_EXEC, 0);
	rule(HOME "/work", TELOS_RULE_EXEC, 0);
	memcpy(window.agent, &id, sizeof(id));
	inet_pton(AF_INET6, "::ffff:127.0.0.1", window.address);
	ports.ports[0] = (struct telos_port){.first = OPEN_PORT, .last = OPEN_PORT, .protocols = TELOS_TCP | TELOS_UDP};
	ports.ports[1] =
		(struct telos_port){.first = CLOSED_PORT, .last = CLOSED_PORT, .protocols = TELOS_TCP | TELOS_UDP};
	if (bpf_map_update_elem(map("windows"), &window, &ports, 0))
		die("windows");
	if (bpf_map_update_elem(map("agents"), &number, &agent, 0) ||
	    bpf_map_update_elem(map("cookies"), &cookie, &registration, 0))
		die("agent");
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

static void make_fresh_folders(void)
{
	char path[64];

	for (int i = 0; i < FRESH_FOLDERS; i++) {
		snprintf(path, sizeof(path), FRESH "/%04d", i);
		if (mkdir(path, 0755) && errno != EEXIST)
			die(path);
		strcat(path, "/file");
		close(open(path, O_CREAT | O_WRONLY, 0644));
	}
}

/* Takes and drops connections and datagrams; unmanaged in every state. */
static pid_t serve(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(OPEN_PORT)};
	int listener = socket(AF_INET, SOCK_STREAM, 0), sink = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
	pid_t child;

	inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
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

static void work(const char *state, bool agent)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (agent && (prctl(TELOS_PRCTL, 1, number, 0, 0) != -1 || errno != EINPROGRESS))
			die("registration");
		execl(HOME "/work", "work", state, NULL);
		die(HOME "/work");
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || status) {
		fprintf(stderr, "cost: what measures ended with %#x\n", status);
		exit(1);
	}
}

static void lay_ready(char **words)
{
	if (system("mkdir -p " FOLDER " " MOUNT))
		die(FOLDER);
	/* Both objects are measured in one boot. */
	if (access(NEAR, F_OK) && (mount("near", MOUNT, "tmpfs", 0, NULL) || mkdir(NEAR, 0755)))
		die(NEAR);
	close(open(NEAR "/file", O_CREAT | O_WRONLY, 0644));
	copy(words[3], HOME "/true");
	copy(words[3], HOME "/false");
	copy(words[4], HOME "/work");
	close(open(FOLDER "/file", O_CREAT | O_WRONLY, 0644));
	make_fresh_folders();
	close(open(HOME "/.env", O_CREAT | O_WRONLY, 0644));
	object = bpf_object__open_file(words[1], NULL);
	if (!object)
		die(words[1]);
	check_same_hooks(words[2]);
}

int main(int count, char **words)
{
	bool attached = false;
	pid_t server;

	if (count < 6) {
		fprintf(stderr,
			"usage: cost OBJECT REFERENCE TRUE WORK none|empty|unmanaged|managed|tainted|refusing...\n");
		return 64;
	}
	lay_ready(words);
	server = serve();
	for (int i = 5; i < count; i++) {
		const char *state = words[i];
		bool agent = !strcmp(state, "managed") || !strcmp(state, "tainted") || !strcmp(state, "refusing");

		printf("state %s\n", state);
		fflush(stdout);
		if (strcmp(state, "none") && !attached) {
			attach();
			attached = true;
		}
		if (agent) {
			number++;
			make_agent();
		}
		work(state, agent);
	}
	kill(server, SIGKILL);
	return 0;
}
