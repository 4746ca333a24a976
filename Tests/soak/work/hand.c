/* hand: does one thing for each line that it reads, managed or not, and answers with the errno's name, or `ok`. */
#include "soak.h"

static int forked(void)
{
	int status;
	pid_t child = fork();

	if (child < 0)
		return errno;
	if (child == 0)
		_exit(0);
	waitpid(child, &status, 0);
	return 0;
}

static int written(const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), error = file < 0 ? errno : 0;

	if (file >= 0)
		close(file);
	return error;
}

static int made(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = fd < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

/* Is refused for so many seconds, and says how often; not a single success among them. */
static int refused(int seconds, unsigned long *times)
{
	time_t until = time(NULL) + seconds;

	while (time(NULL) < until) {
		int error = datagram(CLOSED_PORT);

		if (error != EPERM)
			return error ? error : -1;
		(*times)++;
	}
	return 0;
}

int main(void)
{
	char line[256];

	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long times = 0;
		char *word = strtok(line, " \n"), *rest = strtok(NULL, " \n");
		int error = EINVAL;

		if (!word)
			continue;
		if (!strcmp(word, "fork"))
			error = forked();
		else if (!strcmp(word, "write") && rest)
			error = written(rest);
		else if (!strcmp(word, "socket"))
			error = made();
		else if (!strcmp(word, "open"))
			error = stream(OPEN_PORT, true);
		else if (!strcmp(word, "closed"))
			error = stream(CLOSED_PORT, false);
		else if (!strcmp(word, "refused") && rest)
			error = refused(atoi(rest), &times);
		if (error < 0)
			puts("through");
		else if (error)
			puts(strerrorname_np(error));
		else if (times)
			printf("ok %lu\n", times);
		else
			puts("ok");
	}
	return 0;
}
