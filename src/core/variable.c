/* variable.c - params, blocks and variables outside a step: making, filling, reading, freezing. */
#include "core/block.h"
#include "core/tape.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- params ---- */

tg_params *tg_params_new(uint64_t seed, const tg_params_options *options) {
    tg_type type = options != NULL && options->type != TG_DEFAULT_TYPE ? options->type : TG_F32;
    if (type != TG_F32 && type != TG_F64) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_params_new: type is %d", (int)type), NULL;
    tg_params *params = tg_allocate(sizeof *params);
    if (params == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_params_new: no memory"), NULL;
    params->seed = seed;
    params->type = type;
    return params;
}

static void release_block(tg_block *block) {
    if (block == NULL) return;
    for (size_t i = 0; i < block->frozen_set_count; i++) tg_text_release(block->frozen_sets[i]);
    tg_release(block->frozen_sets, block->frozen_set_capacity * sizeof *block->frozen_sets);
    tg_text_release(block->name);
    tg_release(block->data, block->bytes);
    tg_release(block, sizeof *block);
}

static void release_variable(tg_variable *variable) {
    if (variable == NULL) return;
    tg_text_release(variable->name);
    tg_text_release(variable->scope);
    tg_release(variable, sizeof *variable);
}

void tg_params_free(tg_params *params) {
    if (params == NULL) return;
    for (size_t i = 0; i < params->variable_count; i++) release_variable(params->variables[i]);
    for (size_t i = 0; i < params->block_count; i++) release_block(params->blocks[i]);
    tg_release(params->variables, params->variable_capacity * sizeof *params->variables);
    tg_release(params->blocks, params->block_capacity * sizeof *params->blocks);
    tg_release(params, sizeof *params);
}

tg_type tg_params_type(const tg_params *params) { return params != NULL ? params->type : TG_DEFAULT_TYPE; }

static tg_block *find_block(const tg_params *params, const char *name) {
    for (size_t i = 0; i < params->block_count; i++)
        if (strcmp(params->blocks[i]->name, name) == 0) return params->blocks[i];
    return NULL;
}

static atomic_uint_fast64_t last_serial;

static tg_block *add_block(tg_params *params, const char *name, bool state) {
    tg_block *block = tg_allocate(sizeof *block);
    if (block != NULL) block->name = tg_text_copy(name);
    if (block == NULL || block->name == NULL ||
        !tg_grow((void **)&params->blocks, &params->block_capacity, params->block_count + 1, sizeof *params->blocks)) {
        release_block(block);
        return NULL;
    }
    block->params = params;
    block->serial = atomic_fetch_add(&last_serial, 1) + 1;
    block->state  = state;
    params->blocks[params->block_count++] = block;
    return block;
}

/* ---- initial values ---- */

/* FNV-1a: a variable's values depend on its name, not on the order in which variables are made. */
static uint64_t hash_name(const char *name) {
    uint64_t hash = 14695981039346656037u;
    for (; *name != '\0'; name++) hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    return hash;
}

/* Uniform in (0, 1): two for each element, from 53 bits each. */
static void draw_uniform(uint64_t seed, uint64_t name, int64_t element, double u[2]) {
    const uint32_t key[2]     = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    const uint32_t counter[4] = { (uint32_t)element, (uint32_t)((uint64_t)element >> 32), (uint32_t)name, (uint32_t)(name >> 32) };
    uint32_t       bits[4];
    tg_philox(counter, key, bits);
    for (int i = 0; i < 2; i++) u[i] = ((double)(((uint64_t)bits[2 * i] << 21) | (bits[2 * i + 1] >> 11)) + 0.5) * 0x1p-53;
}

/* N(0, 1): Box and Muller 1958. */
static double normal(const double u[2]) { return sqrt(-2 * log(u[0])) * cos(6.283185307179586 * u[1]); }

static double initial_value(tg_init init, double s, double fan_in, double fan_out, const double u[2]) {
    switch (init) {
        case TG_CONSTANT:       return s;
        case TG_UNIFORM:        return s * (2 * u[0] - 1);
        case TG_NORMAL:         return s * normal(u);
        case TG_GLOROT:         return s * sqrt(6 / (fan_in + fan_out)) * (2 * u[0] - 1);
        case TG_GLOROT_NORMAL:  return s * sqrt(2 / (fan_in + fan_out)) * normal(u);
        case TG_HE:             return s * sqrt(2 / fan_in) * normal(u);
        case TG_HE_UNIFORM:     return s * sqrt(6 / fan_in) * (2 * u[0] - 1);
        case TG_FAN_IN_UNIFORM: return s / sqrt(fan_in) * (2 * u[0] - 1);
        case TG_DEFAULT_INIT:
        case TG_ZEROS:          break;
    }
    return 0;
}

static void set_element(const tg_block *block, int64_t at, double value) {
    if (block->params->type == TG_F64) ((double *)block->data)[at] = value;
    else ((float *)block->data)[at] = (float)value;
}

static void fill(const tg_variable *v, tg_init init, double scale) {
    uint64_t name = hash_name(v->name);
    for (int64_t i = 0; i < v->rows * v->cols; i++) {
        double u[2];
        draw_uniform(v->params->seed, name, i, u);
        set_element(v->block, v->offset + i, initial_value(init, scale, (double)v->rows, (double)v->cols, u));
    }
}

/* ---- variables ---- */

static tg_status check_new(const tg_params *params, const char *name, int64_t rows, int64_t cols, const tg_variable_options *o) {
    if (params == NULL || name == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_variable_new: params or name is NULL");
    if (name[0] == '\0') return tg_fail_thread(TG_BAD_ARGUMENT, "tg_variable_new: the name is empty");
    if (rows <= 0 || cols <= 0)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_variable_new: \"%.100s\" is [%" PRId64 ",%" PRId64 "]; sizes must be positive", name, rows, cols);
    if (rows > INT64_MAX / 64 / cols) return tg_fail_thread(TG_TOO_LARGE, "tg_variable_new: \"%.100s\" is too large", name);
    if (tg_variable_find(params, name) != NULL) return tg_fail_thread(TG_NAME_TAKEN, "tg_variable_new: there is a \"%.100s\" already", name);
    if ((unsigned)o->init > TG_FAN_IN_UNIFORM || (unsigned)o->file > TG_FILE_VECTOR)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_variable_new: \"%.100s\" has an unknown init or file layout", name);
    if (!isfinite(o->scale)) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_variable_new: the scale of \"%.100s\" is not finite", name);
    return TG_OK;
}

