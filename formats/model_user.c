#include "model_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/*
 * The model keeps /user as records: this header, the name, the values.
 * All numbers are in the order of the machine: the bytes stay in memory.
 */
struct record {
    struct pare_h5_item item;
    size_t name_bytes, value_bytes;
};

int pare_unknown_add(struct pare_model_file *info, const char *dir,
                     const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char **grown;

    if (!info)
        return 0;
    grown = realloc(info->unknown, (info->n_unknown + 1) * sizeof *grown);
    if (!grown)
        return pare_fail(PARE_ENOMEM, "no memory");
    info->unknown = grown;
    grown[info->n_unknown] = malloc(size);
    if (!grown[info->n_unknown])
        return pare_fail(PARE_ENOMEM, "no memory");
    strcpy(grown[info->n_unknown], dir);
    strcat(grown[info->n_unknown], strcmp(dir, "/") == 0 ? "" : "/");
    strcat(grown[info->n_unknown++], name);
    return 0;
}

/* What there is no member for is 0: the text twin prints all bytes. */
static void fill_record(struct record *r, const struct pare_h5_item *item,
                        size_t name_bytes)
{
    memset(r, 0, sizeof *r);
    r->item.kind = item->kind;
    r->item.strpad = item->strpad;
    r->item.cset = item->cset;
    r->item.size = item->size;
    r->item.rank = item->rank;
    r->item.count = item->count;
    r->name_bytes = name_bytes;
    r->value_bytes = item->count * item->size;
}

/* Append the item at a path, or count it as unknown. */
static int read_item(struct pare_model *m, struct pare_model_file *info,
                     struct pare_h5 *h, const char *name)
{
    struct pare_h5_item item;
    char path[512];
    struct record r;
    char *grown, *values;
    int err;

    if (strlen(name) > 255 || pare_text_check(name, "a name") != 0)
        return pare_unknown_add(info, "/user", name);
    snprintf(path, sizeof path, "/user/%s", name);
    err = pare_h5_item_info(&item, h, path);
    if (err == PARE_ENOMEM)
        return err;
    if (err)
        return pare_unknown_add(info, "/user", name);
    if (item.count > PARE_USER_BYTES / item.size ||
        item.count * item.size + m->user_size > PARE_USER_BYTES)
        return pare_fail(PARE_ELIMIT, "'/user' holds more than %zu bytes",
                         PARE_USER_BYTES);
    fill_record(&r, &item, strlen(name) + 1);
    grown = realloc(m->user,
                    m->user_size + sizeof r + r.name_bytes + r.value_bytes);
    if (!grown)
        return pare_fail(PARE_ENOMEM, "no memory");
    m->user = grown;
    grown += m->user_size;
    memcpy(grown, &r, sizeof r);
    memcpy(grown + sizeof r, name, r.name_bytes);
    /* Values begin anywhere; HDF5 writes them into aligned memory. */
    values = malloc(r.value_bytes + 1);
    if (!values)
        return pare_fail(PARE_ENOMEM, "no memory");
    err = pare_h5_item_read(values, h, path, &item);
    if (!err) {
        memcpy(grown + sizeof r + r.name_bytes, values, r.value_bytes);
        m->user_size += sizeof r + r.name_bytes + r.value_bytes;
    }
    free(values);
    if (err && err != PARE_ENOMEM)
        return pare_unknown_add(info, "/user", name);
    return err;
}

int pare_user_read(struct pare_model *m, struct pare_model_file *info,
                   struct pare_h5 *h)
{
    char **name = NULL;
    size_t n = 0;
    int err = pare_h5_exists(h, "/user");

    if (err <= 0)
        return err;
    err = pare_h5_list(&name, &n, h, "/user", PARE_USER_ITEMS);
    for (size_t i = 0; i < n; i++) {
        if (!err)
            err = read_item(m, info, h, name[i]);
        free(name[i]);
    }
    free(name);
    return err;
}

/**
 * Is what lies at `at` a whole record? Mostly it is ours, but the text twin
 * may have brought anything.
 */
static int check_record(struct record *r, const char *at, size_t left)
{
    const char *name = at + sizeof *r;
    size_t room;

    if (left < sizeof *r)
        goto bad;
    memcpy(r, at, sizeof *r);
    room = left - sizeof *r;
    if (r->name_bytes < 2 || r->name_bytes > 256 || r->name_bytes > room ||
        !memchr(name, '\0', r->name_bytes) ||
        strlen(name) + 1 != r->name_bytes || strchr(name, '/') ||
        pare_text_check(name, "a name") != 0)
        goto bad;
    room -= r->name_bytes;
    if (!r->item.kind || !strchr("iufs", r->item.kind) || !r->item.size ||
        r->item.size > room || r->item.count > room / r->item.size ||
        r->item.count * r->item.size != r->value_bytes)
        goto bad;
    if (r->item.kind != 's' && r->item.size != 1 && r->item.size != 2 &&
        r->item.size != 4 && r->item.size != 8)
        goto bad;
    if (r->item.rank < 0 || r->item.rank > 1 ||
        (r->item.rank == 0 && r->item.count != 1))
        goto bad;
    return 0;
bad:
    return pare_fail(PARE_EFORMAT, "what is under /user is damaged");
}

int pare_user_write(struct pare_h5w *w, const struct pare_model *m)
{
    const char *at = m->user;
    size_t left = m->user_size;
    int err = left ? pare_h5w_group(w, "/user") : 0;

    while (!err && left > 0) {
        char path[512];
        struct record r;
        void *values;

        err = check_record(&r, at, left);
        if (err)
            return err;
        snprintf(path, sizeof path, "/user/%s", at + sizeof r);
        values = malloc(r.value_bytes + 1);
        if (!values)
            return pare_fail(PARE_ENOMEM, "no memory");
        memcpy(values, at + sizeof r + r.name_bytes, r.value_bytes);
        err = pare_h5w_item(w, path, &r.item, values);
        free(values);
        at += sizeof r + r.name_bytes + r.value_bytes;
        left -= sizeof r + r.name_bytes + r.value_bytes;
    }
    return err;
}
