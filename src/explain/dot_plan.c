/* dot_plan.c - the view of the plan: what each pass changed, as a table; then the graph that is left, with what runs together as clusters and
 * the memory of each value. All of it is read from what tg_print_plan says. */
#include "core/util.h"
#include "explain/dot.h"
#include "explain/printers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DRAWN = 200, MOST_SECTIONS = 24, SHOWN_CHANGES = 5, SHOWN_GROUPS = 8, LINE = 160 };

typedef struct line { const char *text; size_t length; } line;

/* "simplify: 41 nodes", and the lines below it. */
typedef struct section {
    line title;
    int  first, count;      /* of lines */
    bool is_graph, is_code;
} section;

typedef struct listing {
    char   *text;           /* of the stream */
    size_t  length;
    line   *lines;          /* [line_count] */
    int     line_count, section_count;
    section sections[MOST_SECTIONS];
} listing;

static bool begins(line l, const char *with) { return l.length >= strlen(with) && strncmp(l.text, with, strlen(with)) == 0; }

static bool contains(line l, const char *what) {
    for (size_t i = 0; i + strlen(what) <= l.length; i++)
        if (strncmp(l.text + i, what, strlen(what)) == 0) return true;
    return false;
}

/* ---- reading ---- */

static void split(listing *l) {
    size_t at = 0;
    for (int count = 0; count < l->line_count; count++) {
        const char *end = memchr(l->text + at, '\n', l->length - at);
        l->lines[count] = (line){ l->text + at, end != NULL ? (size_t)(end - l->text) - at : l->length - at };
        at += l->lines[count].length + 1;
        const line read = l->lines[count];
        if (!begins(read, " ") && l->section_count < MOST_SECTIONS && memchr(read.text, ':', read.length) != NULL)
            l->sections[l->section_count++] =
                (section){ .title = read, .first = count + 1, .is_graph = contains(read, " nodes"), .is_code = begins(read, "instructions") };
        else if (l->section_count > 0) l->sections[l->section_count - 1].count++;
    }
}

