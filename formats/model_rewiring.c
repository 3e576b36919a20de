/* What dynamic sparse training carries, in a model's file. */
#include "model_arrays.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"
#include "gaps.h"
#include "rewiring.h"
#include "status.h"

#define PATH_BYTES 512
#define COLUMNS    8 /* of the record */

static const char targets_head[] = "tensor\ttarget";
static const char record_head[] =
    "epoch\ttensor\ttimes\tbefore\tremoved\tgrown\tfresh\tsurvived";

static int no_memory(void)
{
    return pare_fail(PARE_ENOMEM, "no memory");
}

/* ---- texts ------------------------------------------------------------ */

static int targets_text(char **text, const struct pare_model *m)
{
    char *buffer = NULL;
    size_t size;
    FILE *f = open_memstream(&buffer, &size);

    if (!f)
        return no_memory();
    fprintf(f, "%s\n", targets_head);
    for (size_t t = 0; t < m->n_tensors; t++)
        if (m->tensor[t].target)
            fprintf(f, "%s\t%llu\n", m->tensor[t].name,
                    (unsigned long long)m->tensor[t].target);
    return pare_text_close(f, text, &buffer, 0);
}

static int record_text(char **text, const struct pare_model *m)
{
    char *buffer = NULL;
    size_t size;
    FILE *f = open_memstream(&buffer, &size);

    if (!f)
        return no_memory();
    fprintf(f, "%s\n", record_head);
    for (size_t i = 0; i < m->n_rewirings; i++) {
        const struct pare_rewiring *r = &m->rewiring[i];
        const uint64_t v[] = {r->times, r->before, r->removed,
                              r->grown, r->fresh,  r->survived};

        fprintf(f, "%llu\t%s", (unsigned long long)r->epoch,
                m->tensor[r->tensor].name);
        for (size_t k = 0; k < sizeof v / sizeof *v; k++)
            fprintf(f, "\t%llu", (unsigned long long)v[k]);
        putc('\n', f);
    }
    return pare_text_close(f, text, &buffer, 0);
}

/* Cut a line at its tabs into exactly n cells. */
static int cut(char **cell, size_t n, char *line)
{
    size_t found = 0;

    while (line && found < n) {
        cell[found++] = line;
        line = strchr(line, '\t');
        if (line)
            *line++ = '\0';
    }
    return found == n && !line ? 0
                               : pare_fail(PARE_EFORMAT, "not %zu columns", n);
}

static int find_weight(size_t *index, const struct pare_model *m,
                       const char *name)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        if (strcmp(m->tensor[t].name, name) == 0 &&
            pare_tensor_prunable(&m->tensor[t])) {
            *index = t;
            return 0;
        }
    return pare_fail(PARE_EFORMAT, "no weight is called '%s'", name);
}

static int parse_target(struct pare_model *m, char *line)
{
    char *cell[2];
    uint64_t target = 0;
    size_t t = 0;
    int err = cut(cell, 2, line);

    if (!err)
        err = find_weight(&t, m, cell[0]);
    if (!err)
        err = pare_text_count(&target, cell[1]);
    if (!err && (!target || m->tensor[t].target ||
                 target > pare_tensor_positions(&m->tensor[t])))
        err = pare_fail(PARE_EFORMAT, "%s grows back to %s", cell[0], cell[1]);
    if (!err)
        m->tensor[t].target = target;
    return err;
}

static int parse_record(struct pare_model *m, char *line)
{
    struct pare_rewiring r = {0};
    uint64_t *v[] = {&r.times, &r.before, &r.removed,
                     &r.grown, &r.fresh,  &r.survived};
    char *cell[COLUMNS];
    int err = cut(cell, COLUMNS, line);

    if (!err)
        err = pare_text_count(&r.epoch, cell[0]);
    if (!err)
        err = find_weight(&r.tensor, m, cell[1]);
    for (size_t k = 0; !err && k < sizeof v / sizeof *v; k++)
        err = pare_text_count(v[k], cell[k + 2]);
    return err ? err : pare_model_add_rewiring(m, &r);
}

