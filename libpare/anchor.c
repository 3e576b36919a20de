/* A library needs a source of its own; what it holds comes from archives. */
extern const char pare_library_version[];
const char pare_library_version[] = PARE_VERSION;
