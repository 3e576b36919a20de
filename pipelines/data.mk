# Data files of MNIST and Fashion-MNIST, and of made-up images for `quick`.
# IDX_fashion and IDX_mnist are options of pare data idx, USED the data sets
# that an experiment is made for, fashion first and mnist last.
USED ?= fashion mnist

# Of Debian's package dataset-fashion-mnist.
FASHION_DIR ?= /usr/share/datasets/fashion-mnist
# MNIST has to be fetched: the four files, gzip or not, of its home page.
MNIST_DIR ?= /usr/share/datasets/mnist

# Directory and beginning of a file's name to the file, if it is there.
idx = $(firstword $(wildcard $(1)/$(2)[-.]idx[13]-ubyte $(1)/$(2)[-.]idx[13]-ubyte.gz))
idx_files = $(foreach f,train-images train-labels t10k-images t10k-labels,\
    $(call idx,$(1),$(f)))
FASHION_FILES = $(call idx_files,$(FASHION_DIR))
MNIST_FILES = $(call idx_files,$(MNIST_DIR))

# DATA is the data sets that are here, if nothing else is asked; data-here
# says which are not.
ifeq ($(origin DATA),undefined)
have_fashion = $(filter 4,$(words $(FASHION_FILES)))
have_mnist = $(filter 4,$(words $(MNIST_FILES)))
DATA := $(filter $(USED),$(if $(have_fashion),fashion) \
    $(if $(have_mnist),mnist))
data-here:
	@$(if $(have_fashion)$(filter-out fashion,$(firstword $(USED))),, \
	    echo 'No Fashion-MNIST in $(FASHION_DIR): skipped;' \
	    'install dataset-fashion-mnist or set FASHION_DIR' >&2)
	@$(if $(have_mnist)$(filter-out mnist,$(lastword $(USED))),, \
	    echo 'No MNIST in $(MNIST_DIR): skipped; set MNIST_DIR' >&2)
else
data-here:
endif

$(O)/fashion/data.h5: $(FASHION_FILES)
	@mkdir -p $(@D)
	pare data idx $(IDX_fashion) -o $@ $(FASHION_FILES)

$(O)/mnist/data.h5: $(MNIST_FILES)
	@mkdir -p $(@D)
	pare data idx $(IDX_mnist) -o $@ $(MNIST_FILES)

$(O)/generated/data.h5: ../generate.awk
	@mkdir -p $(@D)
	awk -f ../generate.awk >$(O)/generated/data.csv
	pare data csv --label class --make-split 800,200,200 -S 1 -o $@ \
	    $(O)/generated/data.csv
	rm $(O)/generated/data.csv

.PHONY: data-here
