# Rounds of the lottery ticket, for a network ARCH pruned as LAYERS, options
# of pare prune, say: train, prune, put what is left back to its initial
# values, and again; the control draws new initial values under each mask.
# ROUNDS, STEPS, EVERY, SEEDS, RATE and BATCH are those of the experiment, NET
# is the network's name and PAPER its published P_m.  Models of data set D are
# in $(O)/D$(RUN)/seedN.

export THREADS
START = pare rewind -t init --also optimizer,schedule
# A trained network, and beside it in .tsv what it was on the way.
WATCH = sh ../watch.sh $(1) $< $(STEPS) $(EVERY) $@ >$(basename $@).tsv
ROUND_LIST := $(shell r=1; while [ $$r -le $(ROUNDS) ]; do \
    echo $$r; r=$$((r + 1)); done)

# The rules of data set $(1), where the stem is the seed.
define ROUNDS_RULES
$(O)/$(1)$(RUN)/seed%/ticket0.h5: $(O)/$(1)/data.h5
	@mkdir -p $$(@D)
	( pare train -q -j $(THREADS) -a '$(ARCH)' --init glorot-normal -d $$< \
	    -e 0 -b $(BATCH) -l $(RATE) -S $$* -o $$@ ) $$(LOG)

$(O)/$(1)$(RUN)/seed%/trained0.h5: $(O)/$(1)$(RUN)/seed%/ticket0.h5 ../watch.sh
	( $$(call WATCH,$(O)/$(1)/data.h5) ) $$(LOG)
endef

# Round $(2) of data set $(1), after round $(3).
define ROUND_RULES
$(O)/$(1)$(RUN)/seed%/ticket$(2).h5: $(O)/$(1)$(RUN)/seed%/trained$(3).h5
	( pare prune -v -f .2 -A layer $(LAYERS) $$< | \
	  $(START) -o $$@ ) $$(LOG)

$(O)/$(1)$(RUN)/seed%/reinit$(2).h5: $(O)/$(1)$(RUN)/seed%/ticket$(2).h5
	( pare rewind --reinit -S 9$$*$(2) --also optimizer,schedule \
	    -o $$@ $$< ) $$(LOG)

$(O)/$(1)$(RUN)/seed%/trained$(2).h5: $(O)/$(1)$(RUN)/seed%/ticket$(2).h5 \
    ../watch.sh
	( $$(call WATCH,$(O)/$(1)/data.h5) ) $$(LOG)

$(O)/$(1)$(RUN)/seed%/control$(2).h5: $(O)/$(1)$(RUN)/seed%/reinit$(2).h5 \
    ../watch.sh
	( $$(call WATCH,$(O)/$(1)/data.h5) ) $$(LOG)
endef

before = $(shell echo $$(($(1) - 1)))
$(foreach d,$(DATA),$(eval $(call ROUNDS_RULES,$(d)))\
    $(foreach r,$(ROUND_LIST),\
        $(eval $(call ROUND_RULES,$(d),$(r),$(call before,$(r))))))

# Models of a data set, in the order of the table.
models = $(foreach s,$(SEEDS),$(O)/$(1)$(RUN)/seed$(s)/trained0.h5 \
    $(foreach r,$(ROUND_LIST),$(O)/$(1)$(RUN)/seed$(s)/trained$(r).h5 \
        $(O)/$(1)$(RUN)/seed$(s)/control$(r).h5))

define ROUNDS_TABLE
$(O)/$(1)$(RUN)/stats.tsv: $(call models,$(1))
	pare stats $$^ >$$@

$(O)/$(1)$(RUN)/table.txt: $(O)/$(1)$(RUN)/stats.tsv ../rounds.awk notes.txt \
    ../interval.awk
	awk -f ../interval.awk -f ../rounds.awk -v data=$(1) -v net='$(NET)' \
	    -v steps=$(STEPS) -v published='$(PAPER)' -v notes=notes.txt \
	    $(O)/$(1)$(RUN)/stats.tsv \
	    $(patsubst %.h5,%.tsv,$(call models,$(1))) >$$@
endef
$(foreach d,$(DATA),$(eval $(call ROUNDS_TABLE,$(d))))
