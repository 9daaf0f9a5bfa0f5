/* SPDX-License-Identifier: Apache-2.0 */
/** Runs a fuzz target on every file of the folders and files given: a corpus without a fuzzer. */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX ((size_t)64 << 20)

static size_t n_replayed;

static void replay_file(const char *path)
{
    oc_bytes bytes;
    if (oc_file_slurp(path, INPUT_MAX, oc_allocator_or_default(NULL), &bytes) != OC_OK) {
        fprintf(stderr, "%s\n", oc_error_text());
        exit(1);
    }
    /* Said before: a crash shows whose it is. */
    fprintf(stderr, "%s\n", path);
    (void)LLVMFuzzerTestOneInput(bytes.data, bytes.size);
    oc_free(NULL, (void *)(uintptr_t)bytes.data);
    n_replayed++;
}

static void replay(const char *path)
{
    struct dirent **entries = NULL;
    struct stat is;
    if (stat(path, &is) == 0 && !S_ISDIR(is.st_mode)) {
        replay_file(path);
        return;
    }
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char child[4096];
        snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay_file(child);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%zu inputs\n", n_replayed);
    return n_replayed > 0 ? 0 : 1;
}
