/* escape --list             the cases, a line each
 * escape --agent            reads "ROLE CASE TAG DIR" lines and runs each case in a child
 * escape --place HOW CGROUP UID GID
 *                           outside of all agents: starts `escape --agent` in a cgroup, as a manager of units would
 * escape look KIND ID       outside of all agents: prints what a System V object has
 * escape victim             outside of all agents: waits, and dies of SIGURG
 * escape true|mark FILE …   what a program has to do that a case tries to run */
#include "escape.h"
#include <grp.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>

extern const struct escape *const __start_escapes[], *const __stop_escapes[];

static const struct escape *find(const char *id)
{
	for (const struct escape *const *e = __start_escapes; e < __stop_escapes; e++) {
		const char *name = text("%s.%s", (*e)->class, (*e)->name);
		size_t length = strlen(name);

		if (strncmp(id, name, length))
			continue;
		/* CLASS.NAME, or CLASS.NAME.DISK for one of the file systems. */
		if (!id[length] && !((*e)->flags & DISK))
			return *e;
		if (id[length] == '.' && ((*e)->flags & DISK)) {
			snprintf(disk, sizeof(disk), "/mnt/disks/%s", id + length + 1);
			return *e;
		}
	}
	return NULL;
}

static void list(void)
{
	for (const struct escape *const *e = __start_escapes; e < __stop_escapes; e++)
		printf("%s\t%s\t%s\t%s\t%u\t%d\n", (*e)->class, (*e)->name, (*e)->title, (*e)->errors, (*e)->flags,
		       (*e)->second != NULL);
}

/* Descriptor 0 may be a connection that the case uses up: every byte is read by itself. */
static bool line(char *buffer, size_t size)
{
	size_t length = 0;
	char c;

	while (read(0, &c, 1) == 1) {
		if (c == '\n') {
			buffer[length] = 0;
			return true;
		}
		if (length + 1 < size)
			buffer[length++] = c;
	}
	return false;
}

static void run(const struct escape *e, bool second)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		alarm(25);
		result = second ? "result.second" : "result";
		if (chdir(dir))
			_exit(98);
		second ? e->second() : e->run();
		_exit(0);
	}
	if (child > 0)
		waitpid(child, &status, 0);
	store(here(second ? "done.second.new" : "done.new"), text("%d %d\n", child > 0 ? status : -1, errno), 0644);
	rename(here(second ? "done.second.new" : "done.new"), here(second ? "done.second" : "done"));
}

static int agent(void)
{
	char buffer[640], role[16], id[96];
	const struct escape *e;

	signal(SIGPIPE, SIG_IGN);
	while (line(buffer, sizeof(buffer))) {
		if (sscanf(buffer, "%15s %95s %127s %255s", role, id, tag, dir) != 4 || !(e = find(id)))
			return 64;
		snprintf(secret, sizeof(secret), "SECRET-%s;", tag);
		snprintf(greeting, sizeof(greeting), "greeting-%s;", tag);
		run(e, !strcmp(role, "second"));
	}
	return 0;
}

/* `procs`: the child moves itself before it executes; `clone`: it is made there, and no move is ever seen. */
static int place(char **words)
{
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	bool clones = !strcmp(words[0], "clone");
	int fd = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC), status = 0;
	uid_t uid = atoi(words[2]);
	gid_t gid = atoi(words[3]);
	pid_t child;

	if (clones)
		arguments.flags = CLONE_INTO_CGROUP;
	arguments.cgroup = clones ? fd : 0;
	child = syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (child == 0) {
		if (!clones && store(text("%s/cgroup.procs", words[1]), "0", 0))
			_exit(98);
		if (setgroups(1, &gid) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
			_exit(97);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(HOME "/bin/escape", HOME "/bin/escape", "--agent", NULL);
		_exit(96);
	}
	if (fd < 0 || child < 0 || waitpid(child, &status, 0) < 0)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* As an unmanaged process of the same user: what is in there, or the errno as status. */
static int look(const char *kind, int id)
{
	static struct {
		long type;
		char text[4096];
	} message;
	unsigned short values[256] = {0};

	if (!strcmp(kind, "semaphores")) {
		if (semctl(id, 0, GETALL, values))
			return errno;
		for (size_t i = 0; i < 256; i++)
			message.text[i] = values[i];
	} else if (!strcmp(kind, "segment")) {
		void *at = shmat(id, NULL, SHM_RDONLY);

		if (at == (void *)-1)
			return errno;
		memcpy(message.text, at, sizeof(message.text));
	} else if (msgrcv(id, &message, sizeof(message.text), 0, IPC_NOWAIT) < 0) {
		return errno;
	}
	return fwrite(message.text, 1, sizeof(message.text), stdout) == sizeof(message.text) ? 0 : 255;
}

static void die(int signal)
{
	(void)signal;
	_exit(1);
}

int main(int count, char **words)
{
	const char *verb = count > 1 ? words[1] : "";

	if (!strcmp(verb, "--list")) {
		list();
		return 0;
	}
	if (!strcmp(verb, "--agent"))
		return agent();
	if (!strcmp(verb, "--place") && count == 6)
		return place(words + 2);
	if (!strcmp(verb, "look") && count == 4)
		return look(words[2], atoi(words[3]));
	if (!strcmp(verb, "victim")) {
		signal(SIGURG, die);
		return puts("ready") < 0 || fflush(stdout) || pause();
	}
	if (!strcmp(verb, "true"))
		return 0;
	/* As an interpreter this gets its script in between: the mark's path is the last word. */
	if (!strcmp(verb, "mark"))
		return store(words[count - 1], "ran\n", 0644) ? 1 : 0;
	if (!strcmp(verb, "leak") && count > 3) /* leak MESSAGE DIR: after exec, to the allowed destination */
	{
		snprintf(dir, sizeof(dir), "%s", words[3]);
		sent("connect-after-exec", leak(SOCK_STREAM, inet4("127.0.0.1", OPEN_PORT), words[2]));
		return 0;
	}
	if (!strcmp(verb, "say") && count > 3) /* say MESSAGE DIR: after exec, on descriptor 1 */
	{
		snprintf(dir, sizeof(dir), "%s", words[3]);
		attempt("write-after-exec", write(1, words[2], strlen(words[2])));
		return 0;
	}
	fprintf(stderr, "usage: escape --list | --agent | true | mark FILE\n");
	return 64;
}
