/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * The one contract between the kernel programs (bpf/) and user space (Sources/Kernel): every key and value
 * of every pinned map, every event, every reason. Fixed-width, explicit padding, C and BPF alike.
 *
 * Whoever changes the size or the meaning of anything here raises TELOS_LAYOUT: maps are pinned below a
 * directory of that name, and programs of one layout never meet maps of another.
 */
#ifndef TELOS_ABI_H
#define TELOS_ABI_H

#ifdef __bpf__
typedef __u8 telos_u8;
typedef __u16 telos_u16;
typedef __u32 telos_u32;
typedef __s32 telos_s32;
typedef __u64 telos_u64;
#else
#include <stdint.h>
typedef uint8_t telos_u8;
typedef uint16_t telos_u16;
typedef uint32_t telos_u32;
typedef int32_t telos_s32;
typedef uint64_t telos_u64;
#endif

#define TELOS_LAYOUT 4

/* Capacities. Maps are preallocated: what is full refuses. Those of `tasks`, `inodes`, `rules`, `windows` and `names` are
 * defaults, which node.yaml may change. */
#define TELOS_TASKS 65536u
#define TELOS_AGENTS 1024u     /* slots; slot 0 is never used */
#define TELOS_DOMAINS 65536u   /* domain 0 means "none" */
#define TELOS_INODES 524288u
#define TELOS_RULES 65536u
#define TELOS_TAIL_SETS 4096u  /* set 0 means "none" */
#define TELOS_WINDOWS 16384u
#define TELOS_NAMES 65536u     /* addresses that the node's DNS proxy opened */
#define TELOS_CALLERS 16384u   /* TCP connections to the proxy, the oldest of which are forgotten */
#define TELOS_COOKIES 256u
#define TELOS_PLACES 1024u     /* cgroups that make agents: as many as there are slots */
#define TELOS_NEVER_BLOCK 65536u
#define TELOS_IPC 4096u        /* System V objects of agents */
#define TELOS_HEARD 16384u     /* ports on which agents listen to themselves */
#define TELOS_FILTER 65536u    /* cells of the counting filter of tasks; a power of two */
#define TELOS_INODE_FILTER 524288u /* of the one of inodes: 2^19 */

#define TELOS_TAILS 8u         /* directory rules at one directory */
#define TELOS_PORTS 8u         /* port rules of one address window */
#define TELOS_LINEAGE 6u
#define TELOS_PATH 256u
#define TELOS_DEPTH 16u        /* of a cgroup that makes agents, below the root of its tree */

/* ---- identity ------------------------------------------------------------------------------------------ */

/* A file: the real inode below an overlay. `dev` is the kernel's own encoding (major << 20 | minor). */
struct telos_inode {
	telos_u64 ino;
	telos_u32 dev;
	telos_u32 generation;
};

/* Map `tasks`: HASH, key telos_u64 (address of the task_struct). */
struct telos_task {
	telos_u64 agent;
	telos_u32 slot;
	telos_u32 flags; /* enum telos_task_flags */
};
enum telos_task_flags {
	TELOS_TASK_RELAY = 1, /* carries an agent's standard input and output; nobody in the tree may look into it */
};

/* State bits of agents and domains. They only rise. */
enum telos_state {
	TELOS_TAINTED = 1,  /* read something sensitive, of any level */
	TELOS_SLAMMED = 2,  /* nothing leaves the machine any more */
	TELOS_PEERS = 4,    /* agents only: has had an AF_UNIX connection to a process outside */
	TELOS_PIPED = 8,    /* agents only: has opened a named pipe for writing */
};

enum telos_agent_flags {
	TELOS_AGENT_AUDIT = 1,        /* exec, network and file verdicts are reported, not refused */
	TELOS_AGENT_STDIO_ALLOW = 2,  /* descriptors 0 to 2 stay writable after a slam */
	TELOS_AGENT_DIR_RULES = 4,    /* some directory rule is sensitive: reads walk up their directories */
	TELOS_AGENT_REACHABLE = 8,    /* some window stays reachable while tainted */
	TELOS_AGENT_HASHES = 16,      /* some approved executable has a content hash */
	TELOS_AGENT_CANARY = 32,      /* the daemon's own probe: its events make no incident */
	TELOS_AGENT_JIT = 64,         /* memory without a file may be executable, and written before */
	TELOS_AGENT_STARTED = 128,    /* has executed something, or its place was entered: the kernel sets it */
	TELOS_AGENT_RELAY = 256,      /* one of its tasks is its relay: the kernel sets it */
	TELOS_AGENT_LISTENS = 512,    /* some port of its own is open to others */
	TELOS_AGENT_WRITES_TAINTED = 1024, /* a slam closes none of the folders that it may write */
	TELOS_AGENT_LOOPBACK = 2048,  /* its sockets may talk to each other over loopback */
	TELOS_AGENT_NAMES = 4096,     /* asks for names, of the node's DNS proxy alone: `names_port` and `mark` are set */
};
/* Above the flags: the mark of the build that alone judges this agent, so that a canary proves a build on trial without
 * the help of the build in charge. 0, and every agent but a canary has that: every build that is attached judges. */
