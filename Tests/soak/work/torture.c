/* torture OPERATIONS THREADS SEED SECRET|-: mixed operations from many threads of one agent, some of them forbidden. With a
 * SECRET one thread reads it half-way, and from then on nothing may leave. At the end every thread proves that it is
 * labelled still. Each refusal is counted by the gate that has to give it: the kernel's own counters must agree. */
#include "soak.h"

/* clang-format off */
/* Forks while others fork and exit are slow, so there are fewer of them. */
static const struct share {
	const char *name;
	unsigned parts;
} shares[] = {
	{"read", 300}, {"write", 100}, {"write-outside", 40}, {"pipe", 200}, {"pair", 60}, {"map", 124},
	{"connect", 30}, {"connect-closed", 50}, {"send", 50}, {"send-closed", 30}, {"thread", 6}, {"fork", 4}, {"exec", 3},
	{"exec-closed", 3},
};
enum { READ, WRITE, WRITE_OUTSIDE, PIPE, PAIR, MAP, CONNECT, CONNECT_CLOSED, SEND, SEND_CLOSED, THREAD, FORK, EXEC,
       EXEC_CLOSED, KINDS, PARTS = 1000 };
/* clang-format on */

static atomic_ulong done[KINDS], through, odd, odd_error, odd_kind, refused_network, refused_exec, refused_file, cut,
	ran, labelled;
/* The slam is there before the open that brings it returns. */
static atomic_bool slamming, slammed;
static const char *secret;
static unsigned long each;
static unsigned threads, seed;
static pthread_barrier_t end;

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	return *state ^= *state << 5;
}

static void surprise(unsigned kind, int error)
{
	odd++;
	odd_error = error;
	odd_kind = kind;
}

/* It has to be refused. */
static void forbidden(unsigned kind, int error, int wanted, atomic_ulong *refused)
{
	if (error == 0)
		through++;
	else if (error == wanted)
		(*refused)++;
	else
		surprise(kind, error < 0 ? errno : error);
}

/* It has to work before the slam, and must not after it. What the slam met on its way was cut by one gate or another, or by
 * the daemon, which destroys sockets then. */
static void leaving(unsigned kind, int (*act)(int), int port)
{
	bool before = slammed;
	int error = act(port);

	if (error == 0 && before)
		through++;
	else if (error == EPERM && before)
		refused_network++;
	else if (error && !before && slamming)
		cut++;
	else if (error)
		surprise(kind, error);
}

static void allowed(unsigned kind, int error)
{
	if (error)
		surprise(kind, error < 0 ? errno : error);
}

static int connect_and_say(int port)
{
	return stream(port, true);
}

static int read_file(void)
{
	char bytes[64];
	int file = open("/opt/soak/plain", O_RDONLY | O_CLOEXEC), error = 0;

	if (file < 0 || read(file, bytes, sizeof(bytes)) <= 0)
		error = errno;
	close(file);
	return error;
}

static int write_file(unsigned number)
{
	char name[32];
	int file, error = 0;

	snprintf(name, sizeof(name), "own%u", number);
	file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (file < 0 || write(file, name, 4) != 4)
		error = errno;
	close(file);
	return error;
}

static int write_outside(void)
{
	int file = open("/opt/soak/plain-writable", O_WRONLY | O_CLOEXEC), error = file < 0 ? errno : 0;

	if (file >= 0)
		close(file);
	return error;
}

static int talk(int a, int b)
{
	char byte;
	int error = write(b, "x", 1) == 1 && read(a, &byte, 1) == 1 ? 0 : errno;

	close(a);
	close(b);
	return error;
}

static int pipes(void)
{
	int ends[2];

	return pipe2(ends, O_CLOEXEC) ? errno : talk(ends[0], ends[1]);
}

static int pairs(void)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ? errno : talk(ends[0], ends[1]);
}

static int maps(void)
{
	void *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? errno : munmap(memory, 8192);
}

static void *probing(void *kind)
{
	forbidden((unsigned)(uintptr_t)kind, stream(CLOSED_PORT, false), EPERM, &refused_network);
	return NULL;
}

