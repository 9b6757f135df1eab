/* names.c - scopes, and names of nodes. Texts are interned: one entry lives through all steps, and carries the node that has the name in this one. */
#include "core/hash.h"
#include "core/tape.h"

#include <string.h>

struct tg_name_entry {
    char          *text;
    uint32_t       index;
    uint32_t       id, step;      /* the node of that name, in the step with this handle number */
    UT_hash_handle hh;
};

enum { MOST_NAMES = 1 << 16 };      /* a program that makes up new names for ever must not fill the memory */

const char *tg_name_text(const tg_tape *tape, uint32_t index) { return index == 0 ? "" : tape->names[index]->text; }

static tg_name_entry *find_entry(const tg_tape *tape, const char *text) {
    tg_name_entry *entry = NULL;
    HASH_FIND_STR(tape->name_table, text, entry);
    return entry;
}

static void release_entry(tg_name_entry *entry) {
    if (entry == NULL) return;
    tg_text_release(entry->text);
    tg_release(entry, sizeof *entry);
}

static tg_name_entry *new_entry(tg_tape *tape, const char *text) {
    bool           out_of_memory = false;
    size_t         count         = tape->name_count == 0 ? 1 : tape->name_count;
    tg_name_entry *entry         = tg_allocate(sizeof *entry);
    if (entry != NULL) entry->text = tg_text_copy(text);
    if (entry == NULL || entry->text == NULL || !tg_grow((void **)&tape->names, &tape->name_capacity, count + 1, sizeof *tape->names)) {
        release_entry(entry);
        return NULL;
    }
    entry->index = (uint32_t)count;
    HASH_ADD_KEYPTR(hh, tape->name_table, entry->text, strlen(entry->text), entry);
    if (out_of_memory) {
        release_entry(entry);
        return NULL;
    }
    tape->names[count] = entry;
    tape->name_count   = count + 1;
    return entry;
}

uint32_t tg_intern(tg_tape *tape, const char *text) {
    if (text[0] == '\0') return 0;
    tg_name_entry *entry = find_entry(tape, text);
    if (entry == NULL) entry = new_entry(tape, text);
    if (entry == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "no memory for the name \"%.100s\"", text), 0;
    return entry->index;
}

void tg_names_release(tg_tape *tape) {
    HASH_CLEAR(hh, tape->name_table);
    for (size_t i = 1; i < tape->name_count; i++) release_entry(tape->names[i]);
    tg_release(tape->names, tape->name_capacity * sizeof *tape->names);
    tg_release(tape->events, tape->event_capacity * sizeof *tape->events);
    tape->names      = NULL;
    tape->events     = NULL;
    tape->name_count = tape->name_capacity = tape->event_count = tape->known_events = tape->event_capacity = 0;
}

void tg_names_begin(tg_tape *tape) {
    if (tape->known_events < tape->event_count) tape->known_events = tape->event_count;
    tape->event_count = 0;
    if (tape->name_count > MOST_NAMES) {
        tg_names_release(tape);
        tape->known = tape->known_sections = 0;      /* their scopes are numbers of names */
    }
    tape->scope_count = 0;
    tape->scope       = 0;
}

/* ---- the last step: while this one gives the same scopes and names, they are not looked up ---- */

/* The text that the same call got in the last step; 0: it was another call, or there was none. */
static uint32_t expected(tg_tape *tape, tg_event_kind kind, const char *given) {
    if (tape->event_count >= tape->known_events) return 0;
    const tg_name_event *event = &tape->events[tape->event_count];
    if (event->kind != kind || event->scope != tape->scope) return 0;
    if (strncmp(tape->names[event->index]->text + event->offset, given, event->length) != 0 || given[event->length] != '\0') return 0;
    tape->event_count++;
    return event->index;
}

/* From here on the step gives other names than the last one. Without memory for it, the next step looks names up. */
static void note_event(tg_tape *tape, tg_event_kind kind, uint32_t index, size_t offset, size_t length) {
    tape->known_events = tape->event_count;
    if (index == 0 || !tg_grow((void **)&tape->events, &tape->event_capacity, tape->event_count + 1, sizeof *tape->events)) return;
    tape->events[tape->event_count++] = (tg_name_event){ kind, tape->scope, index, (uint32_t)offset, (uint32_t)length };
}

static void note_in_scope(tg_tape *tape, tg_event_kind kind, uint32_t index, const char *given) {
    const size_t scope = strlen(tg_name_text(tape, tape->scope));
    note_event(tape, kind, index, scope > 0 ? scope + 1 : 0, strlen(given));
}