#define TELOS_AGENT_JUDGE_SHIFT 16

enum telos_gate {
	TELOS_GATE_NONE = 0,
	TELOS_GATE_IDENTITY = 1,
	TELOS_GATE_EXEC = 2,
	TELOS_GATE_NETWORK = 3,
	TELOS_GATE_FILE = 4,
	TELOS_GATE_EGRESS = 5,
	TELOS_GATE_GUARD = 6,
	TELOS_GATES = 7,
};
#define TELOS_WITHHELD 7 /* in `denials` of an agent: its events that were counted, not sent */

/* Map `agents`: ARRAY by slot. User space writes a slot only while `id` is 0 (free) and `tasks` is 0; after
 * that the kernel owns it. `id` is never reused. */
struct telos_agent {
	telos_u64 id;             /* 0: free */
	telos_u64 expires_ns;     /* boot clock; the intent's TTL. 0: none */
	telos_u64 slam_sequence;  /* `sequence` of the event that slammed it */
	telos_u32 state;          /* enum telos_state: this agent's own; its domain's counts as well */
	telos_u32 domain;
	telos_u32 flags;          /* enum telos_agent_flags */
	telos_u32 tasks;          /* alive */
	telos_u32 tasks_quota;
	telos_u32 inodes;         /* entries of `inodes` charged to it */
	telos_u32 inodes_quota;
	telos_u32 peers;          /* AF_UNIX connections to unmanaged peers it ever had */
	telos_u64 denials[8];     /* by enum telos_gate, whether or not an event was sent; TELOS_WITHHELD */
	telos_u64 events_ns;      /* start of the second in which `events` counts */
	telos_u32 events;         /* denial events sent in that second */
	telos_u32 uid;
	telos_u32 mark;           /* of its packets to the proxy; see TELOS_MARK_SLOT */
	telos_u16 names_port;     /* host order: the proxy's, on 127.0.0.1 and ::1 of the agent's network name space */
	telos_u16 reserved;
};

/* The mark of an agent's packets to the proxy: its slot, and bits that are random anew for every agent, so that nobody guesses a
 * mark, and one that is late is not taken for that of the slot's next agent. Two bits are in neither: Kubernetes drops and
 * masquerades packets that have them. 0 is nobody's. */
#define TELOS_MARK_SLOT 0x000003ffu
#define TELOS_MARK_RANDOM 0xffff3c00u

/* Map `domains`: ARRAY by domain. A forest: `parent` 0 or itself is a root; roots carry the state. */
struct telos_domain {
	telos_u32 parent;
	telos_u32 state;
	telos_u64 slam; /* `sequence` of the event that slammed it first; 0: none yet */
};

/* Map `cookies`: HASH, key struct telos_cookie. The daemon writes one, the launcher hands it over with
 * prctl(TELOS_PRCTL, high, low), once; answers are errno values: EINPROGRESS registered, ENOENT no such
 * cookie, EPERM not allowed (managed already, or another user's), EBUSY not single-threaded, ENOMEM full.
 * EINVAL is the kernel's own "no such prctl": the gates are not attached.
 * Registered, and before its first exec, it may say of itself prctl(TELOS_PRCTL, enum telos_launch, 0); the answers are
 * EINPROGRESS, done, and EPERM. */
#define TELOS_PRCTL 0x54454c4f
enum telos_launch {
	TELOS_LAUNCH_RELAY = 1, /* this task is the agent's relay; there is one at most */
	TELOS_LAUNCH_STDIO = 2, /* descriptors 0 to 2 are others now */
};
struct telos_cookie {
	telos_u64 high;
	telos_u64 low;
};
struct telos_registration {
	telos_u64 agent;
	telos_u64 expires_ns; /* boot clock; the cookie's own end */
	telos_u32 slot;
	telos_u32 uid;
};