static tg_status read_listing(listing *l, tg_tensor loss) {
    FILE *stream = open_memstream(&l->text, &l->length);
    if (stream == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for the plan");
    tg_status status = tg_print_compilation(loss, stream);
    if (fclose(stream) != 0 && status == TG_OK) status = tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for the plan");
    if (status != TG_OK) return status;
    for (size_t i = 0; i < l->length; i++) l->line_count += l->text[i] == '\n';
    l->lines = tg_allocate((size_t)l->line_count * sizeof *l->lines);
    if (l->lines == NULL) return tg_fail_thread(TG_OUT_OF_MEMORY, "tg_explain: no memory for the plan");
    split(l);
    return TG_OK;
}

static void release(listing *l) {
    tg_release(l->lines, (size_t)l->line_count * sizeof *l->lines);
    free(l->text);
}

/* ---- what a pass changed ---- */

static void put_part(tg_drawing *d, line l, size_t most) {
    char part[LINE];
    snprintf(part, sizeof part, "%.*s", (int)(l.length < LINE - 1 ? l.length : LINE - 1), l.text);
    tg_dot_escape(d, part, most);
}

/* The name of the op and the node of the tape that it comes from: nodes are counted anew by each pass. "scale(n12)  [1,1]  v14" gives "scale v14". */
static line key_of(line l, char out[LINE]) {
    size_t used = 0, at = 0;
    while (at + 2 < l.length && strncmp(l.text + at, " = ", 3) != 0) at++;
    at = at + 2 < l.length ? at + 3 : 0;
    while (at < l.length && l.text[at] != '(' && l.text[at] != ' ' && used + 1 < LINE) out[used++] = l.text[at++];
    for (; at + 3 < l.length; at++)
        if (strncmp(l.text + at, "]  v", 4) == 0 ||
            (l.text[at] == ' ' && l.text[at + 1] == ' ' && l.text[at + 2] == 'v' && isdigit((unsigned char)l.text[at + 3])))
            break;
    while (at < l.length && l.text[at] != 'v') at++;
    if (at < l.length && used + 1 < LINE) out[used++] = ' ';
    while (at < l.length && l.text[at] != ' ' && used + 1 < LINE) out[used++] = l.text[at++];
    out[used] = '\0';
    return (line){ out, used };
}

/* How often the key stands in a section, in lines before end. */
static int count_of(const listing *l, const section *s, line key, int end, bool is_graph) {
    int count = 0;
    for (int i = s->first; i < s->first + s->count && i < end; i++) {
        char       other[LINE];
        const line k = is_graph ? key_of(l->lines[i], other) : l->lines[i];
        count += k.length == key.length && strncmp(k.text, key.text, key.length) == 0;
    }
    return count;
}

/* Lines of `now` that `before` does not have. */
static void put_difference(tg_drawing *d, const listing *l, const section *now, const section *before, bool is_new, bool is_graph) {
    int count = 0;
    for (int i = now->first; i < now->first + now->count; i++) {
        char       text[LINE];
        const line key = is_graph ? key_of(l->lines[i], text) : l->lines[i];
        if (is_graph && !contains(l->lines[i], " = ")) continue;
        if (count_of(l, now, key, i, is_graph) < count_of(l, before, key, INT32_MAX, is_graph)) continue;
        if (count++ < (is_graph ? SHOWN_CHANGES : SHOWN_GROUPS)) {
            if (is_graph) tg_dot_put(d, count > 1 ? is_new ? ", +{sp}" : ", {minus}{sp}" : is_new ? "+{sp}" : "{minus}{sp}");
            put_part(d, is_graph ? key : (line){ key.text + 2, key.length > 2 ? key.length - 2 : 0 }, 100);
            if (!is_graph) tg_dot_put(d, "<BR ALIGN=\"LEFT\"/>");
        }
    }
    if (is_graph && count > SHOWN_CHANGES) tg_dot_put(d, ", {dots} %d more", count - SHOWN_CHANGES);
    if (!is_graph && count > SHOWN_GROUPS) tg_dot_put(d, "{dots} %d more<BR ALIGN=\"LEFT\"/>", count - SHOWN_GROUPS);
    if (count > 0 && is_graph) tg_dot_put(d, "<BR ALIGN=\"LEFT\"/>");
}

static void put_pass(tg_drawing *d, const listing *l, int k) {
    const section *now = &l->sections[k], *before = k > 0 ? &l->sections[k - 1] : NULL;
    const bool     same_kind = before != NULL && before->is_graph == now->is_graph && !now->is_code;
    const char    *colon     = memchr(now->title.text, ':', now->title.length);
    tg_dot_put(d, "      <TR><TD ALIGN=\"LEFT\" VALIGN=\"TOP\"><B>");
    put_part(d, (line){ now->title.text, (size_t)(colon - now->title.text) }, 0);
    tg_dot_put(d, "</B></TD><TD ALIGN=\"RIGHT\" VALIGN=\"TOP\"><FONT COLOR=\"%s\">", d->theme->muted);
    put_part(d, (line){ colon + 2, now->title.length - (size_t)(colon - now->title.text) - 2 }, 40);
    tg_dot_put(d, "</FONT></TD><TD ALIGN=\"LEFT\" BALIGN=\"LEFT\"><FONT COLOR=\"%s\" POINT-SIZE=\"11\">", d->theme->forward);
    const size_t mark = d->text.length;
    if (same_kind) {
        put_difference(d, l, now, before, true, now->is_graph);
        if (now->is_graph) put_difference(d, l, before, now, false, true);
    } else if (!now->is_graph && !now->is_code) put_difference(d, l, now, now->count > 0 ? &(section){ .first = 0 } : now, true, false);
    if (d->text.length == mark) tg_dot_put(d, same_kind ? "nothing" : k == 0 ? "what was recorded and is needed" : "&#160;");
    tg_dot_put(d, "</FONT></TD></TR>\n");
}

static void put_passes(tg_drawing *d, const listing *l) {
    tg_dot_put(d,
               "  passes [id=\"passes\", class=\"passes\", label=<<TABLE BORDER=\"0\" CELLBORDER=\"1\" SIDES=\"B\" CELLSPACING=\"0\" "
               "CELLPADDING=\"4\" COLOR=\"%s\">\n",
               d->theme->line);
    tg_dot_put(
        d, "      <TR><TD ALIGN=\"LEFT\"><B>pass</B></TD><TD ALIGN=\"LEFT\"><B>leaves</B></TD><TD ALIGN=\"LEFT\"><B>what it changed</B></TD></TR>\n");
    for (int k = 0; k < l->section_count; k++) put_pass(d, l, k);
    tg_dot_put(d, "      </TABLE>>];\n");
}

/* ---- the graph that is left ---- */

static int number_at(line l, size_t at) {
    int number = 0;
    for (; at < l.length && isdigit((unsigned char)l.text[at]) && number < 100000000; at++) number = number * 10 + (l.text[at] - '0');
    return number;
}

/* "n6 add register at 128": where node number stands in the line of a group; NULL: it does not. */
static const char *place_in(line group, int number, size_t *length) {
    char         name[24];
    const size_t size = (size_t)snprintf(name, sizeof name, " n%d ", number);
    for (size_t i = 0; i + size <= group.length; i++) {
        if (strncmp(group.text + i, name, size) != 0) continue;
        const char *at = group.text + i + size, *end = group.text + group.length, *comma = memchr(at, ',', (size_t)(end - at));
        if (i >= 3 && strncmp(group.text + i - 2, "in", 2) == 0) continue;      /* "in n24": what it lies in */
        *length = (size_t)((comma != NULL ? comma : end) - at);
        return at;
    }
    return NULL;
}

/* The last section of a kind; NULL: there is none. */
static const section *last_section(const listing *l, bool is_graph) {
    for (int k = l->section_count; k-- > 0;)
        if (l->sections[k].is_graph == is_graph && !l->sections[k].is_code) return &l->sections[k];
    return NULL;
}

static bool is_node(line l) { return begins(l, "  n") && l.length > 3 && isdigit((unsigned char)l.text[3]) && contains(l, " = "); }

/* Whether line i is the node of its number: a name that breaks lines may look like one more. */
static bool is_first(const listing *l, const section *graph, int i) {
    if (!is_node(l->lines[i])) return false;
    for (int k = graph->first; k < i; k++)
        if (is_node(l->lines[k]) && number_at(l->lines[k], 3) == number_at(l->lines[i], 3)) return false;
    return true;
}

/* Groups that compute; the others check, or write. */
static bool computes(line group) { return !begins(group, "  write") && !begins(group, "  finite") && !begins(group, "  labels"); }

/* The group in whose line the node stands; -1: it is a leaf. */
static int group_of(const listing *l, const section *groups, int number) {
    size_t length;
    for (int g = groups->first; g < groups->first + groups->count; g++)
        if (computes(l->lines[g]) && place_in(l->lines[g], number, &length) != NULL) return g;
    return -1;
}

static void put_node(tg_drawing *d, line l, const char *place, size_t place_length) {
    const int   number = number_at(l, 3);
    const bool  is_leaf = place == NULL;
    size_t      at = 0, end;
    while (strncmp(l.text + at, " = ", 3) != 0) at++;
    for (end = at; end + 1 < l.length && strncmp(l.text + end, "  ", 2) != 0; end++) { }
    if (end + 1 >= l.length) end = l.length;
    tg_dot_put(d,
               "    n%d [id=\"n%d\", class=\"%s\", label=<<TABLE BORDER=\"1\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"4\"%s COLOR=\"%s\" "
               "BGCOLOR=\"%s\">"
               "<TR><TD ALIGN=\"LEFT\"><B>n%d</B>{sp}={sp}",
               number, number, is_leaf ? "leaf" : "value", is_leaf ? "" : " STYLE=\"ROUNDED\"", d->theme->text,
               d->theme->fill[is_leaf ? TG_DOT_CONSTANT : TG_DOT_VALUE], number);
    put_part(d, (line){ l.text + at + 3, end - at - 3 }, 60);
    tg_dot_put(d, "</TD></TR><TR><TD ALIGN=\"LEFT\"><FONT COLOR=\"%s\" POINT-SIZE=\"11\">", d->theme->muted);
    put_part(d, (line){ l.text + end + (end < l.length ? 2 : 0), l.length - end - (end < l.length ? 2 : 0) }, 60);
    tg_dot_put(d, "</FONT></TD></TR>");
    const char *space = place != NULL ? memchr(place, ' ', place_length) : NULL;
    if (space != NULL) {
        tg_dot_put(d, "<TR><TD ALIGN=\"LEFT\"><FONT COLOR=\"%s\" POINT-SIZE=\"11\">", d->theme->backward);
        const line rest = { space + 1, place_length - (size_t)(space + 1 - place) };
        if (begins(rest, "at ")) tg_dot_put(d, "arena+"), put_part(d, (line){ rest.text + 3, rest.length - 3 }, 0);
        else if (begins(rest, "register at ")) tg_dot_put(d, "a strip in arena+"), put_part(d, (line){ rest.text + 12, rest.length - 12 }, 0);
        else put_part(d, rest, 0);
        tg_dot_put(d, "</FONT></TD></TR>");
    }
    tg_dot_put(d, "</TABLE>>];\n");
}

/* The operands in parentheses, of those that are nodes of the graph. */
static void put_operands(tg_drawing *d, const listing *l, const section *graph, line node) {
    const int number = number_at(node, 3);
    int       k      = 0;
    size_t    at     = 0;
    while (at < node.length && node.text[at] != '(') at++;
    for (; at + 1 < node.length && node.text[at] != ')'; at++) {
        if (node.text[at] != 'n' || !isdigit((unsigned char)node.text[at + 1])) continue;
        const int operand = number_at(node, at + 1);
        bool      is_drawn = false;
        for (int i = graph->first; i < graph->first + graph->count; i++)
            is_drawn = is_drawn || (is_node(l->lines[i]) && number_at(l->lines[i], 3) == operand);
        if (is_drawn)
            tg_dot_put(d, "  n%d -> n%d [id=\"f%d_%d_%d\", class=\"fwd\", color=\"%s\"];\n", operand, number, operand, number, k++,
                       d->theme->forward);
    }
}

/* What is read by the program, required to be finite, or written to a variable. */
static void put_outcome(tg_drawing *d, line l, int index) {
    if (!begins(l, "  read n") && !begins(l, "  write n") && !begins(l, "  finite n")) return;
    size_t at = 0;
    while (at < l.length && !(l.text[at] == 'n' && l.text[at - 1] == ' ')) at++;
    if (at >= l.length) return;
    tg_dot_put(d,
               "  out%d [id=\"out%d\", class=\"outcome\", label=<<TABLE BORDER=\"2\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"4\" "
               "STYLE=\"ROUNDED\" COLOR=\"%s\" BGCOLOR=\"%s\">"
               "<TR><TD>",
               index, index, d->theme->text, d->theme->fill[TG_DOT_LOSS]);
    put_part(d, (line){ l.text + 2, l.length - 2 }, 60);
    tg_dot_put(d, "</TD></TR></TABLE>>];\n  n%d -> out%d [class=\"outcome\", color=\"%s\"];\n", number_at(l, at + 1), index, d->theme->muted);
}

static void put_group(tg_drawing *d, const listing *l, const section *graph, const section *groups, int at) {
    const line group   = l->lines[at];
    const int  g       = at - groups->first;
    size_t     end     = 2;
    bool       is_open = false;
    while (end < group.length && group.text[end] != ' ') end++;
    for (int i = graph->first; i < graph->first + graph->count; i++) {
        size_t      length = 0;
        if (!is_first(l, graph, i) || group_of(l, groups, number_at(l->lines[i], 3)) != at) continue;
        const char *place = place_in(group, number_at(l->lines[i], 3), &length);
        if (!is_open) {
            tg_dot_put(d,
                       "  subgraph cluster_g%d { id=\"g%d\"; class=\"group\"; style=\"rounded\"; color=\"%s\"; fontcolor=\"%s\"; fontsize=12; "
                       "labeljust=l; margin=10; label=\"%d ",
                       g, g, d->theme->line, d->theme->muted, g + 1);
            put_part(d, (line){ group.text + 2, end - 2 }, 0);
            tg_dot_put(d, "\";\n");
        }
        is_open = true;
        put_node(d, l->lines[i], place, length);
    }
    if (is_open) tg_dot_put(d, "  }\n");
}

static void put_graph(tg_drawing *d, const listing *l) {
    const section *graph = last_section(l, true), *groups = last_section(l, false);
    if (graph == NULL || groups == NULL) return;
    for (int g = groups->first; g < groups->first + groups->count; g++)
        if (computes(l->lines[g])) put_group(d, l, graph, groups, g);
    for (int i = graph->first; i < graph->first + graph->count; i++) {
        if (!is_node(l->lines[i])) put_outcome(d, l->lines[i], i - graph->first);
        else if (is_first(l, graph, i) && group_of(l, groups, number_at(l->lines[i], 3)) < 0) put_node(d, l->lines[i], NULL, 0);
    }
    for (int i = graph->first; i < graph->first + graph->count; i++)
        if (is_first(l, graph, i)) put_operands(d, l, graph, l->lines[i]);
}

void tg_dot_put_plan(tg_drawing *d, tg_tensor loss) {
    static const char *const legend[] = {
        "what each pass changed; below, the graph that is left: what runs together, in its order, and where each value lies"
    };
    listing l = { 0 };
    d->status = read_listing(&l, loss);
    if (d->status == TG_OK) {
        const section *graph    = last_section(&l, true);
        const bool     is_drawn = graph != NULL && graph->count <= MOST_DRAWN;
        if (graph != NULL && !is_drawn)
            snprintf(d->caption, sizeof d->caption, "the graph has %d nodes and is left out; up to %d are drawn", graph->count, MOST_DRAWN);
        tg_dot_open(d, "TB", legend, 1);
        put_passes(d, &l);
        if (is_drawn) put_graph(d, &l);
        tg_dot_close(d);
    }
    release(&l);
}
