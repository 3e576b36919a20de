/* scores_probe MODEL OUT HOW: write scores of a model's weights, -|w| as
   float64, or spoilt as HOW says: good, nan, shape, type, none, part;
   or in other orders of magnitude: tiny, huge. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h5write.h"
#include "model_file.h"
#include "status.h"

static int put(struct pare_h5w *w, const struct pare_tensor *t, const char *how)
{
    char name[PARE_NAME_MAX + 1];
    double *score = malloc(t->n * sizeof *score);
    size_t dim[PARE_RANK_MAX];
    int rc;

    if (!score)
        return -1;
    for (size_t i = 0; i < t->n; i++)
        score[i] = -fabs((double)t->value[i]);
    for (size_t i = 0; i < t->n; i++)
        score[i] = ldexp(score[i], strcmp(how, "tiny") == 0   ? -400
                                   : strcmp(how, "huge") == 0 ? 400
                                                              : 0);
    if (strcmp(how, "nan") == 0)
        score[t->n / 2] = (double)NAN;
    memcpy(dim, t->dim, sizeof dim);
    if (strcmp(how, "shape") == 0) {
        dim[0] = t->dim[1];
        dim[1] = t->dim[0];
    }
    snprintf(name, sizeof name, "/%s", t->name);
    rc = pare_h5w_data(w, name,
                       strcmp(how, "type") == 0 ? PARE_H5_U8 : PARE_H5_F64,
                       t->rank, dim, score, 0);
    free(score);
    return rc;
}

int main(int argc, char **argv)
{
    struct pare_model m = {0};
    struct pare_h5w *w = NULL;
    const char *how = argc == 4 ? argv[3] : "";
    size_t most = strcmp(how, "none") == 0 ? 0 : SIZE_MAX;
    void *bytes = NULL;
    size_t n = 0;
    FILE *f = NULL;
    int rc = argc == 4 ? pare_model_read(&m, NULL, argv[1]) : -1;

    if (strcmp(how, "part") == 0)
        most = 1;
    if (!rc)
        rc = pare_h5w_new(&w, NULL);
    if (!rc)
        rc = pare_h5w_text(w, "/note", "made for a test");
    for (size_t t = 0; !rc && t < m.n_tensors && most > 0; t++)
        if (pare_tensor_prunable(&m.tensor[t])) {
            rc = put(w, &m.tensor[t], how);
            most--;
        }
    if (!rc)
        rc = pare_h5w_finish(&bytes, &n, w);
    if (!rc)
        f = fopen(argv[2], "wb");
    if (rc || !f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
        fprintf(stderr, "scores_probe: %s\n", pare_error());
        return 1;
    }
    free(bytes);
    pare_h5w_free(w);
    pare_model_release(&m);
    return 0;
}
