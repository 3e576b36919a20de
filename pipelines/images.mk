# Made-up images for `quick`, of IMAGES = channels size count classes, and
# IMAGES_SPLIT of them; the data set is named `images`.

$(O)/images/data.h5: ../images.sh
	@mkdir -p $(@D)
	sh ../images.sh $(IMAGES) $(O)/images/made
	pare data idx --normalize .5,.5 --make-split $(IMAGES_SPLIT) -S 1 -o $@ \
	    $(O)/images/made.images $(O)/images/made.labels
	rm $(O)/images/made.images $(O)/images/made.labels
