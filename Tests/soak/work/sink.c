/* sink: unmanaged; takes whatever comes to both ports, and counts it by port into `result`, ten times a second. */
#include "soak.h"
#include <poll.h>

static int listener(int port, int kind)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (void *)&address, sizeof(address)) || (kind == SOCK_STREAM && listen(fd, 4096))) {
		perror("sink");
		exit(1);
	}
	return fd;
}

int main(void)
{
	struct pollfd at[] = {{listener(OPEN_PORT, SOCK_STREAM), POLLIN, 0},
			      {listener(CLOSED_PORT, SOCK_STREAM), POLLIN, 0},
			      {listener(OPEN_PORT, SOCK_DGRAM), POLLIN, 0},
			      {listener(CLOSED_PORT, SOCK_DGRAM), POLLIN, 0}};
	uint64_t came[4] = {};
	struct timespec now, told = {};
	char bytes[16];

	for (;;) {
		int got;

		poll(at, 4, 100);
		for (unsigned i = 0; i < 4; i++) {
			if (!(at[i].revents & POLLIN))
				continue;
			if (i >= 2) {
				while (recv(at[i].fd, bytes, sizeof(bytes), 0) >= 0)
					came[i]++;
				continue;
			}
			while ((got = accept(at[i].fd, NULL, NULL)) >= 0) {
				came[i]++;
				close(got);
			}
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - told.tv_sec) * 10 + (now.tv_nsec - told.tv_nsec) / 100000000 < 1)
			continue;
		told = now;
		publish((struct line[]){{"open.stream", came[0]},
					{"closed.stream", came[1]},
					{"open.datagram", came[2]},
					{"closed.datagram", came[3]}},
			4);
	}
}
