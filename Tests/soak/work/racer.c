/* racer: what goes wrong only in a certain moment, tried often.
 *   racer slam THREADS FILE      threads send what one buffer has, each on its own connection; then FILE is read into it
 *   racer storm HIGH LOW         registers with that cookie while threads fork; then children try what is forbidden
 *   racer ttl                    works, and says when, until nothing works any more
 */
#include "soak.h"
#include <sched.h>
#include <sys/prctl.h>

#include "../../../bpf/abi/telos_abi.h"

enum { EAR_PORT = 7203, SIZE = 64, MESSAGES_BEFORE = 20, STORM_TRIES = 3000, CHILDREN = 64 };

static int ear(int kind)
{
	struct sockaddr_in address = loopback(EAR_PORT);
	int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (void *)&address, sizeof(address))) {
		perror("racer: connect");
		exit(1);
	}
	return fd;
}

/* ---- slam ---- */

static char shared[SIZE];
static atomic_uint sent, refused, through;
static atomic_bool secret_read;

static void *sender(void *connection)
{
	int fd = (int)(intptr_t)connection;

	for (;;) {
		bool known = atomic_load(&secret_read);

		if (send(fd, shared, SIZE, MSG_NOSIGNAL) == SIZE) {
			atomic_fetch_add(known ? &through : &sent, 1);
			continue;
		}
		atomic_fetch_add(&refused, 1);
		return NULL;
	}
}

static int slam(int threads, const char *path)
{
	int file, connections[64];
	pthread_t thread[64];

	memset(shared, '.', SIZE);
	for (int i = 0; i < threads; i++)
		connections[i] = ear(SOCK_STREAM);
	for (int i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, sender, (void *)(intptr_t)connections[i]);
	while (atomic_load(&sent) < (unsigned)threads * MESSAGES_BEFORE)
		sched_yield();
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || read(file, shared, SIZE) <= 0) {
		perror("racer: the secret");
		return 1;
	}
	atomic_store(&secret_read, true);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	publish((struct line[]){{"sent", sent}, {"refused", refused}, {"through", through}, {"ended", 1}}, 4);
	return 0;
}

/* ---- storm ---- */

static atomic_bool calm;

static void *forker(void *unused)
{
	while (!atomic_load(&calm)) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (child > 0)
			waitpid(child, NULL, 0);
	}
	return unused;
}

static int sleeper(void *unused)
{
	(void)unused;
	while (!atomic_load(&calm))
		usleep(1000);
	return 0;
}

static int registered(unsigned long high, unsigned long low)
{
	return prctl(TELOS_PRCTL, high, low, 0, 0) == -1 ? errno : 0;
}

static int storm(unsigned long high, unsigned long low)
{
	static char stack[65536];
	uint64_t busy = 0, other = 0, other_error = 0, children = 0, escaped = 0;
	pthread_t thread[4];
	int error;
	pid_t twin;

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, forker, NULL);
	for (int i = 0; i < STORM_TRIES; i++) {
		error = registered(high, low);
		if (error == EBUSY) {
			busy++;
		} else {
			other++;
			other_error = error;
		}
	}
	atomic_store(&calm, true);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	/* A process of its own in the same memory could fork past the label just so. */
	atomic_store(&calm, false);
	twin = clone(sleeper, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	error = registered(high, low);
	if (twin < 0 || error != EBUSY) {
		other++;
		other_error = error;
	}
	atomic_store(&calm, true);
	waitpid(twin, NULL, 0);
	error = registered(high, low);
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		pid_t child = fork();

		if (child == 0)
			_exit((execute(FORBIDDEN) != EACCES) + (stream(CLOSED_PORT, false) != EPERM));
		if (child < 0 || waitpid(child, &status, 0) < 0)
			continue;
		children++;
		escaped += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
	publish((struct line[]){{"busy", busy},
				{"other", other},
				{"other.error", other_error},
				{"registered", error},
				{"children", children},
				{"escaped", escaped},
				{"ended", 1}},
		7);
	return 0;
}

/* ---- ttl ---- */

static unsigned long long boot_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_BOOTTIME, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static int file_opened(void)
{
	int file = open("/opt/soak/plain", O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return errno;
	close(file);
	return 0;
}

/* A line for each success into what was open before, which a TTL does not shut: "KIND TIME". */
static int ttl(void)
{
	int log = open("log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	int connection = ear(SOCK_STREAM), datagrams = ear(SOCK_DGRAM);

	for (int refusals = 0; refusals < 20;) {
		char text[64];
		int length = snprintf(text, sizeof(text), "t%llu;", boot_time());
		bool any = send(connection, text, length, MSG_NOSIGNAL) == length;
		unsigned long long before = boot_time();

		any |= send(datagrams, text, length, 0) == length;
		if (!file_opened()) {
			dprintf(log, "open %llu\n", before);
			any = true;
		}
		before = boot_time();
		if (!execute(APPROVED)) {
			dprintf(log, "exec %llu\n", before);
			any = true;
		}
		/* A connection of which packets are dropped takes bytes for a while. */
		refusals += file_opened() ? 1 : 0;
		usleep(any ? 20000 : 100000);
	}
	dprintf(log, "ended 0\n");
	return 0;
}

int main(int count, char **words)
{
	if (count == 4 && !strcmp(words[1], "slam"))
		return slam(atoi(words[2]), words[3]);
	if (count == 4 && !strcmp(words[1], "storm"))
		return storm(strtoul(words[2], NULL, 10), strtoul(words[3], NULL, 10));
	if (count == 2 && !strcmp(words[1], "ttl"))
		return ttl();
	fprintf(stderr, "usage: racer slam THREADS FILE | storm HIGH LOW | ttl\n");
	return 64;
}