static int thread(void)
{
	pthread_t other;
	int error = pthread_create(&other, NULL, probing, (void *)THREAD);

	return error ? error : pthread_join(other, NULL);
}

/* A child without exec, that tries: its status is the errno. */
static int child(void)
{
	int status;
	pid_t pid = vfork();

	if (pid < 0)
		return -1;
	if (pid == 0)
		_exit(stream(CLOSED_PORT, false));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static void operate(unsigned kind, unsigned number)
{
	int error;

	done[kind]++;
	switch (kind) {
		/* clang-format off */
	case READ: return allowed(kind, read_file());
	case WRITE: return allowed(kind, write_file(number));
	case WRITE_OUTSIDE: return forbidden(kind, write_outside(), EPERM, &refused_file);
	case PIPE: return allowed(kind, pipes());
	case PAIR: return allowed(kind, pairs());
	case MAP: return allowed(kind, maps());
	case CONNECT: return leaving(kind, connect_and_say, OPEN_PORT);
	case SEND: return leaving(kind, datagram, OPEN_PORT);
	case CONNECT_CLOSED: return forbidden(kind, stream(CLOSED_PORT, false), EPERM, &refused_network);
	case SEND_CLOSED: return forbidden(kind, datagram(CLOSED_PORT), EPERM, &refused_network);
	case THREAD: return allowed(kind, thread());
	case FORK: return forbidden(kind, child(), EPERM, &refused_network);
	case EXEC:
		error = execute(APPROVED);
		ran += error == 0;
		return allowed(kind, error);
	case EXEC_CLOSED: return forbidden(kind, execute(FORBIDDEN), EACCES, &refused_exec);
		/* clang-format on */
	}
}

static unsigned choose(uint32_t *state)
{
	unsigned part = next(state) % PARTS, kind = 0;

	while (part >= shares[kind].parts)
		part -= shares[kind++].parts;
	return kind;
}

static unsigned long operations(void)
{
	unsigned long total = 0;

	for (unsigned i = 0; i < KINDS; i++)
		total += done[i];
	return total;
}

static void *body(void *argument)
{
	unsigned number = (unsigned)(uintptr_t)argument;
	uint32_t state = seed * 7919 + number * 104729 + 1;
	int file;

	for (unsigned long i = 0; i < each; i++) {
		if (number == 0 && i % (each / 50 + 1) == 0)
			publish(&(struct line){"operations", operations()}, 1);
		if (secret && number == 0 && i == each / 2) {
			slamming = true;
			file = open(secret, O_RDONLY | O_CLOEXEC);
			if (file < 0)
				surprise(KINDS, errno);
			else
				slammed = true;
			close(file);
		}
		operate(choose(&state), number);
	}
	pthread_barrier_wait(&end);
	/* All at once, each for itself. */
	if (stream(CLOSED_PORT, false) == EPERM && child() == EPERM && execute(FORBIDDEN) == EACCES)
		labelled++;
	refused_network += 2;
	refused_exec++;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t *others;

	if (argc != 5)
		return 64;
	threads = atoi(argv[2]);
	each = strtoul(argv[1], NULL, 10) / threads;
	seed = atoi(argv[3]);
	secret = strcmp(argv[4], "-") ? argv[4] : NULL;
	pthread_barrier_init(&end, NULL, threads);
	others = calloc(threads, sizeof(*others));
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&others[i], NULL, body, (void *)(uintptr_t)i))
			return 71;
	for (unsigned i = 0; i < threads; i++)
		pthread_join(others[i], NULL);
	publish((struct line[]){{"operations", operations()},
				{"through", through},
				{"odd", odd},
				{"odd.error", odd_error},
				{"odd.kind", odd_kind},
				{"refused.network", refused_network},
				{"refused.exec", refused_exec},
				{"refused.file", refused_file},
				{"ran", ran},
				{"threads", threads},
				{"labelled", labelled},
				{"cut", cut},
				{"slammed", slammed},
				{"ended", 1}},
		14);
	return 0;
}