/* A cgroup of the one tree of version 2 whose tasks are an agent's: who executes something in it, or below, and belongs to
 * nobody, becomes that agent's task. Map `places`: HASH by path, for cgroups that are not made yet; map `cgroups`: HASH,
 * key telos_u64, the cgroup's number (its folder's inode), for those that are. The kernel enters a cgroup of a known path
 * when it is made, before anybody can be in it, and takes every one out when it is removed. Map `bound`: ARRAY of one
 * telos_u32, 0 where both are empty. */
struct telos_place_path {
	char path[TELOS_PATH]; /* from the root of the tree, begins with '/', padded with zeros */
};
struct telos_place {
	telos_u64 agent;
	telos_u64 ttl_ns; /* from the first entry on; the agent's `expires_ns` is 0 until then */
	telos_u32 slot;
	telos_u32 flags; /* enum telos_place_flags */
	/* The program with which systemd (255 and later) opens a unit: it mounts and then executes the unit's own. Who is
	 * nobody's stays that while it runs this. All zero: none. */
	struct telos_inode opener;
};
enum telos_place_flags {
	TELOS_PLACE_NAMED = 1, /* from `places`; else a container's, chosen by its labels when it was made */
};

/* ---- files --------------------------------------------------------------------------------------------- */

/* Map `inodes`: HASH, key struct telos_inode. What agents did to a file; shared by all agents. The kernel takes an entry out
 * when its file is deleted. */
enum telos_inode_flags {
	TELOS_INODE_WRITTEN = 1,  /* an agent opened it for writing: never again a "file of the system" */
	TELOS_INODE_READERS = 2,  /* was open for reading when it was first written: no slammed agent writes it */
	TELOS_INODE_PRIVATE = 4,  /* shared memory of one domain: nobody else opens it, unmanaged tasks included */
	TELOS_INODE_TERMINAL = 8, /* a terminal that the tree made; private as well */
	TELOS_INODE_SHARED = 16,  /* agents of a second domain wrote it too: nobody's own */
};
#define TELOS_INODE_SLOT_SHIFT 16 /* above the flags: the slot of the agent that it is charged to */
struct telos_inode_entry {
	telos_u64 agent;  /* charged to; 0 after that agent ended */
	telos_u32 domain; /* 0: none */
	telos_u32 flags;  /* enum telos_inode_flags, and the slot */
};

/* Map `ipc`: HASH, key telos_u64 (address of the kern_ipc_perm): whose a System V object is. */
struct telos_ipc {
	telos_u64 agent;
	telos_u32 slot;
	telos_u32 reserved;
};

/* Map `rules`: HASH. What one agent's intent says of one file or directory. AF_UNIX names of the abstract
 * name space stand in it with dev TELOS_DEV_ABSTRACT, ino telos_hash(name), generation its length. */
#define TELOS_DEV_ABSTRACT 0xffffffffu
struct telos_rule_key {
	telos_u64 agent;
	struct telos_inode inode;
};
enum telos_rule_flags {
	TELOS_RULE_EXEC = 1,      /* may be executed */
	TELOS_RULE_INTERP = 2,    /* may be loaded as an ELF interpreter, not executed */
	TELOS_RULE_HASH = 4,      /* `sha256` must match too */
	TELOS_RULE_CRITICAL = 8,  /* reading it slams */
	TELOS_RULE_WARN = 16,     /* reading it taints */
	TELOS_RULE_WRITE = 32,    /* this file may be written; on a directory: everything below may */
	TELOS_RULE_OWN = 64,      /* a directory: what this agent's domain wrote below may be executed */
	TELOS_RULE_KEEP = 128,    /* with TELOS_RULE_WRITE: also after a slam */
	TELOS_RULE_MEMORY = 256,  /* a directory of shared memory (/dev/shm): whoever makes an object in it has it alone */
	TELOS_RULE_UNIX = 512,    /* an AF_UNIX socket: may be connected to (and from, when the agent owns it) */
	TELOS_RULE_STDIO = 1024,  /* what descriptors 0 to 2 were at registration; the kernel writes these */
	TELOS_RULE_SHUT = 2048,   /* the node's own: neither opened nor changed, in audit mode too */
	TELOS_RULE_VERITY = 4096, /* with TELOS_RULE_HASH: `sha256` is fs-verity's digest of the file, not its content's. A build
				   * that does not know this compares it with the content's, and refuses */
	TELOS_RULE_FIXED = 8192,  /* a directory that rules depend on: it is neither moved, replaced nor removed */
};
struct telos_rule {
	telos_u32 flags;
	telos_u32 tails; /* index in `tails`, 0 for none; directories only */
	telos_u8 sha256[32]; /* see TELOS_RULE_HASH and TELOS_RULE_VERITY */
};

