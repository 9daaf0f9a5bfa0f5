/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels of several texts and options as one program. A driver's compiler takes a tenth of a second
 * for an empty program (PoCL 3.1 reads the declarations of all built-in functions and copies the
 * library of them), so a network whose kernels are built together starts seconds earlier.
 *
 * OpenCL C has no namespaces, so each part is made to stand alone by the preprocessor: its options
 * become #defines, what it declares at file level (functions, types, tables) is renamed by #defines
 * as well, and behind it all of them and all macros that it defined are undone. What is between
 * include guards is left out of that: it is compiled once, for all parts. It may depend on LANES
 * only, in which the parts of a program agree (oc_cl_join_key).
 */
#include "oc_dev_opencl.h"

#include <stdio.h>

/* ---- what a text declares ------------------------------------------------------------------ */

typedef struct scan {
    const char *at, *end;
    size_t braces, parens; /* that are open, brackets counted as parentheses */
    size_t ifs, guard;    /* conditionals that are open; those with the include guard, 0: outside */
    oc_bytes ifndef;      /* its name, if the last directive was one */
    oc_bytes last;        /* the last word at file level, if nothing but it can be declared next */
    bool is_tag, is_type; /* behind struct, union or enum; in a typedef */
    /* Lists of texts with their NUL: what is declared, defined, and defined for all parts. */
    oc_buf *names, *macros, *shared;
} scan;

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_text(oc_bytes word, const char *text)
{
    return word.size == strlen(text) && memcmp(word.data, text, word.size) == 0;
}

static bool is_same(oc_bytes a, oc_bytes b)
{
    return a.size == b.size && a.size > 0 && memcmp(a.data, b.data, a.size) == 0;
}

static oc_status put_word(oc_buf *list, oc_bytes word)
{
    OC_TRY(oc_buf_put(list, word.data, word.size));
    return oc_buf_put(list, "", 1);
}

static bool has_word(const oc_buf *list, const char *word)
{
    for (size_t at = 0; at < list->size; at += strlen(list->data + at) + 1)
        if (strcmp(list->data + at, word) == 0)
            return true;
    return false;
}

static void skip_blanks(scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
        s->at++;
}

static oc_bytes take_word(scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && is_word_char(*s->at))
        s->at++;
    return (oc_bytes){.data = (const uint8_t *)from, .size = (size_t)(s->at - from)};
}

/* Behind the comment that begins here; does nothing where none does. */
static bool skip_comment(scan *s)
{
    if (s->end - s->at < 2 || s->at[0] != '/' || (s->at[1] != '*' && s->at[1] != '/'))
        return false;
    const bool is_block = s->at[1] == '*';
    for (s->at += 2; s->at < s->end; s->at++) {
        if (!is_block && *s->at == '\n')
            return true;
        if (is_block && s->end - s->at >= 2 && s->at[0] == '*' && s->at[1] == '/') {
            s->at += 2;
            return true;
        }
    }
    return true;
}

/* To the end of the line, of which comments and backslashes may make several. */
static void skip_directive(scan *s)
{
    while (s->at < s->end && *s->at != '\n') {
        if (skip_comment(s))
            continue;
        s->at += s->at[0] == '\\' && s->end - s->at >= 2 ? 2 : 1;
    }
}

static oc_status take_directive(scan *s)
{
    const oc_bytes ifndef = s->ifndef;
    s->at++;
    skip_blanks(s);
    const oc_bytes word = take_word(s);
    skip_blanks(s);
    const oc_bytes name = take_word(s);
    skip_blanks(s);
    /* What guards a header stands for nothing; a macro with a value is one's own. */
    const bool is_bare = s->at == s->end || *s->at == '\r' || *s->at == '\n';
    s->ifndef = (oc_bytes){.data = NULL};
    if (is_text(word, "if") || is_text(word, "ifdef") || is_text(word, "ifndef"))
        s->ifs++;
    if (is_text(word, "ifndef"))
        s->ifndef = name;
    if (is_text(word, "endif") && s->ifs > 0 && s->ifs-- == s->guard)
        s->guard = 0;
    if (is_text(word, "define")) {
        if (s->guard == 0 && is_bare && is_same(ifndef, name))
            s->guard = s->ifs;
        OC_TRY(put_word(s->guard > 0 ? s->shared : s->macros, name));
    }
    skip_directive(s);
    return OC_OK;
}

/* The last word is declared here. */
static oc_status declare(scan *s)
{
    const oc_bytes word = s->last;
    s->last = (oc_bytes){.data = NULL};
    if (word.size == 0 || s->guard > 0 || is_text(word, "__attribute__"))
        return OC_OK;
    return put_word(s->names, word);
}

static oc_status take_file_level_word(scan *s)
{
    s->last = take_word(s);
    const bool is_tag = s->is_tag;
    s->is_tag = is_text(s->last, "struct") || is_text(s->last, "union") || is_text(s->last, "enum");
    s->is_type = s->is_type || is_text(s->last, "typedef");
    return is_tag ? declare(s) : OC_OK;
}

