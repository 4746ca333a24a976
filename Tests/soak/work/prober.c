/* prober: tries what its intent forbids without pause, a connect, an exec and a datagram a round, until a file `stop` is
 * there. Every success is counted, and every errno that is not a gate's. Now and then it does what is allowed, which must
 * work, and goes on as a child of its own, so that labels are inherited all the time. */
#include "soak.h"

enum { ROUNDS_A_CONTROL = 16, ROUNDS_A_LIFE = 64 };

static struct {
	uint64_t rounds, tries, through_connect, through_exec, through_send, odd, odd_error, controls, controls_failed,
		control_error, lives, forks_failed;
} n;

static void tell(bool ended)
{
	struct line lines[] = {
		{"tries", n.tries},
		{"through.connect", n.through_connect},
		{"through.exec", n.through_exec},
		{"through.send", n.through_send},
		{"odd", n.odd},
		{"odd.error", n.odd_error},
		{"controls", n.controls},
		{"controls.failed", n.controls_failed},
		{"control.error", n.control_error},
		{"lives", n.lives},
		{"forks.failed", n.forks_failed},
		{"ended", ended},
	};

	publish(lines, sizeof(lines) / sizeof(*lines));
}

static void judge(int error, int wanted, uint64_t *through)
{
	n.tries++;
	if (error == 0) {
		(*through)++;
	} else if (error != wanted) {
		n.odd++;
		n.odd_error = error < 0 ? errno : error;
	}
}

static void control(int error)
{
	n.controls++;
	if (error) {
		n.controls_failed++;
		n.control_error = error < 0 ? errno : error;
	}
}

int main(void)
{
	for (;; n.rounds++) {
		judge(stream(CLOSED_PORT, false), EPERM, &n.through_connect);
		judge(execute(FORBIDDEN), EACCES, &n.through_exec);
		judge(datagram(CLOSED_PORT), EPERM, &n.through_send);
		if (n.rounds % ROUNDS_A_CONTROL)
			continue;
		control(stream(OPEN_PORT, true));
		control(execute(APPROVED));
		control(datagram(OPEN_PORT));
		tell(false);
		if (access("stop", F_OK) == 0)
			break;
		if (n.rounds % ROUNDS_A_LIFE == 0) {
			pid_t child = fork();

			n.forks_failed += child < 0;
			if (child > 0)
				_exit(0);
			n.lives++;
		}
	}
	tell(true);
	return 0;
}