/* Map `tails`: ARRAY of directory rules: what holds for names below the directory that names the set. */
enum telos_tail_kind {
	TELOS_TAIL_NAME = 1,   /* last component has telos_hash `hash` and length `length` */
	TELOS_TAIL_SUFFIX = 2, /* last component ends in `text` */
	TELOS_TAIL_PREFIX = 3, /* last component starts with `text` */
	TELOS_TAIL_ANY = 4,
};
struct telos_tail {
	telos_u32 flags;   /* TELOS_RULE_CRITICAL, _WARN, _UNIX or _SHUT */
	telos_u8 kind;     /* enum telos_tail_kind */
	telos_u8 deep;     /* 1: at any depth; 0: directly in the directory */
	telos_u8 length;   /* of the name or the text */
	telos_u8 reserved;
	telos_u64 hash;
	telos_u8 text[32]; /* padded with zeros; of a longer name the hash alone counts */
};
struct telos_tail_set {
	telos_u32 count;
	telos_u32 reserved;
	struct telos_tail tails[TELOS_TAILS];
};

/* ---- network ------------------------------------------------------------------------------------------- */

/* Map `windows`: LPM trie. IPv4 addresses are v4-mapped (::ffff:a.b.c.d), so a /24 has prefix 64+96+24.
 * The longest prefix alone counts: user space folds the rules of a wider prefix into the narrower ones. */
struct telos_window_key {
	telos_u32 prefix;    /* in bits, of agent and address together: 64 to 192 */
	telos_u8 agent[8];   /* big-endian */
	telos_u8 address[16];
};
/* With this bit in the agent's id, a window says who may come in: the address is the peer's, the ports are the
 * agent's own. The address :: has all of those ports together: what may be bound at all. */
#define TELOS_INBOUND 0x8000000000000000ull
/* Map `heard`: LRU_HASH of telos_u32: an agent with TELOS_AGENT_LOOPBACK once listened on this TCP port. A hint that spares a
 * connection to a port of somebody else the wait: the egress gate looks at whose socket a packet would really reach. */
struct telos_heard {
	telos_u64 agent;
	telos_u32 port; /* host order */
	telos_u32 reserved;
};
#define TELOS_LAST_SYSTEM_PORT 1023 /* above it, ports are anybody's */
enum telos_protocol { TELOS_TCP = 1, TELOS_UDP = 2 };
enum telos_port_flags {
	TELOS_PORT_TAINTED = 1,   /* stays reachable while tainted */
	TELOS_PORT_SENSITIVE = 2, /* contact taints, as a critical file does */
};
struct telos_port {
	telos_u64 expires_ns; /* boot clock; 0: none */
	telos_u16 first;      /* host order, inclusive */
	telos_u16 last;
	telos_u8 protocols;   /* enum telos_protocol bits */
	telos_u8 flags;       /* enum telos_port_flags */
	telos_u16 reserved;
};
struct telos_window {
	telos_u32 count;
	telos_u32 stamp; /* in `names`: telos_name_stamp() of its key; in `windows` 0 */
	struct telos_port ports[TELOS_PORTS];
};

/* Map `names`: HASH of struct telos_window: addresses that answers of the node's DNS proxy opened to an agent with
 * TELOS_AGENT_NAMES. They count where `windows` does not admit. The memory of an entry that is replaced is used again at once,
 * while a program may still read it: the stamp says whose it is, and whoever finds another looks again. */
struct telos_name_key {
	telos_u64 agent;
	telos_u8 address[16]; /* v4-mapped for IPv4 */
};

/* Map `callers`: LRU_HASH of telos_u32, the mark of the agent that opens this TCP connection to the proxy. The kernel enters it
 * before the connection's first packet goes out. */
struct telos_caller_key {
	telos_u8 address[16]; /* of the agent's end, v4-mapped for IPv4 */
	telos_u32 space;      /* `slot` in the label of the proxy's socket */
	telos_u16 port;       /* of the agent's end, host order */
	telos_u16 reserved;
};

/* Map `sockets`: SK_STORAGE (cloned to accepted sockets). The label of a socket; user space reads it by
 * descriptor, which is how the control socket knows its caller. */