static oc_status take_mark(scan *s)
{
    const bool is_file_level = s->braces == 0 && s->parens == 0;
    const char mark = *s->at++;
    if (is_file_level && (strchr("([=", mark) != NULL || (mark == ';' && s->is_type)))
        OC_TRY(declare(s));
    if (mark == '(' || mark == '[')
        s->parens++;
    else if ((mark == ')' || mark == ']') && s->parens > 0)
        s->parens--;
    else if (mark == '{')
        s->braces++;
    else if (mark == '}' && s->braces > 0)
        s->braces--;
    else if (mark == ';' && is_file_level)
        s->is_type = false;
    return OC_OK;
}

static oc_status scan_text(scan *s)
{
    bool is_line_start = true;
    while (s->at < s->end) {
        const char c = *s->at;
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            is_line_start = is_line_start || c == '\n';
            s->at++;
        } else if (skip_comment(s)) {
            continue;
        } else if (c == '#' && is_line_start) {
            OC_TRY(take_directive(s));
        } else {
            is_line_start = false;
            if (!is_word_char(c))
                OC_TRY(take_mark(s));
            else if (s->braces > 0 || s->parens > 0)
                take_word(s);
            else
                OC_TRY(take_file_level_word(s));
        }
    }
    return OC_OK;
}

/* ---- a part of a program ------------------------------------------------------------------- */

/* The next "-DNAME=VALUE" of `*options`, a NAME alone standing for 1; false behind the last. */
static bool next_define(const char **options, oc_bytes *name, oc_bytes *value)
{
    const char *at = *options + strspn(*options, " ");
    if (strncmp(at, "-D", 2) != 0)
        return false;
    const size_t length = strcspn(at, " "), head = strcspn(at, "= ");
    *name = (oc_bytes){.data = (const uint8_t *)at + 2, .size = head - 2};
    *value = (oc_bytes){.data = (const uint8_t *)"1", .size = 1};
    if (head < length)
        *value = (oc_bytes){.data = (const uint8_t *)at + head + 1, .size = length - head - 1};
    *options = at + length;
    return true;
}

static oc_status put_options(const char *options, oc_buf *macros, oc_buf *text)
{
    oc_bytes name, value;
    while (next_define(&options, &name, &value)) {
        OC_TRY(put_word(macros, name));
        OC_TRY(oc_buf_printf(text, "#define %.*s %.*s\n", (int)name.size, (const char *)name.data,
                             (int)value.size, (const char *)value.data));
    }
    return OC_OK;
}

/* A macro's use may look like a declaration. */
static bool is_declared(const scan *s, const char *name)
{
    return !has_word(s->macros, name) && !has_word(s->shared, name);
}

static oc_status put_renames(const scan *s, size_t number, oc_buf *text)
{
    const oc_buf *names = s->names;
    for (size_t at = 0; at < names->size; at += strlen(names->data + at) + 1) {
        const char *name = names->data + at;
        if (is_declared(s, name))
            OC_TRY(oc_buf_printf(text, "#define %s %s" OC_CL_PART "\n", name, name, number));
    }
    return OC_OK;
}

static oc_status put_undos(const scan *s, oc_buf *text)
{
    const oc_buf *names = s->names, *macros = s->macros;
    for (size_t at = 0; at < names->size; at += strlen(names->data + at) + 1)
        if (is_declared(s, names->data + at))
            OC_TRY(oc_buf_printf(text, "#undef %s\n", names->data + at));
    for (size_t at = 0; at < macros->size; at += strlen(macros->data + at) + 1)
        OC_TRY(oc_buf_printf(text, "#undef %s\n", macros->data + at));
    return OC_OK;
}

oc_status oc_cl_join_put(oc_bytes source, const char *options, size_t number,
                         const oc_allocator *alloc, oc_buf *text)
{
    oc_buf names, macros, shared;
    oc_status status;
    oc_buf_init(&names, alloc);
    oc_buf_init(&macros, alloc);
    oc_buf_init(&shared, alloc);
    scan s = {.at = (const char *)source.data,
              .end = (const char *)source.data + source.size,
              .names = &names,
              .macros = &macros,
              .shared = &shared};
    OC_TRY_OUT(scan_text(&s));
    OC_TRY_OUT(put_options(options, &macros, text));
    OC_TRY_OUT(put_renames(&s, number, text));
    OC_TRY_OUT(oc_buf_put(text, source.data, source.size));
    OC_TRY_OUT(oc_buf_put(text, "\n", 1));
    OC_TRY_OUT(put_undos(&s, text));
out:
    oc_buf_fini(&shared);
    oc_buf_fini(&macros);
    oc_buf_fini(&names);
    return status;
}

uint32_t oc_cl_join_key(const char *options)
{
    uint32_t lanes = 1;
    oc_bytes name, value;
    while (next_define(&options, &name, &value))
        if (is_text(name, "LANES") && sscanf((const char *)value.data, "%u", &lanes) != 1)
            return 0;
    return options[strspn(options, " ")] == '\0' ? lanes : 0;
}
