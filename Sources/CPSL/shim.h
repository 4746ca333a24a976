/* libpsl, loaded when somebody asks for it: it brings libidn2 and libunistring along. */
#pragma once
#include <dlfcn.h>
#include <libpsl.h>
#include <stdio.h>

static const char *const cpsl_library = "libpsl.so.5";
static const char *const cpsl_version = PSL_VERSION;

/* The functions in use, and one list of public suffixes. */
struct cpsl {
  const psl_ctx_t *list;
  __typeof__(&psl_is_public_suffix2) is_public_suffix;
  __typeof__(&psl_free) release;
};

/* Loads the library and reads the list of `count` bytes; the library's own list where there are none. Null, or what is
 * missing or wrong. */
static inline const char *cpsl_open(struct cpsl *psl, const void *bytes, size_t count) {
  void *library = dlopen(cpsl_library, RTLD_NOW | RTLD_LOCAL);
  if (!library) return cpsl_library;
  __typeof__(&psl_builtin) builtin = (__typeof__(builtin))dlsym(library, "psl_builtin");
  __typeof__(&psl_load_fp) load = (__typeof__(load))dlsym(library, "psl_load_fp");
  __typeof__(&psl_suffix_count) suffixes = (__typeof__(suffixes))dlsym(library, "psl_suffix_count");
  psl->is_public_suffix = (__typeof__(psl->is_public_suffix))dlsym(library, "psl_is_public_suffix2");
  psl->release = (__typeof__(psl->release))dlsym(library, "psl_free");
  if (!builtin || !load || !suffixes || !psl->is_public_suffix || !psl->release) return "psl_load_fp";
  if (!bytes) {
    psl->list = builtin();
    return psl->list ? NULL : "its own list of public suffixes";
  }
  FILE *file = fmemopen((void *)bytes, count, "r");
  if (!file) return "memory";
  psl_ctx_t *list = load(file);
  fclose(file);
  if (list && suffixes(list) == 0) psl->release(list), list = NULL;
  psl->list = list;
  return list ? NULL : "a list of public suffixes";
}

/* The SHA-1 of the list inside the library, 40 digits; null where it is not known. */
static inline const char *cpsl_own_digest(void) {
  void *library = dlopen(cpsl_library, RTLD_NOW | RTLD_LOCAL);
  __typeof__(&psl_builtin_sha1sum) digest = library ? (__typeof__(digest))dlsym(library, "psl_builtin_sha1sum") : NULL;
  return digest ? digest() : NULL;
}

/* Whether `name`, NUL-terminated, is a public suffix by the rules of registries, or by those and the rules that
 * companies have for their customers (`private`). */
static inline int cpsl_is_public(const struct cpsl *psl, const char *name, int with_private) {
  return psl->is_public_suffix(psl->list, name, with_private ? PSL_TYPE_ANY : PSL_TYPE_ICANN);
}

static inline void cpsl_close(struct cpsl *psl) {
  if (psl->list) psl->release((psl_ctx_t *)psl->list);
  psl->list = NULL;
}