enum telos_socket_flags {
	TELOS_SOCKET_PEER_UNMANAGED = 1, /* AF_UNIX, the other end is not an agent's */
	TELOS_SOCKET_STDIO = 2,          /* was descriptor 0 to 2 at registration */
	TELOS_SOCKET_CONTROL = 4,        /* a managed caller of the node's control socket */
	TELOS_SOCKET_INBOUND = 8,        /* listens, or was accepted from one that does: its peers came to it */
	TELOS_SOCKET_PROXY = 16,         /* the DNS proxy's, which user space labels: nobody's agent, and `slot` is a number of
					  * the network name space that it is in */
};
struct telos_socket {
	telos_u64 agent;
	telos_u32 slot;
	telos_u32 flags;
	/* The destination that connect admitted last. It stays open to this socket when its window has run out. */
	telos_u32 writes; /* odd while it is being changed */
	telos_u16 port;   /* host order; 0: none */
	telos_u16 reserved;
	telos_u8 address[16];
};

/* Map `steered`: SK_STORAGE: the servers that an agent asked with a socket whose questions went to the proxy. Answers seem to come
 * from them: from the last one of the family that the answer comes by. */
enum telos_way { TELOS_WAY_V4 = 0, TELOS_WAY_V6 = 1, TELOS_WAYS = 2 };
struct telos_steered {
	telos_u16 port;     /* the proxy's, host order */
	telos_u8 asked[TELOS_WAYS];
	telos_u32 reserved;
	telos_u8 server[TELOS_WAYS][16];
};

/* ---- events -------------------------------------------------------------------------------------------- */

enum telos_event_kind {
	TELOS_EVENT_STARTED = 1,    /* registration */
	TELOS_EVENT_ENDED = 2,      /* its last task is gone */
	TELOS_EVENT_EXEC = 3,       /* an admitted execution */
	TELOS_EVENT_TAINTED = 4,    /* level warn */
	TELOS_EVENT_SLAMMED = 5,    /* in the ring of slams */
	TELOS_EVENT_DENIED = 6,
	TELOS_EVENT_WOULD_DENY = 7, /* mode audit */
	/* 8 is free, and is given to no other kind: older programs have a name for it. */
};
enum telos_reason {
	TELOS_REASON_NONE = 0,
	TELOS_REASON_NOT_APPROVED = 1,    /* exec: no rule for this file */
	TELOS_REASON_AGENT_WROTE = 2,     /* exec: an agent wrote it, or may, and exec.own does not cover it */
	TELOS_REASON_ANONYMOUS = 3,       /* exec: memory without a file, a deleted file, or writable and executable */
	TELOS_REASON_CONTENT = 4,         /* exec: content hash differs, or could not be had */
	TELOS_REASON_INTERPRETER = 5,     /* exec: an ELF interpreter as a program */
	TELOS_REASON_NO_WINDOW = 6,       /* network: no window for this destination */
	TELOS_REASON_WINDOW_EXPIRED = 7,
	TELOS_REASON_FAMILY = 8,          /* network: socket kind is not on the list */
	TELOS_REASON_LISTEN = 9,          /* network: inbound is not allowed */
	TELOS_REASON_SLAMMED = 10,
	TELOS_REASON_TTL = 11,            /* the intent's TTL is over */
	TELOS_REASON_UNMANAGED_PEER = 12, /* AF_UNIX, pipe or descriptor of a process outside */
	TELOS_REASON_WRITE_ROOT = 13,     /* file: outside what may be written */
	TELOS_REASON_DEVICE = 14,
	TELOS_REASON_QUOTA = 15,
	TELOS_REASON_STATE = 16,          /* the record of a managed task could not be found or made */
	TELOS_REASON_STDIO = 17,
	TELOS_REASON_PTRACE = 18,
	TELOS_REASON_SIGNAL = 19,
	TELOS_REASON_BPF = 20,
	TELOS_REASON_MOUNT = 21,
	TELOS_REASON_MODULE = 22,
	TELOS_REASON_IPC = 23,
	TELOS_REASON_REGISTERED = 24,     /* a managed task tried to register again */
	TELOS_REASON_FILE = 25,           /* slam or taint: by a file */
	TELOS_REASON_ADDRESS = 26,        /* slam: by contact with a sensitive address */
	TELOS_REASON_DOMAIN = 27,         /* slam: by data shared with a tainted domain */
	TELOS_REASON_TERMINAL = 28,       /* input injection into a terminal */
	TELOS_REASON_APPROVED_FILE = 29,  /* file: an approved executable may not be written */
	TELOS_REASON_NETWORK_SETTING = 30, /* guard: addresses, routes and interfaces */
	TELOS_REASON_SNAPSHOT = 31,       /* guard: a file system's own copy of files that nobody opened */
	TELOS_REASON_NODE_FILE = 32,      /* guard: a file of the node's own */
	TELOS_REASON_CAPABILITY = 33,     /* guard: a privilege over the whole machine */
	TELOS_REASON_LOCK = 34,           /* file: a lock or a lease on what it may not write */
	TELOS_REASON_FOREIGN = 35,        /* file, after a slam: others write it, or had it open */
	TELOS_REASON_FOLDER = 36,         /* file: a folder that rules depend on */
	TELOS_REASON_USERFAULT = 37,      /* guard: pages whose access waits for the agent */
	TELOS_REASON_LOOK = 38,           /* guard: another process was looked at, without attaching to it */
};