/* A table below /rewiring, if it is there: its head, and a call a line. */
static int read_table(struct pare_reader *r, const char *path, const char *head,
                      int (*parse)(struct pare_model *m, char *line))
{
    char *text = NULL, *rest, *line;
    size_t row = 0;
    int there = pare_h5_exists(r->h, path), err;

    if (there <= 0)
        return there;
    err = pare_h5_read_text(&text, r->h, path, PARE_TEXT_MAX);
    if (err)
        return err;
    rest = text;
    line = pare_text_line(&rest);
    if (!line || strcmp(line, head) != 0)
        err = pare_fail(PARE_EFORMAT, "'%s' lacks its head line", path);
    while (!err && (line = pare_text_line(&rest))) {
        row++;
        err = pare_reader_charge(r, 2, sizeof(struct pare_rewiring));
        if (!err)
            err = parse(r->m, line);
        if (err)
            err = pare_fail_prefix(err, "'%s', row %zu", path, row);
    }
    free(text);
    return err;
}

/* ---- marks ------------------------------------------------------------ */

static int read_slots(struct pare_reader *r, struct pare_marks *k,
                      const char *path)
{
    int err = 0;

    for (int s = 0; !err && s < PARE_SLOTS_MAX; s++) {
        char name[PATH_BYTES + 16];
        int there;

        snprintf(name, sizeof name, "%s.slot%d", path, s);
        there = pare_h5_exists(r->h, name);
        if (there < 0)
            return there;
        if (!there)
            continue;
        if (r->walk) {
            err = pare_h5_probe(r->h, name, PARE_H5_F32, (size_t)k->n);
            continue;
        }
        err = pare_reader_charge(r, k->n, sizeof(float));
        if (err)
            break;
        k->slot[s] = malloc((size_t)k->n * sizeof(float));
        if (!k->slot[s])
            return no_memory();
        err = pare_h5_read(k->slot[s], r->h, name, PARE_H5_F32, (size_t)k->n);
        if (!err)
            err = pare_read_finite(k->slot[s], name, (size_t)k->n);
    }
    return err;
}

static int read_positions(struct pare_reader *r, struct pare_marks *k,
                          const char *path, size_t size, uint64_t most)
{
    uint8_t *bytes;
    int err = pare_reader_charge(r, k->n, sizeof *k->at);

    if (!err)
        err = pare_reader_charge(r, size, 1);
    if (err)
        return err;
    bytes = malloc(size);
    k->at = malloc((size_t)k->n * sizeof *k->at);
    err = bytes && k->at ? pare_h5_read(bytes, r->h, path, PARE_H5_U8, size)
                         : no_memory();
    if (!err) {
        err = pare_gaps_read(k->at, k->n, bytes, size, most);
        if (err)
            err = pare_fail_prefix(err, "'%s'", path);
    }
    free(bytes);
    return err;
}

/* Marks of a tensor, if there are any; each takes a byte at least. */
static int read_marks_of(struct pare_reader *r, struct pare_marks *k,
                         const struct pare_tensor *t, const char *group)
{
    char path[PATH_BYTES];
    struct pare_h5_info info;
    int64_t count = 0;
    int err;

    snprintf(path, sizeof path, "/rewiring/%s/%s", group, t->name);
    err = pare_h5_exists(r->h, path);
    if (err <= 0)
        return err;
    err = pare_h5_info(&info, r->h, path);
    if (!err)
        err = pare_h5_attr_i64(&count, r->h, path, "count");
    if (!err &&
        (count < 1 || (uint64_t)count > info.count || !pare_tensor_prunable(t)))
        err = pare_fail(PARE_EFORMAT, "'%s' has %zu bytes for %lld positions",
                        path, info.count, (long long)count);
    if (err)
        return err;
    k->n = (uint64_t)count;
    err = r->walk ? pare_h5_probe(r->h, path, PARE_H5_U8, info.count)
                  : read_positions(r, k, path, info.count,
                                   pare_tensor_positions(t));
    return err ? err : read_slots(r, k, path);
}

