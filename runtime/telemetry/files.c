/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as sensors read them. They belong to the kernel or to a driver: they come and go, block
 * when they are no files at all, and say anything. Each is opened anew for each reading: a
 * descriptor that was kept would belong to hardware that was taken out.
 */
#include "sensor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_BYTES 512
#define ENTRIES_MAX 4096 /* looked at in one folder, so that none can hold the sampler up */

/* ---- files --------------------------------------------------------------------------------- */

static bool make_path(const oc_sensor_env *env, char path[PATH_BYTES], const char *fmt,
                      va_list args) OC_PRINTF(3, 0);
static bool make_path(const oc_sensor_env *env, char path[PATH_BYTES], const char *fmt,
                      va_list args)
{
    const int root = snprintf(path, PATH_BYTES, "%s", env->root);
    if (root < 0 || root >= PATH_BYTES)
        return false;
    const int rest = vsnprintf(path + root, (size_t)(PATH_BYTES - root), fmt, args);
    return rest >= 0 && rest < PATH_BYTES - root;
}

/*
 * At most `size` bytes of the file; 0: there is nothing. A pipe without a writer would block open,
 * hence O_NONBLOCK.
 */
static size_t read_path(const char *path, char *bytes, size_t size)
{
    size_t length = 0;
    ssize_t got = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return 0;
    do {
        got = read(fd, bytes + length, size - length);
        if (got > 0)
            length += (size_t)got;
    } while (length < size && (got > 0 || (got < 0 && errno == EINTR)));
    close(fd);
    return got < 0 ? 0 : length;
}

static size_t read_file(const oc_sensor_env *env, char *bytes, size_t size, const char *fmt,
                        va_list args) OC_PRINTF(4, 0);
static size_t read_file(const oc_sensor_env *env, char *bytes, size_t size, const char *fmt,
                        va_list args)
{
    char path[PATH_BYTES];
    return make_path(env, path, fmt, args) ? read_path(path, bytes, size) : 0;
}

size_t oc_sensor_head(const oc_sensor_env *env, char *text, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const size_t length = read_file(env, text, size - 1, fmt, args);
    va_end(args);
    text[length] = '\0';
    return memchr(text, '\0', length) == NULL ? length : 0;
}

/* As oc_sensor_text. */
static bool read_text(const oc_sensor_env *env, char *text, size_t size, const char *fmt,
                      va_list args) OC_PRINTF(4, 0);
static bool read_text(const oc_sensor_env *env, char *text, size_t size, const char *fmt,
                      va_list args)
{
    size_t length = read_file(env, text, size, fmt, args);
    if (length == size || memchr(text, '\0', length) != NULL)
        length = 0;
    if (length > 0 && text[length - 1] == '\n')
        length--;
    text[length] = '\0';
    oc_text_one_line(text);
    return length > 0;
}

bool oc_sensor_text(const oc_sensor_env *env, char *text, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const bool is_read = read_text(env, text, size, fmt, args);
    va_end(args);
    return is_read;
}

bool oc_sensor_number(const oc_sensor_env *env, double *value, const char *fmt, ...)
{
    char text[64];
    va_list args;
    va_start(args, fmt);
    const bool is_read = read_text(env, text, sizeof(text), fmt, args);
    va_end(args);
    return is_read && oc_sensor_parse(text, value);
}

/* ---- numbers ------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool oc_sensor_parse(const char *text, double *value)
{
    double sum = 0, scale = 1;
    size_t digits = 0;
    const bool is_negative = *text == '-';
    text += is_negative;
    for (; is_digit(*text); text++, digits++)
        sum = sum * 10 + (*text - '0');
    if (*text == '.')
        for (text++; is_digit(*text); text++, digits++) {
            sum = sum * 10 + (*text - '0');
            scale *= 10;
        }
    text += strspn(text, " ");
    /* So many digits that neither the sum nor the scale overflows. */
    if (*text != '\0' || digits == 0 || digits > 100)
        return false;
    *value = (is_negative ? -sum : sum) / scale;
    return true;
}

