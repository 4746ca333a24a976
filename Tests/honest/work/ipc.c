/* Shared memory, semaphores and queues of POSIX and System V, but for POSIX queues, between two processes. */
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if ((long)(x) == -1) {                                                                                 \
			perror(#x);                                                                                    \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

struct letter {
	long kind;
	char text[16];
};

int main(void)
{
	char name[64];
	int fd, shm, sems, queue, event, status;
	char *posix, *system_v, *memfd, *anonymous;
	struct letter letter = {1, "letter"};
	sem_t *named;

	snprintf(name, sizeof(name), "/honest.%d", getpid());
	CHECK(fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK(ftruncate(fd, 8192));
	CHECK(posix = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	named = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
	if (named == SEM_FAILED) {
		perror("sem_open");
		return 1;
	}
	CHECK(shm = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
	CHECK(system_v = shmat(shm, NULL, 0));
	CHECK(sems = semget(ftok(".", 'h'), 1, IPC_CREAT | 0600));
	CHECK(queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600));
	CHECK(event = eventfd(0, 0));
	CHECK(fd = memfd_create("honest", MFD_ALLOW_SEALING));
	CHECK(ftruncate(fd, 4096));
	CHECK(memfd = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	CHECK(anonymous = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	if (!fork()) {
		struct sembuf up = {0, 1, 0};

		/* Opened by name, as another program would. */
		CHECK(fd = shm_open(name, O_RDWR, 0));
		CHECK(posix = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
		strcpy(posix, "posix");
		strcpy(system_v, "system v");
		strcpy(memfd, "memfd");
		strcpy(anonymous, "anonymous");
		CHECK(sem_post(sem_open(name, 0)));
		CHECK(semop(sems, &up, 1));
		CHECK(msgsnd(queue, &letter, sizeof(letter.text), 0));
		CHECK(eventfd_write(event, 7));
		_exit(0);
	}
	struct sembuf down = {0, -1, 0};
	struct letter got;
	eventfd_t count;

	CHECK(sem_wait(named));
	CHECK(semop(sems, &down, 1));
	CHECK(msgrcv(queue, &got, sizeof(got.text), 1, 0));
	CHECK(eventfd_read(event, &count));
	CHECK(wait(&status));
	printf("%s, %s, %s, %s\n%s, %d, %d\n", posix, system_v, memfd, anonymous, got.text, (int)count, status);
	CHECK(shm_unlink(name));
	CHECK(sem_unlink(name));
	CHECK(shmctl(shm, IPC_RMID, NULL));
	CHECK(semctl(sems, 0, IPC_RMID));
	CHECK(msgctl(queue, IPC_RMID, NULL));
	return 0;
}
