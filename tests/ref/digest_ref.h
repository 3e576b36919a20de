/* Made by digest_ref.py; do not edit. */
static const char ref_weights[] = "f7d6701e98facfbdfb3b19b6342aa5f9";
static const char ref_state[] = "425162f6b5c6c2477f96961b0e6c742b";
static const char extra_weights[] = "f51ab837414dae1131580bd46446d3b2";
static const char extra_state[] = "cf83a59b3b621d677caf7691b4bdc8f9";
static const char levels_weights[] = "e5346d077c3c4f8e5e3a7b0dcd91cf0d";
static const char levels_state[] = "89161abcd018ba07afb52f25374d9c55";
static const char scales_weights[] = "42f0d368733856376970ab085f7a72cd";
static const char scales_state[] = "bed1cf3e3dab83e0013bf7135d64f855";
