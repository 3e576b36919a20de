# What the Makefiles of the experiments share.  GNU make.

# Programs are found in PATH, or in the directory PARE_BIN.
ifdef PARE_BIN
export PATH := $(abspath $(PARE_BIN)):$(PATH)
endif
export LC_ALL := C
SHELL := /bin/sh

# Where everything is made.
O ?= out

# Threads of one command: the rules are run side by side with make -j, which
# is better for networks as small as these.
THREADS ?= 1

# The messages of a recipe go to a file beside its target, and to the
# terminal only if it fails:  ( COMMANDS ) $(LOG)
LOG = 2>$(basename $@).log || { cat $(basename $@).log >&2; exit 1; }

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