/* "scope/name", interned. */
static uint32_t intern_in_scope(tg_tape *tape, const char *name, unsigned repeat) {
    const char *scope = tg_name_text(tape, tape->scope), *slash = scope[0] != '\0' ? "/" : "";
    char       *full  = repeat > 1 ? tg_text_format("%s%s%s#%u", scope, slash, name, repeat) : tg_text_format("%s%s%s", scope, slash, name);
    if (full == NULL) return tg_fail(tape, TG_OUT_OF_MEMORY, "no memory for the name \"%.100s\"", name), 0;
    const uint32_t index = tg_intern(tape, full);
    tg_text_release(full);
    return index;
}

void tg_push_scope(tg_tape *tape, const char *name) {
    if (tape == NULL) {
        tg_fail_thread(TG_NULL_ARGUMENT, "tg_push_scope: tape is NULL");
        return;
    }
    if (name == NULL) {
        tg_fail(tape, TG_NULL_ARGUMENT, "tg_push_scope: name is NULL");
        return;
    }
    if (!tg_grow((void **)&tape->scopes, &tape->scope_capacity, tape->scope_count + 1, sizeof *tape->scopes)) {
        tg_fail(tape, TG_OUT_OF_MEMORY, "tg_push_scope: no memory for \"%.100s\"", name);
        return;
    }
    uint32_t inner = name[0] == '\0' ? tape->scope : expected(tape, TG_EVENT_SCOPE, name);
    if (inner == 0 && name[0] != '\0') {
        inner = intern_in_scope(tape, name, 1);
        note_in_scope(tape, TG_EVENT_SCOPE, inner, name);
    }
    tape->scopes[tape->scope_count++] = tape->scope;
    if (inner != 0) tape->scope = inner;
}

void tg_pop_scope(tg_tape *tape) {
    if (tape == NULL) tg_fail_thread(TG_NULL_ARGUMENT, "tg_pop_scope: tape is NULL");
    else if (tape->scope_count == 0) tg_fail(tape, TG_BAD_ARGUMENT, "tg_pop_scope: no scope is open");
    else tape->scope = tape->scopes[--tape->scope_count];
}

static bool is_taken(const tg_tape *tape, uint32_t index) {
    const tg_name_entry *entry = tape->names[index];
    return entry->id != 0 && entry->step == tape->handle_step && entry->id < tape->length && tape->nodes[entry->id].name == index;
}

const char *tg_name_of(const tg_tape *tape, uint32_t id) {
    const uint32_t index = tape->nodes[id].name;
    return index < tape->name_count && index != 0 && tape->names[index]->id == id && is_taken(tape, index) ? tape->names[index]->text : "";
}

static void give_name(tg_tape *tape, uint32_t index, uint32_t id) {
    tape->names[index]->id       = id;
    tape->names[index]->step     = tape->handle_step;
    tg_record_of(tape, id)->name = index;
}

void tg_name_use(tg_tape *tape, uint32_t id, const char *full_name) {
    uint32_t index = expected(tape, TG_EVENT_VARIABLE, full_name);
    if (index == 0) {
        index = tg_intern(tape, full_name);
        note_event(tape, TG_EVENT_VARIABLE, index, 0, strlen(full_name));
    }
    if (index != 0) give_name(tape, index, id);
}

tg_tensor tg_name(tg_tensor tensor, const char *name) {
    if (tg_check_tensor(tensor, "tg_name") != TG_OK) return tensor.tape != NULL ? tg_handle(tensor.tape, 0) : tensor;
    tg_tape *tape = tensor.tape;
    if (name == NULL) return tg_fail(tape, TG_NULL_ARGUMENT, "tg_name: name is NULL"), tensor;
    if (name[0] == '\0') return tg_fail(tape, TG_BAD_ARGUMENT, "tg_name: the name is empty"), tensor;
    uint32_t index = expected(tape, TG_EVENT_NAME, name);
    for (unsigned repeat = 1; index == 0; repeat++) {
        const uint32_t tried = intern_in_scope(tape, name, repeat);
        if (tried == 0) return tg_handle(tape, 0);
        if (is_taken(tape, tried)) continue;
        index = tried;
        note_in_scope(tape, TG_EVENT_NAME, index, name);
    }
    give_name(tape, index, tensor.id);
    return tensor;
}

tg_tensor tg_find(tg_tape *tape, const char *full_name) {
    if (tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_find: tape is NULL"), TG_NONE;
    if (full_name == NULL) return tg_fail(tape, TG_NULL_ARGUMENT, "tg_find: name is NULL"), tg_handle(tape, 0);
    const tg_name_entry *entry = find_entry(tape, full_name);
    if (entry == NULL || !is_taken(tape, entry->index))
        return tg_fail(tape, TG_UNKNOWN_NAME, "tg_find: no node of this step is called \"%.200s\"", full_name), tg_handle(tape, 0);
    return tg_handle(tape, entry->id);
}
