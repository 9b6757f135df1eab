/* passes.c - the switches of the compiler: "", "none", "-place,-strips", "none,place". Rows of the table of fusions are among them. */
#include "plan/planned.h"

#include <string.h>
#include <tapegrad/plan.h>

#define TG_PASS_NAME(name) #name,
static const char *const names[] = { TG_PASSES(TG_PASS_NAME) };

/* With those of fusions that are registered later. */
static const uint64_t all_passes = ~(uint64_t)0;

static const char *name_at(size_t p) { return p < TG_PASS_COUNT ? names[p] : tg_pattern_at(p - TG_PASS_COUNT)->name; }

static size_t name_count(void) { return TG_PASS_COUNT + tg_pattern_count(); }

uint64_t tg_pass_bits(const char *name, size_t length) {
    const size_t count = name_count();
    for (size_t p = 0; p < count; p++)
        if (strlen(name_at(p)) == length && strncmp(name_at(p), name, length) == 0) return (uint64_t)1 << p;
    return length == 4 && strncmp(name, "none", 4) == 0 ? ~(uint64_t)0 : 0;
}

static void list_names(char *text, size_t bytes) {
    const size_t count = name_count();
    size_t       used  = 0;
    for (size_t p = 0; p < count && used < bytes; p++) used += (size_t)snprintf(text + used, bytes - used, ", %s", name_at(p));
}

tg_status tg_parse_passes(const char *text, uint64_t *passes, char *sentence, size_t bytes) {
    uint64_t bits = all_passes;
    while (*text != '\0') {
        const bool   off    = *text == '-';
        const char  *name   = text + off;
        const size_t length = strcspn(name, ",");
        const uint64_t named = tg_pass_bits(name, length);
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
