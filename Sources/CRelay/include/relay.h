#ifndef TELOS_RELAY_H
#define TELOS_RELAY_H

/* Puts a relay between this process's descriptors 0 to 2 and the pipes and AF_UNIX sockets that they are; leaves files,
 * terminals and other sockets as they are. To be called by a process of one thread that has registered as an agent and
 * has not executed anything since. Returns 0, also where there was nothing to do, or an errno value. */
int telos_relay(void);

#endif
