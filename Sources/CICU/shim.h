/* ICU, loaded when somebody asks for it: the library has 30 MB, and programs that link it load it at every start.
 * Its functions are macros that add the version (uspoof_open_72), which Swift does not see and dlsym needs. */
#pragma once
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>
#include <unicode/uversion.h>

#define CICU_TEXT(name) #name
#define CICU_SYMBOL(name) CICU_TEXT(name)

/* What the built program was compiled against, and therefore needs. */
static const char *const cicu_common_library = "libicuuc.so." U_ICU_VERSION_SHORT;
static const char *const cicu_spoof_library = "libicui18n.so." U_ICU_VERSION_SHORT;

/* The functions in use. Handles live as long as the process; all calls on them are thread-safe by ICU's own promise. */
struct cicu {
  const UIDNA *idna;
  const UNormalizer2 *decomposer;
  const USpoofChecker *spoof;
  __typeof__(&u_getUnicodeVersion) unicode_version;
  __typeof__(&u_charName) char_name;
  __typeof__(&u_charType) char_type;
  __typeof__(&uidna_nameToUnicodeUTF8) name_to_unicode;
  __typeof__(&uidna_nameToASCII_UTF8) name_to_ascii;
  __typeof__(&unorm2_getDecomposition) decomposition;
  __typeof__(&uspoof_getSkeletonUTF8) skeleton;
  __typeof__(&uspoof_check2UTF8) check;
};

#define CICU_LOAD(library, field, name)                                                                                \
  do {                                                                                                                 \
    icu->field = (__typeof__(&name))dlsym(library, CICU_SYMBOL(name));                                                 \
    if (!icu->field) return CICU_SYMBOL(name);                                                                         \
  } while (0)

/* Loads both libraries and opens what is needed of them. Null, or what is missing. */
static inline const char *cicu_open(struct cicu *icu) {
  UErrorCode error = U_ZERO_ERROR;
  __typeof__(&uidna_openUTS46) open_idna;
  __typeof__(&unorm2_getNFDInstance) open_decomposer;
  __typeof__(&uspoof_open) open_spoof;
  __typeof__(&uspoof_setRestrictionLevel) set_level;
  __typeof__(&uspoof_setChecks) set_checks;
  void *common = dlopen(cicu_common_library, RTLD_NOW | RTLD_LOCAL);
  if (!common) return cicu_common_library;
  void *library = dlopen(cicu_spoof_library, RTLD_NOW | RTLD_LOCAL);
  if (!library) return cicu_spoof_library;
  CICU_LOAD(common, unicode_version, u_getUnicodeVersion);
  CICU_LOAD(common, char_name, u_charName);
  CICU_LOAD(common, char_type, u_charType);
  CICU_LOAD(common, name_to_unicode, uidna_nameToUnicodeUTF8);
  CICU_LOAD(common, name_to_ascii, uidna_nameToASCII_UTF8);
  CICU_LOAD(common, decomposition, unorm2_getDecomposition);
  CICU_LOAD(library, skeleton, uspoof_getSkeletonUTF8);
  CICU_LOAD(library, check, uspoof_check2UTF8);
  open_idna = (__typeof__(open_idna))dlsym(common, CICU_SYMBOL(uidna_openUTS46));
  open_decomposer = (__typeof__(open_decomposer))dlsym(common, CICU_SYMBOL(unorm2_getNFDInstance));
  open_spoof = (__typeof__(open_spoof))dlsym(library, CICU_SYMBOL(uspoof_open));
  set_level = (__typeof__(set_level))dlsym(library, CICU_SYMBOL(uspoof_setRestrictionLevel));
  set_checks = (__typeof__(set_checks))dlsym(library, CICU_SYMBOL(uspoof_setChecks));
  if (!open_idna || !open_decomposer || !open_spoof || !set_level || !set_checks) return "uspoof_open";
  icu->idna = open_idna(UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_NONTRANSITIONAL_TO_ASCII |
                          UIDNA_NONTRANSITIONAL_TO_UNICODE,
                        &error);
  icu->decomposer = open_decomposer(&error);
  USpoofChecker *spoof = open_spoof(&error);
  if (U_FAILURE(error)) return "the data of its own library";
  set_level(spoof, USPOOF_HIGHLY_RESTRICTIVE);
  set_checks(spoof, USPOOF_RESTRICTION_LEVEL | USPOOF_MIXED_NUMBERS | USPOOF_INVISIBLE, &error);
  icu->spoof = spoof;
  return U_FAILURE(error) ? "uspoof_setChecks" : NULL;
}

