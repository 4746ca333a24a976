/* A library that nobody approved: being loaded is the escape. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static __attribute__((constructor)) void loaded(void)
{
	const char *path = getenv("ESCAPE_MARK");
	int fd = path ? open(path, O_WRONLY | O_CREAT, 0644) : -1;

	if (fd >= 0)
		close(fd);
}