static int read_marks(struct pare_reader *r, bool added)
{
    int err = 0;

    for (size_t t = 0; !err && t < r->m->n_tensors; t++) {
        struct pare_tensor *tensor = &r->m->tensor[t];
        struct pare_marks k = {0};

        err = read_marks_of(r, &k, tensor, added ? "added" : "removed");
        if (err || r->walk)
            pare_marks_release(&k);
        else
            *(added ? &tensor->added : &tensor->removed) = k;
    }
    return err;
}

int pare_rewiring_read(struct pare_reader *r)
{
    int there = pare_h5_exists(r->h, "/rewiring"), err;

    if (there <= 0)
        return there;
    err = read_table(r, "/rewiring/targets", targets_head, parse_target);
    if (!err)
        err = read_table(r, "/rewiring/record", record_head, parse_record);
    if (!err)
        err = read_marks(r, false);
    return err ? err : read_marks(r, true);
}

/* ---- writing ---------------------------------------------------------- */

static int write_marks_of(struct pare_build *b, const struct pare_marks *k,
                          const struct pare_tensor *t, const char *group)
{
    char path[PATH_BYTES], name[PATH_BYTES + 16];
    const size_t n = (size_t)k->n;
    size_t size = 0;
    uint8_t *bytes = pare_gaps_of(&size, k->at, k->n);
    int err;

    if (!bytes)
        return PARE_ENOMEM;
    snprintf(path, sizeof path, "/rewiring/%s/%s", group, t->name);
    err = pare_h5w_mask(b->w, path, PARE_H5_U8, size, bytes);
    free(bytes);
    if (!err)
        err = pare_h5w_attr_i64(b->w, path, "count", (int64_t)k->n);
    for (int s = 0; !err && s < PARE_SLOTS_MAX; s++) {
        if (!k->slot[s])
            continue;
        if (pare_first_nonfinite(k->slot[s], n) < n)
            return pare_fail(PARE_EINVAL,
                             "state that was %s with '%s' is not "
                             "finite",
                             group, t->name);
        snprintf(name, sizeof name, "%s.slot%d", path, s);
        err = pare_h5w_lend(b->w, name, PARE_H5_F32, 1, &n, k->slot[s]);
    }
    return err;
}

static int write_marks(struct pare_build *b, bool added)
{
    const char *group = added ? "added" : "removed";
    char path[PATH_BYTES];
    bool any = false;
    int err = 0;

    snprintf(path, sizeof path, "/rewiring/%s", group);
    for (size_t t = 0; !err && t < b->m->n_tensors; t++) {
        const struct pare_tensor *tensor = &b->m->tensor[t];
        const struct pare_marks *k = added ? &tensor->added : &tensor->removed;

        if (!k->n)
            continue;
        if (!any)
            err = pare_h5w_group(b->w, path);
        any = true;
        if (!err)
            err = write_marks_of(b, k, tensor, group);
    }
    return err;
}

static bool has_targets(const struct pare_model *m)
{
    for (size_t t = 0; t < m->n_tensors; t++)
        if (m->tensor[t].target)
            return true;
    return false;
}

int pare_rewiring_write(struct pare_build *b)
{
    const struct pare_model *m = b->m;
    char *text = NULL;
    int err;

    if (!pare_model_rewired(m))
        return 0;
    err = pare_h5w_group(b->w, "/rewiring");
    if (!err && has_targets(m)) {
        err = targets_text(&text, m);
        if (!err)
            err = pare_h5w_text(b->w, "/rewiring/targets", text);
        free(text);
        text = NULL;
    }
    if (!err && m->n_rewirings) {
        err = record_text(&text, m);
        if (!err)
            err = pare_h5w_text(b->w, "/rewiring/record", text);
        free(text);
    }
    if (!err)
        err = write_marks(b, false);
    return err ? err : write_marks(b, true);
}
