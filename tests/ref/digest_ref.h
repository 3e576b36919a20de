/* Made by digest_ref.py; do not edit. */
static const char ref_weights[] = "f7d6701e98facfbdfb3b19b6342aa5f9";
static const char ref_state[] = "425162f6b5c6c2477f96961b0e6c742b";
static const char extra_weights[] = "f51ab837414dae1131580bd46446d3b2";
static const char extra_state[] = "cf83a59b3b621d677caf7691b4bdc8f9";