/* The name in Unicode, lower-cased. Its length, or -1 where a label is none of UTS 46 or `capacity` is too small. */
static inline int32_t cicu_to_unicode(const struct cicu *icu, const char *name, int32_t length, char *result,
                                      int32_t capacity) {
  UErrorCode error = U_ZERO_ERROR;
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  int32_t count = icu->name_to_unicode(icu->idna, name, length, result, capacity, &info, &error);
  return U_FAILURE(error) || info.errors || count > capacity ? -1 : count;
}

/* The same towards A-labels. */
static inline int32_t cicu_to_ascii(const struct cicu *icu, const char *name, int32_t length, char *result,
                                    int32_t capacity) {
  UErrorCode error = U_ZERO_ERROR;
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  int32_t count = icu->name_to_ascii(icu->idna, name, length, result, capacity, &info, &error);
  return U_FAILURE(error) || info.errors || count > capacity ? -1 : count;
}

/* Whether the label mixes scripts or digits as no written language does, or has what cannot be seen. */
static inline int cicu_is_mixed(const struct cicu *icu, const char *label, int32_t length) {
  UErrorCode error = U_ZERO_ERROR;
  return icu->check(icu->spoof, label, length, NULL, &error) != 0 || U_FAILURE(error);
}

/* The skeleton of UTS 39 in UTF-8: its length, or -1. */
static inline int32_t cicu_skeleton(const struct cicu *icu, const char *text, int32_t length, char *result,
                                    int32_t capacity) {
  UErrorCode error = U_ZERO_ERROR;
  int32_t count = icu->skeleton(icu->spoof, 0, text, length, result, capacity, &error);
  return U_FAILURE(error) || count > capacity ? -1 : count;
}

/* The character's name in Unicode's data, NUL-terminated: its length, 0 where it has none. */
static inline int32_t cicu_name(const struct cicu *icu, UChar32 character, char *result, int32_t capacity) {
  UErrorCode error = U_ZERO_ERROR;
  int32_t count = icu->char_name(character, U_UNICODE_CHAR_NAME, result, capacity, &error);
  return U_FAILURE(error) || count >= capacity ? 0 : count;
}

/* The first character of the canonical decomposition, or the character itself. */
static inline UChar32 cicu_base(const struct cicu *icu, UChar32 character) {
  UErrorCode error = U_ZERO_ERROR;
  UChar units[32];
  int32_t count = icu->decomposition(icu->decomposer, character, units, 32, &error);
  if (U_FAILURE(error) || count < 1) return character;
  return U16_IS_LEAD(units[0]) && count > 1 ? U16_GET_SUPPLEMENTARY(units[0], units[1]) : units[0];
}

static inline int cicu_is_mark(const struct cicu *icu, UChar32 character) {
  int8_t type = icu->char_type(character);
  return type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK;
}

static inline int cicu_is_letter(const struct cicu *icu, UChar32 character) {
  int8_t type = icu->char_type(character);
  return type == U_LOWERCASE_LETTER || type == U_OTHER_LETTER || type == U_MODIFIER_LETTER ||
         type == U_DECIMAL_DIGIT_NUMBER;
}

/* Four numbers, the first of which is at the head of "15.0". */
static inline void cicu_unicode_version(const struct cicu *icu, uint8_t version[4]) {
  icu->unicode_version(version);
}