static tg_status check_group(const tg_block *block, const char *name, bool state) {
    if (block == NULL) return TG_OK;
    if (block->closed)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_variable_new: group \"%.100s\" is in use and takes no further variable \"%.100s\"", block->name,
                              name);
    if (block->state != state)
        return tg_fail_thread(TG_BAD_ARGUMENT, "tg_variable_new: \"%.100s\" is %s, and group \"%.100s\" holds the other kind", name,
                              state ? "state" : "trainable", block->name);
    return TG_OK;
}

/* Room for n more elements behind the present ones, on 64 bytes. */
static bool extend(tg_block *block, int64_t n, int64_t *offset) {
    const int64_t element = (int64_t)tg_type_bytes(block->params->type), step = (int64_t)TG_ALIGNMENT / element;
    int64_t       begin   = (block->count + step - 1) / step * step;
    size_t        bytes   = (size_t)((begin + n) * element);
    void         *data    = tg_reallocate(block->data, block->bytes, bytes);
    if (data == NULL) return false;
    block->data  = data;
    block->bytes = bytes;
    block->count = begin + n;
    *offset      = begin;
    return true;
}

static tg_variable *new_variable(tg_params *params, const char *name, int64_t rows, int64_t cols, const char *group, bool state) {
    tg_variable *v = tg_allocate(sizeof *v);
    const char  *last = strrchr(name, '/');
    if (v != NULL) v->name = tg_text_copy(name);
    if (v != NULL) v->scope = tg_text_format("%.*s", last != NULL ? (int)(last - name) : 0, name);
    if (v == NULL || v->name == NULL || v->scope == NULL ||
        !tg_grow((void **)&params->variables, &params->variable_capacity, params->variable_count + 1, sizeof *params->variables))
        return release_variable(v), NULL;
    tg_block *block = find_block(params, group);
    bool      fresh = block == NULL;
    if (fresh) block = add_block(params, group, state);
    if (block == NULL || !extend(block, rows * cols, &v->offset)) {
        if (fresh && block != NULL) release_block(params->blocks[--params->block_count]);
        return release_variable(v), NULL;
    }
    v->params = params;
    v->block  = block;
    v->rows   = rows;
    v->cols   = cols;
    return v;
}

