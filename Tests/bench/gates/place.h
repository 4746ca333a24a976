/* SPDX-License-Identifier: Apache-2.0 */
/* Where the measured operations happen. */
#define HOME "/run/cost"
#define FOLDER HOME "/one/two/three/four/five/six"
#define OPEN_PORT 7101
#define SHUT_PORT 7102
