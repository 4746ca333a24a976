/* The tools of every case. */
#include "escape.h"
#include <signal.h>
#include <time.h>

char dir[256], tag[128], disk[64], secret[160], greeting[160], loot[256];
size_t looted;

/* One for each role: what a slammed agent writes goes into no file of another's. */
const char *result = "result";

static void note(const char *format, ...)
{
	char line[256];
	va_list arguments;
	int fd, length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line) - 1, format, arguments);
	va_end(arguments);
	line[length++] = '\n';
	fd = open(here(result), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, line, length) != length)
		_exit(99);
	close(fd);
}

void control(const char *what, long result)
{
	int error = errno;

	note(result < 0 ? "control-failed %s %s" : "control %s %s", what, result < 0 ? strerrorname_np(error) : "0");
}

void attempt(const char *what, long result)
{
	int error = errno;

	note(result < 0 ? "refused %s %s" : "through %s %s", what, result < 0 ? strerrorname_np(error) : "0");
}

void sent(const char *what, long result)
{
	int error = errno;

	note(result < 0 ? "refused %s %s" : "sent %s %s", what, result < 0 ? strerrorname_np(error) : "0");
}

void broken(const char *what)
{
	int error = errno;

	note("broken %s %s", what, strerrorname_np(error));
}

const char *text(const char *format, ...)
{
	static char buffers[8][512];
	static unsigned next;
	char *buffer = buffers[__sync_fetch_and_add(&next, 1) % 8];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buffer, sizeof(buffers[0]), format, arguments);
	va_end(arguments);
	return buffer;
}

const char *here(const char *name)
{
	return text("%s/%s", dir, name);
}

void pause_ms(int milliseconds)
{
	struct timespec span = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

	while (nanosleep(&span, &span) && errno == EINTR)
		;
}

const char *ask(const char *what)
{
	static char answer[256];
	long got;
	int fd;

	unlink(here("answer"));
	if (store(here("ask.new"), what, 0644) || rename(here("ask.new"), here("ask")))
		broken("ask");
	for (int i = 0; i < 400; i++) {
		fd = open(here("answer"), O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			got = read(fd, answer, sizeof(answer) - 1);
			close(fd);
			answer[got > 0 ? got : 0] = 0;
			return answer;
		}
		pause_ms(25);
	}
	errno = ETIMEDOUT;
	broken("ask");
	return "";
}

void in_child(void (*act)(void))
{
	pid_t child = fork();

	if (child < 0)
		broken("fork");
	if (child == 0) {
		alarm(15);
		act();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

long append(const char *from, int to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	char buffer[65536];
	long got;

	if (in < 0)
		return -1;
	while ((got = read(in, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, got) != got)
			got = -1;
	close(in);
	return got < 0 ? -1 : 0;
}

long readable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

long copy(const char *from, const char *to, int mode)
{
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	long result;

	if (out < 0)
		return -1;
	result = append(from, out);
	close(out);
	return result;
}

long store(const char *path, const char *content, int mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	long length = strlen(content), wrote;

	if (fd < 0)
		return -1;
	wrote = write(fd, content, length);
	close(fd);
	return wrote == length ? 0 : -1;
}

long program(const char *path, const char *argument)
{
	const char *arguments[] = {path, argument, here("ran"), NULL};

	return execv(path, (char **)arguments);
}

long forbidden_program(void)
{
	return program(FORBIDDEN, "mark");
}

long approved_program(void)
{
	return runs(APPROVED);
}

long runs(const char *path)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(execl(path, path, "true", NULL) ? errno : 0);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return errno ? -1 : 0;
}

struct sockaddr_storage inet4(const char *address, int port)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in *in = (void *)&storage;

	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	inet_pton(AF_INET, address, &in->sin_addr);
	return storage;
}

struct sockaddr_storage inet6(const char *address, int port)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in6 *in = (void *)&storage;

	in->sin6_family = AF_INET6;
	in->sin6_port = htons(port);
	inet_pton(AF_INET6, address, &in->sin6_addr);
	return storage;
}

static int deadline(int fd)
{
	struct timeval span = {.tv_sec = 4};

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &span, sizeof(span));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &span, sizeof(span));
	return fd;
}

long connected(int type, struct sockaddr_storage to)
{
	int fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -1;
	deadline(fd);
	do /* io_uring may interrupt */
		if (connect(fd, (void *)&to, sizeof(to)) == 0 || errno == EISCONN)
			return fd;
	while (errno == EINTR || errno == EALREADY);
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

long leak(int type, struct sockaddr_storage to, const char *message)
{
	long fd = connected(type, to), result;
	int error;

	if (fd < 0)
		return -1;
	result = send(fd, message, strlen(message), MSG_NOSIGNAL);
	error = errno;
	close(fd);
	errno = error;
	return result;
}

long unix_connected(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;
	socklen_t length = sizeof(to);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (path[0] == '@') {
		to.sun_path[0] = 0;
		length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	}
	if (fd < 0)
		return -1;
	if (connect(deadline(fd), (void *)&to, length) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

void greet(void)
{
	control("allowed-destination", leak(SOCK_STREAM, inet4("127.0.0.1", OPEN_PORT), greeting));
}

const char *secret_path(void)
{
	return text(HOME "/secret/%s/key", tag);
}

const char *disk_secret(void)
{
	return text("%s/secret/%s/key", disk, tag);
}

const char *disk_work(const char *name)
{
	return text("%s/x/work/%s/%s", disk, tag, name);
}

const char *disk_closed(const char *name)
{
	return text("%s/x/closed/%s/%s", disk, tag, name);
}

const char *free_folder(void)
{
	return text(FREE "/%s", tag);
}

const char *in_free(const char *name)
{
	return text(FREE "/%s/%s", tag, name);
}

const char *outside(const char *name)
{
	return strdup(ask(text("outside %s", name)));
}

void reach(const char *what, long result)
{
	attempt(what, result < 0 && (errno == EPERM || errno == EACCES) ? -1 : 0);
}

void leak_loot(void)
{
	sent("connect", leak(SOCK_STREAM, inet4("127.0.0.1", OPEN_PORT), loot));
}

bool slam_at(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long got;

	if (fd < 0) {
		attempt("open", -1);
		return false;
	}
	got = read(fd, loot, sizeof(loot) - 1);
	close(fd);
	looted = got > 0 ? got : 0;
	if (!looted || !strstr(loot, "SECRET"))
		broken("read");
	return true;
}

bool slam(void)
{
	return slam_at(secret_path());
}