tg_variable *tg_variable_new(tg_params *params, const char *name, int64_t rows, int64_t cols, const tg_variable_options *options) {
    static const tg_variable_options defaults = { 0 };
    const tg_variable_options       *o        = options != NULL ? options : &defaults;
    if (check_new(params, name, rows, cols, o) != TG_OK) return NULL;
    const char *group = o->group != NULL ? o->group : o->state ? name : "default";
    if (check_group(find_block(params, group), name, o->state) != TG_OK) return NULL;
    tg_variable *v = new_variable(params, name, rows, cols, group, o->state);
    if (v == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_variable_new: no memory for \"%.100s\"", name), NULL;
    v->file = o->file;
    fill(v, o->init, o->scale == 0 ? 1 : o->scale);
    params->variables[params->variable_count++] = v;
    return v;
}

/* The block ends behind its last variable again, with zeros from there on; a block without variables goes. */
static void shorten(tg_params *params, tg_block *block) {
    const size_t element = tg_type_bytes(params->type);
    int64_t      end     = 0;
    for (size_t i = 0; i < params->variable_count; i++)
        if (params->variables[i]->block == block) end = params->variables[i]->offset + params->variables[i]->rows * params->variables[i]->cols;
    memset((char *)block->data + (size_t)end * element, 0, (size_t)(block->count - end) * element);
    block->count = end;
    if (end == 0) release_block(params->blocks[--params->block_count]);      /* the last one: later blocks are of later variables, which are gone */
}

void tg_params_take_back(tg_params *params, int count) {
    while (params->variable_count > (size_t)count) {
        tg_variable *v = params->variables[--params->variable_count];
        shorten(params, v->block);
        release_variable(v);
    }
}

bool tg_slice_at(const tg_tape *tape, uint32_t id, int index, tg_slice *slice) {
    const tg_leaf *leaf = tg_leaf_of(tape, id);
    if (leaf == NULL || leaf->kind != TG_LEAF_BLOCK) return false;
    const tg_params *params = leaf->block->params;
    for (size_t i = 0; i < params->variable_count; i++) {
        const tg_variable *v = params->variables[i];
        if (v->block != leaf->block || index-- > 0) continue;
        *slice = (tg_slice){ v->name, v->offset, v->rows, v->cols, v->frozen };
        return true;
    }
    return false;
}

int          tg_variable_count(const tg_params *params) { return params != NULL ? (int)params->variable_count : 0; }
tg_variable *tg_variable_at(const tg_params *params, int index) {
    return params != NULL && index >= 0 && (size_t)index < params->variable_count ? params->variables[index] : NULL;
}

tg_variable *tg_variable_find(const tg_params *params, const char *name) {
    if (params == NULL || name == NULL) return NULL;
    for (size_t i = 0; i < params->variable_count; i++)
        if (strcmp(params->variables[i]->name, name) == 0) return params->variables[i];
    return NULL;
}

/* In params that hold state alone, as those of tg_params_like, the groups are its own. */
static bool holds_only_state(const tg_params *params) {
    for (size_t i = 0; i < params->block_count; i++)
        if (!params->blocks[i]->state) return false;
    return true;
}

const char *tg_group_at(const tg_params *params, int index) {
    if (params == NULL || index < 0) return NULL;
    bool all = holds_only_state(params);
    for (size_t i = 0; i < params->block_count; i++)
        if ((all || !params->blocks[i]->state) && index-- == 0) return params->blocks[i]->name;
    return NULL;
}