struct telos_process {
	telos_u32 pid; /* of the thread group */
	char comm[16];
};

/* One record of the rings `slams` and `events`. `sequence` counts all records tried, over both rings, so a
 * gap is a loss that user space sees; counters say how many. */
struct telos_event {
	telos_u64 sequence;
	telos_u64 boot_ns;
	telos_u64 agent;
	telos_u64 linked;     /* denials after a slam: its sequence; a slam by another's data: that of the slam it came from */
	struct telos_inode inode;
	telos_u8 address[16]; /* v4-mapped for IPv4 */
	telos_u16 port;       /* host order; see `path` */
	telos_u8 family;      /* AF_*, 0 when there is no address */
	telos_u8 protocol;    /* IPPROTO_* */
	telos_u8 kind;        /* enum telos_event_kind */
	telos_u8 gate;        /* enum telos_gate */
	telos_u8 reason;      /* enum telos_reason */
	telos_u8 hook;        /* enum telos_hook */
	telos_s32 error;      /* what the caller was answered: an errno value, 0 for none */
	telos_u32 state;      /* enum telos_state at that time */
	telos_u32 domain;
	telos_u32 pid;        /* thread group */
	telos_u32 tid;
	telos_u32 uid;
	telos_u32 flags;      /* enum telos_agent_flags */
	telos_u32 withheld;   /* events of this agent so far that were counted, not sent */
	struct telos_process lineage[TELOS_LINEAGE]; /* the caller first, then its ancestors */
	char path[TELOS_PATH]; /* whole, or the last component alone where that was all that could be had; of an
				* AF_UNIX socket its path or @name, and then `port` is the length of the name */
};

/* The hook an event came from; names in Sources/Kernel. */
enum telos_hook {
	TELOS_HOOK_NONE = 0,
	TELOS_HOOK_TASK_ALLOC, TELOS_HOOK_TASK_FREE, TELOS_HOOK_TASK_PRCTL,
	TELOS_HOOK_BPRM_CHECK, TELOS_HOOK_FILE_OPEN, TELOS_HOOK_MMAP_FILE, TELOS_HOOK_FILE_MPROTECT,
	TELOS_HOOK_FILE_PERMISSION, TELOS_HOOK_FILE_RECEIVE, TELOS_HOOK_FILE_IOCTL,
	TELOS_HOOK_PATH_UNLINK, TELOS_HOOK_PATH_MKDIR, TELOS_HOOK_PATH_RMDIR, TELOS_HOOK_PATH_MKNOD,
	TELOS_HOOK_PATH_TRUNCATE, TELOS_HOOK_PATH_SYMLINK, TELOS_HOOK_PATH_LINK, TELOS_HOOK_PATH_RENAME,
	TELOS_HOOK_PATH_CHMOD, TELOS_HOOK_PATH_CHOWN, TELOS_HOOK_INODE_SETXATTR,
	TELOS_HOOK_SOCKET_CREATE, TELOS_HOOK_SOCKET_POST_CREATE, TELOS_HOOK_SOCKET_CONNECT,
	TELOS_HOOK_SOCKET_SENDMSG, TELOS_HOOK_SOCKET_LISTEN, TELOS_HOOK_SOCKET_ACCEPT,
	TELOS_HOOK_UNIX_STREAM_CONNECT, TELOS_HOOK_UNIX_MAY_SEND, TELOS_HOOK_EGRESS,
	TELOS_HOOK_BPF, TELOS_HOOK_PTRACE, TELOS_HOOK_TASK_KILL, TELOS_HOOK_TASK_PRLIMIT,
	TELOS_HOOK_SB_MOUNT, TELOS_HOOK_KERNEL_READ_FILE, TELOS_HOOK_KERNEL_MODULE,
	TELOS_HOOK_SHM_SHMAT, TELOS_HOOK_MSG_QUEUE, TELOS_HOOK_KEY, TELOS_HOOK_NETLINK, TELOS_HOOK_LOCKED_DOWN,
	TELOS_HOOK_SOCKET_BIND, TELOS_HOOK_PERF_EVENT, TELOS_HOOK_BPRM_CREDS, TELOS_HOOK_CGROUP_ATTACH,
	TELOS_HOOK_PATH_NOTIFY, TELOS_HOOK_FILE_FCNTL, TELOS_HOOK_FILE_LOCK, TELOS_HOOK_CAPABLE,
	TELOS_HOOK_INODE_SETATTR, TELOS_HOOK_IPC, TELOS_HOOK_INIT_SECURITY_ANON,
	TELOS_HOOKS,
};

