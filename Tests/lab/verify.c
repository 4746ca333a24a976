/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads every program of BPF objects into the running kernel, attaches none, and prints what the kernel's verifier
 * had to do for each; for one that is refused, the verifier's log. Run it as root on the kernel in question:
 *     Tests/lab/run --kernel 6.1 --bare -- verify build/bpf/gates.bpf.o
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOG_SIZE = 64 << 20, LOG_TAIL_LINES = 80 };

static bool whole_log;
static const char *only;
static char *log_buffer;
static int passed, failed;

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level != LIBBPF_WARN)
		return 0;
	/* What it says of a program that was refused is printed below, once and with the log. */
	if (strstr(format, "PROG LOAD LOG") || strstr(format, "load failed") || strstr(format, "failed to load"))
		return 0;
	return vfprintf(stderr, format, arguments);
}

static void print_log(void)
{
	const char *start = log_buffer;

	if (!whole_log) {
		const char *at = log_buffer + strlen(log_buffer);
		int lines = 0;

		while (at > log_buffer && lines <= LOG_TAIL_LINES)
			if (*--at == '\n')
				lines++;
		start = at;
	}
	if (start != log_buffer)
		printf("  ... (--log prints all of it)\n");
	printf("%s\n", start);
}

static void print_result(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size)) {
		printf("FAIL %-32s no information: %s\n", bpf_program__name(program), strerror(errno));
		failed++;
		return;
	}
	printf("ok   %-32s verified %7u  instructions %6u  native %6u bytes  %s\n", bpf_program__name(program),
	       info.verified_insns, info.xlated_prog_len / 8, info.jited_prog_len, bpf_program__section_name(program));
	passed++;
}

/* Some hooks exist since a certain version only; what the daemon makes of that is its matter. */
static bool has_hook(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program), *hook = strchr(section, '/');

	return strncmp(section, "lsm", 3) || !hook || libbpf_find_vmlinux_btf_id(hook + 1, BPF_LSM_MAC) >= 0;
}

static bool selected(const struct bpf_program *program)
{
	return (!only || !strcmp(only, bpf_program__name(program))) && has_hook(program);
}

/* All selected programs at once: one set of maps. */
static int load_together(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int error;

	if (!object)
		return -errno;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, selected(program));
	error = bpf_object__load(object);
	if (!error)
		bpf_object__for_each_program(program, object)
			if (selected(program))
				print_result(program);
	bpf_object__close(object);
	return error;
}

/* One program by itself, with its log. */
static void load_alone(const char *path, const char *name)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program, *chosen = NULL;
	int error;

	if (!object) {
		printf("FAIL %-32s the object cannot be opened again: %s\n", name, strerror(errno));
		failed++;
		return;
	}
	bpf_object__for_each_program(program, object) {
		bool mine = !strcmp(name, bpf_program__name(program));

		bpf_program__set_autoload(program, mine);
		if (mine)
			chosen = program;
	}
	log_buffer[0] = '\0';
	bpf_program__set_log_buf(chosen, log_buffer, LOG_SIZE);
	bpf_program__set_log_level(chosen, 1);
	error = bpf_object__load(object);
	if (error) {
		printf("FAIL %-32s %s  %s\n", name, strerror(-error), bpf_program__section_name(chosen));
		print_log();
		failed++;
	} else {
		print_result(chosen);
	}
	bpf_object__close(object);
}

static void load_separately(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
		if (selected(program))
			load_alone(path, bpf_program__name(program));
	bpf_object__close(object);
}

static int usage(void)
{
	fprintf(stderr, "usage: verify [--only PROGRAM] [--log] OBJECT.bpf.o…\n");
	return 64;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"only", required_argument, NULL, 'o'},
		{"log", no_argument, NULL, 'l'},
		{},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'o')
			only = optarg;
		else if (option == 'l')
			whole_log = true;
		else
			return usage();
	}
	if (optind == argc)
		return usage();
	log_buffer = malloc(LOG_SIZE);
	if (!log_buffer) {
		perror("verify");
		return 70;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(print_libbpf);
	for (; optind < argc; optind++) {
		const char *path = argv[optind];

		if (access(path, R_OK)) {
			fprintf(stderr, "verify: %s: %s\n", path, strerror(errno));
			return 66;
		}
		printf("# %s\n", path);
		if (load_together(path))
			load_separately(path);
	}
	if (passed + failed == 0) {
		fprintf(stderr, "verify: no such program\n");
		return 66;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