int tg_group_count(const tg_params *params) {
    int count = 0;
    while (tg_group_at(params, count) != NULL) count++;
    return count;
}

const char    *tg_variable_name(const tg_variable *v) { return v != NULL ? v->name : NULL; }
const char    *tg_variable_scope(const tg_variable *v) { return v != NULL ? v->scope : NULL; }
const char    *tg_variable_group(const tg_variable *v) { return v != NULL ? v->block->name : NULL; }
tg_shape       tg_variable_shape(const tg_variable *v) { return v != NULL ? (tg_shape){ v->rows, v->cols, false } : (tg_shape){ 0, 0, false }; }
bool           tg_variable_is_state(const tg_variable *v) { return v != NULL && v->block->state; }
tg_type        tg_variable_type(const tg_variable *v) { return v != NULL ? v->params->type : TG_DEFAULT_TYPE; }
tg_file_layout tg_variable_file_layout(const tg_variable *v) { return v != NULL ? v->file : TG_FILE_TRANSPOSED; }
bool           tg_is_frozen(const tg_variable *v) { return v != NULL && v->frozen; }

/* The number of the set of frozen variables of a block, the same whenever they are the same; -1: out of memory. */
static int64_t frozen_set(tg_block *block) {
    const tg_params *params = block->params;
    char            *set    = tg_text_format("%*s", (int)params->variable_count, "");
    size_t           length = 0, index = 0;
    if (set == NULL) return -1;
    for (size_t i = 0; i < params->variable_count; i++) {
        const bool frozen = params->variables[i]->block == block && params->variables[i]->frozen;
        set[i] = frozen ? '1' : '0';
        if (frozen) length = i + 1;
    }
    char *text = tg_text_format("%.*s", (int)length, set);
    tg_text_release(set);
    while (text != NULL && index < block->frozen_set_count && strcmp(block->frozen_sets[index], text) != 0) index++;
    if (text == NULL || !tg_grow((void **)&block->frozen_sets, &block->frozen_set_capacity, index + 1, sizeof *block->frozen_sets))
        return tg_text_release(text), -1;
    const bool is_known = length == 0 || index < block->frozen_set_count;
    if (is_known) tg_text_release(text);
    else block->frozen_sets[block->frozen_set_count++] = text;
    return length == 0 ? 0 : (int64_t)index + 1;
}

tg_status tg_freeze(tg_variable *variable, bool frozen) {
    if (variable == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_freeze: variable is NULL");
    if (variable->frozen == frozen) return TG_OK;
    variable->frozen  = frozen;
    const int64_t set = frozen_set(variable->block);
    if (set < 0) {
        variable->frozen = !frozen;
        return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_freeze: no memory to freeze \"%.100s\"", variable->name);
    }
    variable->block->frozen = (uint32_t)set;
    variable->block->version++;
    return TG_OK;
}

int tg_live_ranges(const tg_block *block, tg_range ranges[]) {
    int count = 0;
    int64_t end = -1;
    for (size_t i = 0; i < block->params->variable_count; i++) {      /* ascending: a variable lies behind those made before it */
        const tg_variable *v = block->params->variables[i];
        if (v->block != block || v->frozen) continue;
        bool adjoins = v->offset == end;
        end          = v->offset + v->rows * v->cols;
        if (!adjoins) count++;
        if (ranges != NULL) ranges[count - 1] = (tg_range){ adjoins ? ranges[count - 1].begin : v->offset, end };
    }
    return count;
}

/* ---- values ---- */

/* Between equal types the bits are copied, those of NaNs included. */
static void copy_values(void *to, tg_type to_type, const void *from, tg_type from_type, int64_t count) {
    if (to_type == from_type) memcpy(to, from, (size_t)count * tg_type_bytes(to_type));
    else if (to_type == TG_F64) for (int64_t i = 0; i < count; i++) ((double *)to)[i] = (double)((const float *)from)[i];
    else for (int64_t i = 0; i < count; i++) ((float *)to)[i] = (float)((const double *)from)[i];
}

