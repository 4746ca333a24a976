/* The canary's other half: a forked process that becomes an agent and tries what the gates must stop.
 *
 * It is C because a process with threads may do no more after fork() than async-signal-safe calls. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

/* Where each step's errno goes: 0 for "worked", -1 for "not reached". Shared by parent and child. */
struct canary_steps {
  int32_t registered;   /* EINPROGRESS is the right answer */
  int32_t again;        /* EPERM */
  int32_t exec;         /* EACCES, in a child of the child */
  int32_t allowed;      /* 0: the control case, a connect that the policy allows */
  int32_t connect;      /* EPERM */
  int32_t datagram;     /* EPERM */
  int32_t write;        /* EPERM: a file outside of what may be written */
  int32_t bpf;          /* EPERM */
  int32_t signal;       /* EPERM */
  int32_t before;       /* 0: the control case, a send on the allowed connection */
  int32_t decoy;        /* 0: the open works, and slams */
  int32_t after;        /* EPERM: the same send */
  int32_t finished;     /* 0 */
};

struct canary_order {
  uint64_t high, low;          /* the cookie */
  uint16_t allowed, refused;   /* ports of 127.0.0.1, host order */
  const char *program;         /* exists, is executable, not approved */
  const char *writable;        /* the parent can write it */
  const char *decoy;           /* critical */
  struct canary_steps *steps;
};

/* Forks; the child never returns. The child's pid, or -1. */
pid_t canary_fork(const struct canary_order *order);

/* Memory that parent and child share, or NULL. */
struct canary_steps *canary_steps_new(void);
void canary_steps_free(struct canary_steps *steps);
