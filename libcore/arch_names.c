#include "arch_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* A text that grows. */
struct text {
    char *s;
    size_t length;
    bool failed; /* no memory */
};

static void put(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
    char part[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(part, sizeof part, fmt, ap);
    va_end(ap);
    if (!t->failed)
        t->failed = !pare_arch_append(&t->s, &t->length, part);
}

/*
 * Three stages of (depth - 2) / 6 blocks of 16, 32 and 64 channels. A block
 * sBbN is conv, norm, relu, conv, norm, add, relu; where the channels double
 * the shortcut takes every second pixel and channels of 0 on both sides.
 */
static void put_resnet(struct text *t, int depth)
{
    char before[48] = "relu1";

    put(t, "in(3,32,32) conv2d(16,3,pad=1,bias=no) batchnorm2d relu");
    for (int s = 1, channels = 16; s <= 3; s++, channels *= 2)
        for (int b = 1; b <= (depth - 2) / 6; b++) {
            bool down = s > 1 && b == 1;
            char name[32];

            snprintf(name, sizeof name, "s%db%d", s, b);
            put(t, " %sc1=conv2d(%d,3,stride=%d,pad=1,bias=no)", name, channels,
                down ? 2 : 1);
            put(t, " %sn1=batchnorm2d %sr1=relu", name, name);
            put(t, " %sc2=conv2d(%d,3,pad=1,bias=no) %sn2=batchnorm2d", name,
                channels, name);
            if (down) {
                put(t, " %s -> avgpool(1,stride=2)", before);
                snprintf(before, sizeof before, "%ssc", name);
                put(t, " %s=pad(front=%d,back=%d)", before, channels / 4,
                    channels / 4);
            }
            put(t, " add(%sn2,%s) %s=relu", name, before, name);
            strcpy(before, name);
        }
    put(t, " globalavgpool linear(10)");
}

/*
 * Three stages of (depth - 4) / 6 blocks of twice 16, 32 and 64 channels.
 * A block sBbN is norm, relu, conv, norm, relu, conv, add; where the
 * channels change the shortcut is a convolution of one pixel.
 */
static void put_wrn2(struct text *t, int depth)
{
    char before[48] = "conv1";

    put(t, "in(3,32,32) conv2d(16,3,pad=1,bias=no)");
    for (int s = 1, channels = 32; s <= 3; s++, channels *= 2)
        for (int b = 1; b <= (depth - 4) / 6; b++) {
            int stride = s > 1 && b == 1 ? 2 : 1;
            char name[32];

            snprintf(name, sizeof name, "s%db%d", s, b);
            put(t, " %sn1=batchnorm2d %sr1=relu", name, name);
            put(t, " %sc1=conv2d(%d,3,stride=%d,pad=1,bias=no)", name, channels,
                stride);
            put(t, " %sn2=batchnorm2d %sr2=relu", name, name);
            put(t, " %sc2=conv2d(%d,3,pad=1,bias=no)", name, channels);
            if (b == 1) {
                put(t, " %sr1 -> %ssc=conv2d(%d,1,stride=%d,bias=no)", name,
                    name, channels, stride);
                snprintf(before, sizeof before, "%ssc", name);
            }
            put(t, " %s=add(%sc2,%s)", name, name, before);
            strcpy(before, name);
        }
    put(t, " batchnorm2d relu globalavgpool linear(10)");
}

static void put_vgg(struct text *t, int depth)
{
    const char *plan = depth == 11   ? "1p2p44p88p88p"
                       : depth == 16 ? "11p22p444p888p888p"
                                     : "11p22p4444p8888p8888p";

    put(t, "in(3,32,32)");
    for (; *plan; plan++)
        if (*plan == 'p')
            put(t, " maxpool(2)");
        else
            put(t, " conv2d(%d,3,pad=1) batchnorm2d relu", 64 * (*plan - '0'));
    put(t, " linear(10)");
}

#define CONV64  "conv2d(64,3,pad=1) relu conv2d(64,3,pad=1) relu maxpool(2) "
#define CONV128 "conv2d(128,3,pad=1) relu conv2d(128,3,pad=1) relu maxpool(2) "
#define CONV256 "conv2d(256,3,pad=1) relu conv2d(256,3,pad=1) relu maxpool(2) "
#define FC256   "linear(256) relu linear(256) relu linear(10)"
#define LOTTERY "Frankle and Carbin 2019, arXiv:1803.03635"
#define DYNAMIC "the dynamic pruning project, WPI CS 539, 2021"
#define RESNET  "He et al. 2016, arXiv:1512.03385, section 4.2, option A"
#define VGG     "Simonyan and Zisserman 2015, arXiv:1409.1556"

static const struct {
    struct pare_arch_name name;
    void (*put)(struct text *t, int depth); /* where there is no text */
    int depth;
} names[] = {
    {{"lenet-300-100", "784-300-100-10",
      "the MLP of the lottery ticket papers, 266,610 parameters",
      "LeCun et al. 1998; " LOTTERY},
     NULL,
     0},
    {{"challenge-mlp",
      "in(784) linear(1000,bias=no) relu linear(1000,bias=no) relu "
      "linear(500,bias=no) relu linear(200,bias=no) relu linear(10,bias=no)",
      "784-1000-1000-500-200-10 without biases, 2,386,000 weights",
      "the weight-against-unit pruning challenge of for.ai"},
     NULL,
     0},
    {{"lenet-5",
      "in(1,28,28) conv2d(20,5) maxpool(2) conv2d(50,5) maxpool(2) "
      "linear(500) relu linear(10)",
      "LeNet-5 as Caffe has it, 431,080 parameters",
      "LeCun et al. 1998; Jia et al. 2014, arXiv:1408.5093"},
     NULL,
     0},
    {{"mnistnet",
      "in(1,28,28) conv2d(20,5) relu maxpool(2) conv2d(50,5) relu "
      "maxpool(2) linear(500) relu linear(10)",
      "the same with a relu behind each convolution, 431,080 parameters",
      "Blalock et al. 2020, arXiv:2003.03033"},
     NULL,
     0},
    {{"conv-2", "in(3,32,32) " CONV64 FC256, "4,300,992 weights", LOTTERY},
     NULL,
     0},
    {{"conv-4", "in(3,32,32) " CONV64 CONV128 FC256, "2,425,024 weights",
      LOTTERY},
     NULL,
     0},
    {{"conv-6", "in(3,32,32) " CONV64 CONV128 CONV256 FC256,
      "2,261,184 weights", LOTTERY},
     NULL,
     0},
    {{"fashion-cnn",
      "in(1,28,28) conv2d(32,3) relu conv2d(64,3) relu maxpool(2) "
      "linear(128) relu linear(10)",
      "two convolutions for 28x28 images, 1,199,648 weights", DYNAMIC},
     NULL,
     0},
    {{"cifar-cnn",
      "in(3,32,32) conv2d(64,3) relu conv2d(64,3) relu maxpool(2) "
      "conv2d(128,3) relu maxpool(2) linear(256) relu linear(10)",
      "three convolutions for 32x32 images, 1,294,528 weights", DYNAMIC},
     NULL,
     0},
    {{"flower-cnn",
      "in(3,180,180) conv2d(12,3,pad=1) batchnorm2d relu maxpool(2) "
      "conv2d(20,3,pad=1) relu conv2d(32,3,pad=1) batchnorm2d relu "
      "linear(32) relu linear(5)",
      "three convolutions for 180x180 images, 8,302,993 parameters", DYNAMIC},
     NULL,
     0},
    {{"resnet-20", NULL, "269,722 parameters", RESNET}, put_resnet, 20},
    {{"resnet-32", NULL, "464,154 parameters", RESNET}, put_resnet, 32},
    {{"resnet-56", NULL, "853,018 parameters", RESNET}, put_resnet, 56},
    {{"vgg-11", NULL, "9,231,114 parameters", VGG}, put_vgg, 11},
    {{"vgg-16", NULL, "14,728,266 parameters", VGG}, put_vgg, 16},
    {{"vgg-19", NULL, "20,040,522 parameters", VGG}, put_vgg, 19},
    {{"wrn-22-2", NULL, "1,079,642 parameters",
      "Zagoruyko and Komodakis 2016, arXiv:1605.07146"},
     put_wrn2,
     22},
};

const struct pare_arch_name *pare_arch_name(size_t index)
{
    return index < sizeof names / sizeof names[0] ? &names[index].name : NULL;
}

int pare_arch_name_text(char **text, size_t index)
{
    struct text t = {0};

    if (names[index].put)
        names[index].put(&t, names[index].depth);
    else
        put(&t, "%s", names[index].name.text);
    if (t.failed) {
        free(t.s);
        return pare_fail(PARE_ENOMEM, "out of memory");
    }
    *text = t.s;
    return 0;
}