static void *values_of(const tg_variable *v) { return (char *)v->block->data + (size_t)v->offset * tg_type_bytes(v->params->type); }

static tg_status read_values(const tg_variable *v, void *out, tg_type type, const char *caller) {
    if (v == NULL || out == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: variable or out is NULL", caller);
    copy_values(out, type, values_of(v), v->params->type, v->rows * v->cols);
    return TG_OK;
}

static tg_status write_values(const tg_variable *v, const void *values, tg_type type, const char *caller) {
    if (v == NULL || values == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "%s: variable or values is NULL", caller);
    copy_values(values_of(v), v->params->type, values, type, v->rows * v->cols);
    v->block->version++;
    return TG_OK;
}

tg_status tg_variable_read(const tg_variable *v, float *out) { return read_values(v, out, TG_F32, "tg_variable_read"); }
tg_status tg_variable_read_f64(const tg_variable *v, double *out) { return read_values(v, out, TG_F64, "tg_variable_read_f64"); }
tg_status tg_variable_write(tg_variable *v, const float *values) { return write_values(v, values, TG_F32, "tg_variable_write"); }
tg_status tg_variable_write_f64(tg_variable *v, const double *values) { return write_values(v, values, TG_F64, "tg_variable_write_f64"); }

/* ---- params of equal layout ---- */

static bool add_like(tg_params *like, const tg_variable *v, const char *prefix) {
    size_t length = strlen(prefix) + strlen(v->name) + 2;
    char  *name   = tg_allocate(length);
    if (name == NULL) return false;
    snprintf(name, length, "%s/%s", prefix, v->name);
    tg_variable *made =
        tg_variable_new(like, name, v->rows, v->cols, &(tg_variable_options){ .group = v->block->name, .state = true, .file = v->file });
    tg_release(name, length);
    return made != NULL;
}

tg_params *tg_params_like(const tg_params *params, const char *name) {
    if (params == NULL || name == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_params_like: params or name is NULL"), NULL;
    bool       all  = holds_only_state(params);
    tg_params *like = tg_params_new(params->seed, &(tg_params_options){ .type = params->type });
    for (size_t i = 0; like != NULL && i < params->variable_count; i++) {
        if (params->variables[i]->block->state && !all) continue;
        if (!add_like(like, params->variables[i], name)) {
            tg_params_free(like);
            return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_params_like: no memory for \"%.100s\"", name), NULL;
        }
    }
    return like;
}

/* The next variable, from index on, that takes part in copying. */
static const tg_variable *next_mirrored(const tg_params *params, size_t *index) {
    bool all = holds_only_state(params);
    while (*index < params->variable_count) {
        const tg_variable *v = params->variables[(*index)++];
        if (all || !v->block->state) return v;
    }
    return NULL;
}

static bool same_layout(const tg_params *a, const tg_params *b) {
    size_t i = 0, j = 0;
    for (;;) {
        const tg_variable *v = next_mirrored(a, &i), *w = next_mirrored(b, &j);
        if (v == NULL || w == NULL) return v == w;
        if (v->rows != w->rows || v->cols != w->cols || v->offset != w->offset || strcmp(v->block->name, w->block->name) != 0) return false;
    }
}

tg_status tg_params_copy(tg_params *to, const tg_params *from) {
    if (to == NULL || from == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_params_copy: params is NULL");
    if (to->type != from->type || !same_layout(to, from)) return tg_fail_thread(TG_SHAPE_MISMATCH, "tg_params_copy: the layouts differ");
    size_t i = 0, j = 0;
    for (;;) {
        const tg_variable *v = next_mirrored(to, &i), *w = next_mirrored(from, &j);
        if (v == NULL) return TG_OK;
        const size_t element = tg_type_bytes(to->type);
        memcpy((char *)v->block->data + (size_t)v->offset * element, (const char *)w->block->data + (size_t)w->offset * element,
               (size_t)(v->rows * v->cols) * element);
        v->block->version++;
    }
}
