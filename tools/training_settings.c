/* What a run of training is told, checked and recorded. */
#include "training.h"

#include <math.h>
#include <string.h>

#include "accumulate.h"
#include "dialect.h"
#include "kernel.h"
#include "number.h"
#include "status.h"
#include "tied.h"

int training_every(double *seconds, uint64_t *epochs, const char *text)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"ep", 0}};
    size_t n = strspn(text, "0123456789.");
    char number[32];
    double v;

    if (n == 0 || n >= sizeof number)
        return -1;
    memcpy(number, text, n);
    number[n] = '\0';
    if (pare_number_parse(&v, number) || v <= 0 || v > 1e9)
        return -1;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + n, units[i].unit) != 0)
            continue;
        *seconds = v * units[i].seconds;
        *epochs = units[i].seconds > 0 ? 0 : (uint64_t)v;
        return units[i].seconds > 0 || (v >= 1 && v == floor(v)) ? 0 : -1;
    }
    return -1;
}

enum pare_select training_select(const struct cli_tool *tool, const char *name)
{
    for (enum pare_select s = PARE_SELECT_LAST; s <= PARE_SELECT_ACC; s++)
        if (strcmp(name, pare_select_name(s)) == 0)
            return s;
    cli_usage(tool,
              "--select is last, best-val-loss or best-val-acc, not "
              "'%s'",
              name);
}

const char *training_dialect(const struct cli_tool *tool, const char *name)
{
    const struct pare_dialect *row = pare_dialect_find(name);

    if (!row && strcmp(name, "standard") != 0)
        cli_usage(tool,
                  "--dialect is numenta, set, synapses or standard, not "
                  "'%s'",
                  name);
    return row ? row->name : "";
}

void training_accumulate(const struct cli_tool *tool,
                         struct pare_train_options *o, const char *text)
{
    if (text && pare_accumulation_parse(&o->accumulate, text))
        cli_usage(tool, "--accumulate: %s", pare_error());
}

/* The last layer that does more than hand on its input. */
static const struct pare_layer *last_layer(const struct pare_arch *arch)
{
    const struct pare_layer *last = &arch->layer[arch->n_layers - 1];

    while ((last->kind->op == PARE_OP_FLATTEN ||
            last->kind->op == PARE_OP_IDENTITY) &&
           last->input[0] != PARE_INPUT)
        last = &arch->layer[last->input[0]];
    return last;
}

/* Are the outputs of such a layer no logits? */
static bool squashes(enum pare_layer_op op)
{
    static const enum pare_layer_op plain[] = {
        PARE_OP_LINEAR,  PARE_OP_CONV,    PARE_OP_BATCHNORM,
        PARE_OP_MAXPOOL, PARE_OP_AVGPOOL, PARE_OP_ADD,
        PARE_OP_CONCAT,  PARE_OP_FLATTEN, PARE_OP_LOG_SOFTMAX};

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (op == plain[i])
            return false;
    return true;
}

void training_warn_levels(const struct cli_tool *tool,
                          const struct pare_model *m)
{
    size_t n = pare_model_untied(m);

    if (n)
        cli_warn(tool,
                 "warning: %zu tensor%s of 16 bits or int8 become%s float32", n,
                 n == 1 ? "" : "s", n == 1 ? "s" : "");
}

void training_warn_loss(const struct cli_tool *tool, const struct pare_model *m,
                        const char *loss)
{
    const struct pare_layer *last = last_layer(&m->arch);
    const struct pare_shape *out = pare_arch_output(&m->arch);
    enum pare_layer_op op = last->kind->op;
    char shape[PARE_SHAPE_TEXT];

    if (out->rank > 1 && pare_shape_size(out) != out->dim[0])
        cli_warn(tool,
                 "warning: the network gives out %s, all of it taken "
                 "as classes: a layer such as globalavgpool is missing",
                 pare_shape_print(shape, out));
    if (strcmp(loss, "cross-entropy") == 0 && squashes(op))
        cli_warn(tool,
                 "warning: cross-entropy takes logits, but the last "
                 "layer is %s",
                 last->kind->name);
    if (strcmp(loss, "nll") == 0 && op != PARE_OP_LOG_SOFTMAX)
        cli_warn(tool,
                 "warning: nll takes log-probabilities, but the last "
                 "layer is %s",
                 last->kind->name);
}

void training_provenance_augment(struct provenance *p,
                                 const struct pare_train_options *o)
{
    provenance_option(p, "--augment",
                      o->augment.canon[0] ? o->augment.canon : "none");
}

/* --accumulate in the order of the table. */
static void provenance_accumulate(struct provenance *p, unsigned set)
{
    char names[PARE_SPEC_MAX];

    pare_accumulation_names(names, set);
    if (set)
        provenance_option(p, "--accumulate", names);
}

void training_provenance(struct provenance *p,
                         const struct pare_train_options *o, uint64_t epochs,
                         uint64_t steps)
{
    if (steps)
        provenance_u64(p, "--steps", steps);
    else
        provenance_u64(p, "-e", epochs);
    provenance_u64(p, "-b", o->batch);
    provenance_u64(p, "-S", o->seed);
    if (o->select != PARE_SELECT_LAST)
        provenance_option(p, "--select", pare_select_name(o->select));
    if (o->checkpoint)
        provenance_option(p, "--checkpoint", o->checkpoint);
    provenance_accumulate(p, o->accumulate);
    provenance_note(p, "kernel", pare_kernel_provenance());
}
