/* explain.c - which printer prints what, to a stream or to a file. */
#include "core/util.h"
#include "explain/printers.h"

typedef tg_status (*printer)(tg_tensor loss, FILE *out, const tg_explain_options *options);

static printer printer_of(tg_format format) {
    switch (format) {
        case TG_LIST:    return tg_print_list;
        case TG_TEXT:    return tg_print_text;
        case TG_DOT:     return tg_print_dot;
        case TG_HTML:    return tg_print_html;
        case TG_LATEX:   return tg_print_latex;
        case TG_MERMAID: return tg_print_mermaid;
        case TG_JSON:    return tg_print_json;
    }
    return NULL;
}

/* Arguments that have been checked. */
static tg_status print(tg_tensor loss, tg_format format, FILE *out, const tg_explain_options *options) {
    static const tg_explain_options defaults = { 0 };
    const tg_status status = printer_of(format)(loss, out, options != NULL ? options : &defaults);
    if (status != TG_OK || (fflush(out) == 0 && !ferror(out))) return status;
    return tg_fail_thread(TG_CANNOT_WRITE, "tg_explain: the stream does not take it");
}

static tg_status check(tg_tensor loss, tg_format format) {
    const tg_shape shape = tg_shape_of(loss);
    if (loss.tape == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_explain: loss is not given");
    if (printer_of(format) == NULL) return tg_fail_thread(TG_BAD_ARGUMENT, "tg_explain: there is no format %d", (int)format);
    if (tg_tape_status(loss.tape) != TG_OK) return tg_tape_status(loss.tape);
    if (loss.id == 0 || (shape.rows == 0 && shape.cols == 0)) return tg_fail_thread(TG_OLD_STEP, "tg_explain: loss is no node of this step");
    return TG_OK;
}

tg_status tg_explain(tg_tensor loss, tg_format format, FILE *out, const tg_explain_options *options) {
    if (out == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_explain: out is NULL");
    const tg_status status = check(loss, format);
    return status == TG_OK ? print(loss, format, out, options) : status;
}

/* ---- files ---- */

typedef struct job {
    tg_tensor                 loss;
    tg_format                 format;
    const tg_explain_options *options;
} job;

static tg_status write(FILE *file, void *context) {
    const job *j = context;
    return print(j->loss, j->format, file, j->options);
}

tg_status tg_explain_file(tg_tensor loss, tg_format format, const char *path, const tg_explain_options *options) {
    if (path == NULL) return tg_fail_thread(TG_NULL_ARGUMENT, "tg_explain_file: path is NULL");
    const tg_status status = check(loss, format);
    return status == TG_OK ? tg_write_file(path, write, &(job){ loss, format, options }) : status;
}
