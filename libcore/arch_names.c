#include "arch.h"

static const struct pare_arch_name names[] = {
    {"lenet-300-100", "784-300-100-10",
     "the MLP of the lottery ticket papers, 266,610 parameters",
     "LeCun et al. 1998; Frankle and Carbin 2019, arXiv:1803.03635"},
    {"challenge-mlp",
     "in(784) linear(1000,bias=no) relu linear(1000,bias=no) relu "
     "linear(500,bias=no) relu linear(200,bias=no) relu linear(10,bias=no)",
     "784-1000-1000-500-200-10 without biases, 2,386,000 weights",
     "the weight-against-unit pruning challenge of for.ai"},
};

const struct pare_arch_name *pare_arch_name(size_t index)
{
    return index < sizeof names / sizeof names[0] ? &names[index] : NULL;
}
