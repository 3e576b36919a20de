/* Printed by tied_ref.py with PyTorch 2.13.0. */
/* Levels of each weight matrix in order, at the end. */
static const double tied_ref_0[] = {
    -0.520744122,
    -0.412925177,
    -0.170974765,
    -0.115179609,
    0.0402893302,
    0.103377475,
    0.301028071,
    0.434652326,
    0.490476194,
};
static const double tied_ref_1[] = {
    -0.534341887,
    -0.339296887,
    -0.1895727,
    -0.114840816,
    0.0117656024,
    0.15062487,
    0.274537993,
    0.350266012,
    0.524623721,
};
static const double tied_ref_2[] = {
    -0.467572942,
    -0.21388814,
    -0.115488632,
    0.00703276678,
    0.371529495,
    0.51154794,
};
/* Sum of the biases of the first layer. */
static const double tied_ref_bias = 2.63191479;