/* Map `counters`: PERCPU_ARRAY of telos_u64. */
enum telos_counter {
	TELOS_COUNT_SLAMS = 0,
	TELOS_COUNT_SLAMS_LOST = 1,    /* no room in the ring; the slam itself held */
	TELOS_COUNT_EVENTS = 2,
	TELOS_COUNT_EVENTS_LOST = 3,   /* no room in the ring */
	TELOS_COUNT_EVENTS_QUIET = 4,  /* withheld: an agent's share of a second was used up */
	TELOS_COUNT_STATE_MISSING = 5, /* refused because a record was not found */
	TELOS_COUNT_FULL = 6,          /* refused because a map was full */
	TELOS_COUNT_EGRESS_DROPPED = 7,
	TELOS_COUNT_DENIALS = 8,       /* + enum telos_gate, up to 15 */
	TELOS_COUNTERS = 16,
};

/* Global data of the gates (map `globals`, pinned): filters that say "surely not" in one load. */
struct telos_globals {
	telos_u64 sequence;                /* of events */
	struct telos_inode control;        /* the control socket; any managed task may connect to it */
	telos_u32 resolver_tid;            /* the thread of the daemon that resolves a path just now; 0: nobody */
	telos_u32 resolved_count;
	struct telos_inode resolved[2];    /* upper and lower inode of what the resolver opened last */
	telos_u32 task_filter[TELOS_FILTER];
	telos_u32 inode_filter[TELOS_INODE_FILTER]; /* counts entries of `inodes` and of `rules`, by inode */
};

/* Constants of the programs (`telos_secrets`): odd, and anew with every load. */
struct telos_secrets {
	telos_u64 factor[8];
};

#ifndef __bpf__
/* Where user space finds them in the mapped memory of `globals`. */
enum telos_globals_offset {
	TELOS_GLOBALS_SEQUENCE = __builtin_offsetof(struct telos_globals, sequence),
	TELOS_GLOBALS_CONTROL = __builtin_offsetof(struct telos_globals, control),
	TELOS_GLOBALS_RESOLVER = __builtin_offsetof(struct telos_globals, resolver_tid),
	TELOS_GLOBALS_RESOLVED_COUNT = __builtin_offsetof(struct telos_globals, resolved_count),
	TELOS_GLOBALS_RESOLVED = __builtin_offsetof(struct telos_globals, resolved),
	TELOS_GLOBALS_INODE_FILTER = __builtin_offsetof(struct telos_globals, inode_filter),
	TELOS_GLOBALS_SIZE = sizeof(struct telos_globals),
};
#endif

/* ---- Hyperion ------------------------------------------------------------------------------------------ */

/* A set is four maps, one a part; two generations of each stand side by side in `hyperion_v4`, `hyperion_v6`,
 * `hyperion_v4_prefix` and `hyperion_v6_prefix` (ARRAY_OF_MAPS of two: an outer map takes inner maps of one type
 * only), and `hyperion_state` says which one is in force. Values in the inner maps: telos_u32, reserved for origin. */
enum telos_set_part {
	TELOS_SET_V4 = 0,        /* HASH, key 4 bytes, network order */
	TELOS_SET_V6 = 1,        /* HASH, key 16 bytes */
	TELOS_SET_V4_PREFIX = 2, /* LPM trie, struct telos_prefix4 */
	TELOS_SET_V6_PREFIX = 3, /* LPM trie, struct telos_prefix6 */
	TELOS_SET_PARTS = 4,
};
struct telos_prefix4 {
	telos_u32 prefix;
	telos_u8 address[4];
};
struct telos_prefix6 {
	telos_u32 prefix;
	telos_u8 address[16];
};
/* Map `hyperion_state`: ARRAY of one. */
struct telos_hyperion {
	telos_u32 active;      /* 0 or 1: the slot in force in all four outer maps */
	telos_u32 has;         /* bit per part that is not empty, of the active generation */
	telos_u64 version;     /* of the signed set; 0: none was ever loaded */
	telos_u8 digest[32];   /* SHA-256 of its signed payload */
};
/* Map `never_block`: LPM trie, key struct telos_prefix6, v4-mapped; wins over every set. Value telos_u32: 1 spares,
 * 0 does not (it keeps a wide IPv6 block from covering the mapped IPv4 addresses). */
