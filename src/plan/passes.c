/* passes.c - the switches of the compiler: "", "none", "-place,-strips", "none,place". */
#include "plan/compile.h"

#include <string.h>
#include <tapegrad/plan.h>

#define TG_PASS_NAME(name) #name,
static const char *const names[] = { TG_PASSES(TG_PASS_NAME) };

static const uint64_t all_passes = ((uint64_t)1 << TG_PASS_COUNT) - 1;

/* The bits of the name that ends at the comma; 0: there is none. */
static uint64_t bits_of(const char *name, size_t length) {
    for (int p = 0; p < TG_PASS_COUNT; p++)
        if (strlen(names[p]) == length && strncmp(names[p], name, length) == 0) return (uint64_t)1 << p;
    return length == 4 && strncmp(name, "none", 4) == 0 ? ~(uint64_t)0 : 0;
}

static void list_names(char *text, size_t bytes) {
    size_t used = 0;
    for (int p = 0; p < TG_PASS_COUNT && used < bytes; p++) used += (size_t)snprintf(text + used, bytes - used, ", %s", names[p]);
}

tg_status tg_parse_passes(const char *text, uint64_t *passes, char *sentence, size_t bytes) {
    uint64_t bits = all_passes;
    while (*text != '\0') {
        const bool   off    = *text == '-';
        const char  *name   = text + off;
        const size_t length = strcspn(name, ",");
        const uint64_t named = bits_of(name, length);
        if (named == 0) {
            char known[400] = "";
            list_names(known, sizeof known);
            snprintf(sentence, bytes, "there is no pass \"%.*s\"; there are none%s", (int)(length < 60 ? length : 60), name, known);
            return TG_UNKNOWN_NAME;
        }
        if (off) bits &= ~named;
        else if (named == ~(uint64_t)0) bits = 0;
        else bits |= named;
        text = name + length + (name[length] == ',');
    }
    *passes = bits;
    return TG_OK;
}
