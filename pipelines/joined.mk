# MNIST as many studies use it: all 60,000 training images, and the 10,000
# test images as validation, which is measured after each epoch.  The file is
# $(O)/mnist/joined.h5; that of made-up images has a split val anyway.  After
# data.mk.

joined = $(O)/$(1)/$(if $(filter mnist,$(1)),joined,data).h5

$(O)/mnist/joined.h5: $(MNIST_FILES) ../joined.sh
	@mkdir -p $(@D)
	sh ../joined.sh $(word 1,$(MNIST_FILES)) $(word 3,$(MNIST_FILES)) \
	    >$(O)/mnist/images
	sh ../joined.sh $(word 2,$(MNIST_FILES)) $(word 4,$(MNIST_FILES)) \
	    >$(O)/mnist/labels
	pare data idx $(IDX_mnist) --make-split 60000,10000,0 --no-shuffle \
	    -o $@ $(O)/mnist/images $(O)/mnist/labels
	rm $(O)/mnist/images $(O)/mnist/labels
