# Data files of CIFAR-10.  CIFAR10 are options of the pare data command that
# makes them, VAL_lossless and VAL_jpeg how many validation samples are taken
# from train, if any.

# The directory of the binary version, of its home page or a part of it.
CIFAR10_DIR ?= /usr/share/datasets/cifar10
# The same images as JPEG files in train/CLASS and test/CLASS.
JPEG_DIR ?= /usr/share/datasets/cifar10-jpeg

# DATA is what is here, if nothing else is asked; data-here says what is not.
have_lossless = $(if $(wildcard $(CIFAR10_DIR)/data_batch_1.bin),lossless)
have_jpeg = $(if $(wildcard $(JPEG_DIR)/train),jpeg)
ifeq ($(origin DATA),undefined)
DATA := $(have_lossless) $(have_jpeg)
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

# All training images, and the test images as validation, which is measured
# after each epoch: files are taken for what they are named.
$(O)/lossless/joined.h5:
	@mkdir -p $(@D)/links
	ln -sf $(abspath $(CIFAR10_DIR))/data_batch_[1-5].bin \
	    $(abspath $(wildcard $(CIFAR10_DIR)/batches.meta.txt)) $(@D)/links
	ln -sf $(abspath $(CIFAR10_DIR))/test_batch.bin \
	    $(@D)/links/data_batch_6.bin
	pare data cifar10 $(CIFAR10) --no-shuffle --make-split \
	    $$(($$(cat $(@D)/links/data_batch_[1-5].bin | wc -c) / 3073)),$$(( \
	    $$(wc -c <$(@D)/links/data_batch_6.bin) / 3073)),0 \
	    -o $@ $(@D)/links
	rm -r $(@D)/links

$(O)/jpeg/joined.h5:
	@mkdir -p $(@D)/links
	ln -sfn $(abspath $(JPEG_DIR))/train $(@D)/links/train
	ln -sfn $(abspath $(JPEG_DIR))/test $(@D)/links/val
	pare data images $(CIFAR10) -o $@ $(@D)/links
	rm -r $(@D)/links

.PHONY: data-here