/* Map `hyperion_drops`: PERCPU_ARRAY of telos_u64. */
enum telos_drop {
	TELOS_DROP_XDP_V4 = 0,
	TELOS_DROP_XDP_V6 = 1,
	TELOS_DROP_EGRESS_V4 = 2,
	TELOS_DROP_EGRESS_V6 = 3,
	TELOS_DROP_CONNECT_V4 = 4,
	TELOS_DROP_CONNECT_V6 = 5,
	TELOS_DROP_SPARED = 6,  /* was in the set, never-block let it pass */
	TELOS_DROP_PASSED = 7,  /* IP packets looked up by XDP and passed */
	TELOS_DROPS = 8,
};

/* FNV-1a, 64 bits: names in directory rules and abstract sockets. */
#define TELOS_HASH_START 0xcbf29ce484222325ull
#define TELOS_HASH_PRIME 0x100000001b3ull

static inline telos_u64 telos_hash(const telos_u8 *name, telos_u32 length)
{
	telos_u64 hash = TELOS_HASH_START;

	for (telos_u32 i = 0; i < length; i++)
		hash = (hash ^ name[i]) * TELOS_HASH_PRIME;
	return hash;
}

static inline telos_u32 telos_name_stamp(const struct telos_name_key *key)
{
	telos_u64 high, low;

	__builtin_memcpy(&high, key->address, 8);
	__builtin_memcpy(&low, key->address + 8, 8);
	return (telos_u32)(((key->agent * 0x9E3779B97F4A7C15ull) ^ (high * 0xC2B2AE3D27D4EB4Full) ^
			    (low * 0x165667B19E3779F9ull)) >> 32);
}

/* Cells of the counting filters. Raise a cell before the entry goes in, lower it after it is out: a filter may
 * then say "perhaps" too often, but never "no" of something that is there. */
static inline telos_u32 telos_task_cell(telos_u64 task)
{
	return (telos_u32)((task * 0x9E3779B97F4A7C15ull) >> 48) & (TELOS_FILTER - 1);
}

/* A climb asks this of every directory: what is of the device is the same for all of a mount. */
static inline telos_u64 telos_device_salt(telos_u32 dev)
{
	return dev * 0x85EBCA6B00000000ull;
}

static inline telos_u32 telos_inode_cell(telos_u64 ino, telos_u64 salt)
{
	return (telos_u32)(((ino * 0x9E3779B97F4A7C15ull) ^ salt) >> 45) & (TELOS_INODE_FILTER - 1);
}

_Static_assert(sizeof(struct telos_inode) == 16, "inode");
_Static_assert(sizeof(struct telos_task) == 16, "task");
_Static_assert(sizeof(struct telos_place) == 40, "place");
_Static_assert(sizeof(struct telos_agent) == 144, "agent");
_Static_assert(TELOS_AGENTS - 1 <= TELOS_MARK_SLOT, "slots in a mark");
_Static_assert(sizeof(struct telos_domain) == 16, "domain");
_Static_assert(sizeof(struct telos_ipc) == 16, "ipc");
_Static_assert(sizeof(struct telos_inode_entry) == 16, "inode entry");
_Static_assert(sizeof(struct telos_rule_key) == 24, "rule key");
_Static_assert(sizeof(struct telos_rule) == 40, "rule");
_Static_assert(sizeof(struct telos_tail) == 48, "tail");
_Static_assert(sizeof(struct telos_tail_set) == 8 + 48 * TELOS_TAILS, "tail set");
_Static_assert(sizeof(struct telos_window_key) == 28, "window key");
_Static_assert(sizeof(struct telos_port) == 16, "port");
_Static_assert(sizeof(struct telos_window) == 8 + 16 * TELOS_PORTS, "window");
_Static_assert(sizeof(struct telos_name_key) == 24, "name key");
_Static_assert(sizeof(struct telos_caller_key) == 24, "caller key");
_Static_assert(sizeof(struct telos_socket) == 40, "socket");
_Static_assert(sizeof(struct telos_steered) == 40, "steered");
_Static_assert(sizeof(struct telos_process) == 20, "process");
_Static_assert(sizeof(struct telos_event) == 104 + 20 * TELOS_LINEAGE + TELOS_PATH, "event");
_Static_assert(sizeof(struct telos_hyperion) == 48, "hyperion");

#endif
