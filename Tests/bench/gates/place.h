/* SPDX-License-Identifier: Apache-2.0 */
/* Where the measured operations happen. */
#define HOME "/run/cost"
#define FOLDER HOME "/one/two/three/four/five/six"
/* Directories beside that one, each to be opened in once: five runs and what comes before them. */
#define FRESH HOME "/one/two/three/four/five"
#define FRESH_ROUNDS 200
#define FRESH_FOLDERS (5 * FRESH_ROUNDS + FRESH_ROUNDS / 10 + 1)
/* A file one directory deep below a mount. */
#define MOUNT "/run/near"
#define NEAR MOUNT "/one"
#define OPEN_PORT 7101
#define SHUT_PORT 7102
/* In a window, but nobody listens. */
#define CLOSED_PORT 7103
