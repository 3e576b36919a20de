# Data files of CIFAR-10.  CIFAR10 are options of the pare data command that
# makes them, VAL_lossless and VAL_jpeg how many validation samples are taken
# from train, if any.

# The directory of the binary version, of its home page or a part of it.
CIFAR10_DIR ?= /usr/share/datasets/cifar10
# The same images as JPEG files in train/CLASS and test/CLASS.
JPEG_DIR ?= /usr/share/datasets/cifar10-jpeg

# DATA is what is here, if nothing else is asked; data-here says what is not.
ifeq ($(origin DATA),undefined)
have_lossless = $(wildcard $(CIFAR10_DIR)/data_batch_1.bin)
have_jpeg = $(wildcard $(JPEG_DIR)/train)
DATA := $(if $(have_lossless),lossless) $(if $(have_jpeg),jpeg)
data-here:
	@$(if $(have_lossless),,echo 'No CIFAR-10 in $(CIFAR10_DIR): skipped;' \
	    'set CIFAR10_DIR' >&2)
	@$(if $(have_jpeg),,echo 'No JPEG files in $(JPEG_DIR): skipped;' \
	    'set JPEG_DIR' >&2)
else
data-here:
endif

taken = $(if $(1),--val $(1) -S 1)

$(O)/lossless/data.h5:
	@mkdir -p $(@D)
	pare data cifar10 $(CIFAR10) $(call taken,$(VAL_lossless)) -o $@ \
	    $(CIFAR10_DIR)

$(O)/jpeg/data.h5:
	@mkdir -p $(@D)
	pare data images $(CIFAR10) $(call taken,$(VAL_jpeg)) -o $@ $(JPEG_DIR)

.PHONY: data-here