bool oc_sensor_take(const char **at, uint64_t *value)
{
    const char *c = *at + strspn(*at, " \t");
    uint64_t sum = 0;
    size_t digits = 0;
    for (; is_digit(*c) && digits <= 15; c++, digits++)
        sum = sum * 10 + (uint64_t)(*c - '0');
    if (digits == 0 || digits > 15)
        return false;
    *at = c;
    *value = sum;
    return true;
}

/* ---- folders ------------------------------------------------------------------------------- */

/* hwmon2 before hwmon10. */
static int compare(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        if (is_digit(*a) && is_digit(*b)) {
            a += strspn(a, "0");
            b += strspn(b, "0");
            const size_t na = strspn(a, "0123456789"), nb = strspn(b, "0123456789");
            const int order = na != nb ? (na < nb ? -1 : 1) : strncmp(a, b, na);
            if (order != 0)
                return order;
            a += na;
            b += nb;
        } else if (*a++ != *b++) {
            return (unsigned char)a[-1] < (unsigned char)b[-1] ? -1 : 1;
        }
    }
    return (*a != '\0') - (*b != '\0');
}

/* qsort may allocate; names come nearly sorted and are few. */
static void insert(oc_sensor_names *names, const char *name, size_t length)
{
    size_t at = names->count;
    while (at > 0 && compare(names->text[at - 1], name) > 0)
        at--;
    memmove(names->text[at + 1], names->text[at], (names->count - at) * OC_SENSOR_NAME);
    memcpy(names->text[at], name, length + 1);
    names->count++;
}

static void consider(oc_sensor_names *names, const char *prefix, const char *suffix,
                     const char *name)
{
    const size_t length = strlen(name), before = strlen(prefix), after = strlen(suffix);
    if (name[0] != '.' && length < OC_SENSOR_NAME && length >= before + after &&
        memcmp(name, prefix, before) == 0 && memcmp(name + length - after, suffix, after) == 0 &&
        names->count < OC_SENSOR_NAMES)
        insert(names, name, length);
}

/* One entry as the kernel gives it (getdents64). opendir would allocate for each reading. */
typedef struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
} entry;

void oc_sensor_list(const oc_sensor_env *env, oc_sensor_names *names, const char *prefix,
                    const char *suffix, const char *fmt, ...)
{
    _Alignas(entry) char bytes[4096];
    char path[PATH_BYTES];
    va_list args;
    names->count = 0;
    va_start(args, fmt);
    const bool is_path = make_path(env, path, fmt, args);
    va_end(args);
    const int fd = is_path ? open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY) : -1;
    long got = 1;
    for (size_t seen = 0; fd >= 0 && got > 0 && seen < ENTRIES_MAX;) {
        got = syscall(SYS_getdents64, fd, bytes, sizeof(bytes));
        for (long at = 0; at < got; seen++) {
            const entry *e = (const entry *)(const void *)(bytes + at);
            consider(names, prefix, suffix, e->name);
            at += e->size;
        }
    }
    if (fd >= 0)
        close(fd);
}

/* ---- sensors and readings ------------------------------------------------------------------ */

/* What every sensor's struct starts with. */
typedef struct sensor_head {
    oc_sensor_env env;
} sensor_head;

oc_status oc_sensor_create(const oc_sensor_env *env, size_t size, oc_sensor **sensor)
{
    sensor_head *head;
    OC_TRY(oc_alloc(env->alloc, 1, size, &head));
    head->env = *env;
    *sensor = (oc_sensor *)(void *)head;
    return OC_OK;
}

void oc_sensor_destroy(oc_sensor *sensor)
{
    oc_free(((const sensor_head *)(const void *)sensor)->env.alloc, sensor);
}

void oc_sensor_put(oc_sensor_out *out, oc_quantity quantity, double value, const char *fmt, ...)
{
    va_list args;
    if (out->count == out->capacity)
        return;
    oc_reading *reading = &out->readings[out->count++];
    *reading = (oc_reading){.quantity = (uint8_t)quantity, .value = value, .at_ns = out->now_ns};
    va_start(args, fmt);
    if (vsnprintf(reading->label, sizeof(reading->label), fmt, args) < 0)
        reading->label[0] = '\0';
    va_end(args);
    /*
     * Labels come from firmware and go to terminals; cutting one off must not halve a character
     * either.
     */
    for (char *c = reading->label; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
}
