/* Printed by train_ref.py with PyTorch 2.13.0. */
enum { REF_TRAIN = 23, REF_VAL = 7, REF_INPUTS = 6, REF_BATCH = 5,
       REF_EPOCHS = 4, REF_SEED = 12345, REF_TENSORS = 9 };

static const char *const train_ref_layer[] = {
    "linear(9)",
    "relu",
    "linear(5,bias=no)",
    "batchnorm",
    "tanh",
    "linear(3)"};

/* After each epoch. */
static const struct {
    double lr, train_loss, train_acc, val_loss, val_acc;
} train_ref_epoch[REF_EPOCHS] = {
    {0.0452254249, 1.10499758, 0.391304348, 0.99088385, 0.571428571},
    {0.0289108616, 1.15592976, 0.434782609, 0.991425015, 0.571428571},
    {0.0103053687, 1.08290976, 0.47826087, 0.999908899, 0.571428571},
    {0.000307791485, 1.11004532, 0.434782609, 1.00448776, 0.571428571},
};

/* Sum and sum of squares of each tensor at the end. */
static const double train_ref_sum[REF_TENSORS][2] = {
    {-0.412986669, 22.5655967},
    {2.78010431, 1.02113831},
    {2.91874022, 7.26650334},
    {6.56111188, 8.69647751},
    {1.96282561, 0.837480385},
    {1.97096396, 14.7300939},
    {24.1768055, 117.461189},
    {-0.206022384, 1.88610569},
    {1.32652729, 0.594958797},
};
