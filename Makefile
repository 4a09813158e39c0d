# soho - `make help` lists the targets.
MAKEFLAGS += --no-print-directory
CC       ?= cc
B        := build
LUA       = $(eval LUA := $(shell pkg-config --cflags lua5.4))$(LUA)
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wwrite-strings \
            -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR)
CFLAGS   ?= -O2 -g
ALLFLAGS := -std=c11 -D_GNU_SOURCE -I. -Iinclude $(WARN) $(CFLAGS) $(SAN) -MMD -MP
CC_LIBS   = $(shell pkg-config --libs lua5.4) -ldnnl -lcrypto -fopenmp -ldl -lpthread -lm
RT_LIBS  := -ldnnl -lpng -ljpeg -lzip -llzma -lutf8proc -lcrypto -fopenmp -ldl -lpthread -lm

CC_SRC := $(wildcard compiler/*.c compiler/ops/*.c compiler/target/*.c)
RT_SRC := $(wildcard runtime/*.c runtime/data/*.c runtime/torch/*.c runtime/cuda/*.c)
CC_OBJ := $(CC_SRC:%.c=$(B)/obj/%.o)
EMBED  := $(wildcard templates/*.[ch] templates/cpu/*.[ch] templates/cuda/*.h \
            templates/cuda/*.cu compiler/target/*.json) include/soho/kernel.h
CC_OBJ += $(B)/obj/embed.o
RT_OBJ := $(RT_SRC:%.c=$(B)/obj/%.o)
LIB_OBJ := $(filter-out $(B)/obj/runtime/soho_rt.o,$(RT_OBJ))
UNIT   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))
TOOLS  := $(patsubst tests/tools/%.c,$(B)/tools/%,$(wildcard tests/tools/*.c)) \
          $(B)/tools/optest $(B)/tools/fuzztest
REF_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(filter-out %test.c,$(wildcard tests/op/*.c)))

all: $(B)/sohoc $(B)/soho-rt ## build both programs

$(B)/sohoc: $(CC_OBJ)
	$(CC) $(SAN) -o $@ $^ $(CC_LIBS)

$(B)/soho-rt: $(B)/obj/runtime/soho_rt.o $(B)/libsoho.a
	$(CC) $(SAN) -rdynamic -o $@ $^ $(RT_LIBS)

$(B)/libsoho.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/obj/compiler/%.o: ALLFLAGS += $(LUA)
$(B)/obj/runtime/%.o: ALLFLAGS += -fvisibility=hidden -fopenmp
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -c -o $@ $<

# Templates as C strings: sohoc needs no files beside itself.
$(B)/embed.c: $(EMBED) Makefile
	@mkdir -p $(@D)
	@{ echo '#include "compiler/sohoc.h"'; \
	   echo 'const Embed embed_files[] = {'; \
	   for f in $(EMBED); do echo "{\"$$f\","; \
	       sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $$f; echo '},'; done; \
	   echo '{0}};'; } > $@
$(B)/obj/embed.o: $(B)/embed.c
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -Wno-overlength-strings -c -o $@ $<

unit: $(UNIT) ## build the unit tests
$(B)/unit/%: tests/unit/%.c $(B)/libsoho.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -o $@ $< $(B)/libsoho.a $(RT_LIBS)

# Tests of the compiler's parts: tests/unit/sohoc_*.c
$(B)/unit/sohoc_%: tests/unit/sohoc_%.c $(B)/libsohoc.a $(B)/libsoho.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -o $@ $< $(B)/libsohoc.a $(B)/libsoho.a $(CC_LIBS) $(RT_LIBS)

tools: $(TOOLS) ## build what the parity tests make and compare files with
$(B)/tools/%: tests/tools/%.c $(B)/libsoho.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -o $@ $< $(B)/libsoho.a $(RT_LIBS)

# A driver that computes on the host, for tests without a GPU.
EMU := $(B)/emu/libcuda.so.1
tools: $(EMU) $(B)/gpu/libcalls.so
$(EMU): $(wildcard tests/emu/*.[ch]) include/soho/plan.h
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -Iinclude $(filter-out -Wmissing-prototypes,$(WARN)) -O2 -fPIC -shared \
		-fvisibility=hidden -o $@ $(filter %.c,$^) -ldl -lm

# The driver's functions, counted.
$(B)/gpu/libcalls.so: tests/gpu/calls.c runtime/cuda/driver.h
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE -I. -Iinclude $(WARN) -O2 -fPIC -shared -o $@ $< -ldl

# What a GPU and its libraries offer.
tools: $(B)/tools/ask
$(B)/tools/ask: $(wildcard tests/gpu/ask*.[ch]) $(B)/libsoho.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -o $@ $(filter %.c,$^) $(B)/libsoho.a $(RT_LIBS)

# What the compiler makes, beside a reference in double.
$(B)/tools/optest: $(B)/obj/tests/op/optest.o
$(B)/tools/fuzztest: $(B)/obj/tests/fuzz/fuzztest.o
$(B)/tools/optest $(B)/tools/fuzztest: $(REF_OBJ) $(B)/libsoho.a
	@mkdir -p $(@D)
	$(CC) $(SAN) -o $@ $^ $(RT_LIBS)

$(B)/libsohoc.a: $(filter-out $(B)/obj/compiler/sohoc.o,$(CC_OBJ))
	@rm -f $@
	ar rcs $@ $^

demo: ## install what is missing, build, train, ask (about 10 minutes)
	@sh tests/setup.sh
	@BEGAN=$$(date +%s); export BEGAN; $(MAKE) -s -j$$(nproc) all && \
		SOHO_BUILD=$(B) sh examples/demo.sh

easy: ## the same on a folder with one split: make easy DATA=folder
	@[ "$(DATA)" ] || { echo 'usage: make easy DATA=folder' >&2; exit 2; }
	@sh tests/setup.sh
	@$(MAKE) -s -j$$(nproc) all
	@SOHO_BUILD=$(B) sh examples/easy_vqa.sh "$(DATA)"

pretrain: ## pre-train on captions: make pretrain DATA=folder VOCAB=file
	@[ "$(DATA)" ] && [ "$(VOCAB)" ] || \
		{ echo 'usage: make pretrain DATA=folder VOCAB=file' >&2; exit 2; }
	@sh tests/setup.sh
	@$(MAKE) -s -j$$(nproc) all
	@SOHO_BUILD=$(B) sh examples/pretrain.sh "$(DATA)" "$(VOCAB)"

finetune: ## is pre-training worth it? make finetune DATA=folder [SEEDS=5]
	@[ "$(DATA)" ] || \
		{ echo 'usage: make finetune DATA=folder [SEEDS=5]' >&2; exit 2; }
	@sh tests/setup.sh
	@$(MAKE) -s -j$$(nproc) all
	@SOHO_BUILD=$(B) sh examples/finetune.sh "$(DATA)" $(SEEDS)

test: ## build and run all tests (-v: V=-v)
	@sh tests/setup.sh
	@$(MAKE) -s -j$$(nproc) all unit tools
	@sh tests/deps.sh
	@SOHO_BUILD=$(B) sh tests/run.sh $(V)

bundle: all tools ## what tests/gpu/run needs on a machine with a GPU
	@SOHO_BUILD=$(B) sh tests/bundle.sh $(B)/bundle $(ARCH)

calibrate: all ## what this machine computes per second
	@$(B)/soho-rt calibrate

templates: ## compile every template alone, test the prelude
	@sh tests/run.sh -v tests/templates/

check: deps size lint ## what a commit must pass before its tests

deps: ## who may include whom
	@sh tests/deps.sh

size: ## figures of the house: lines of functions and files
	@sh tests/size.sh

# The headers that every file of a room shares are aligned by hand.
FORMAT := $(filter-out compiler/sohoc.h runtime/run.h runtime/data/data.h, \
            $(wildcard compiler/*.[ch] compiler/*/*.[ch] runtime/*.[ch] \
            runtime/*/*.[ch] templates/*.[ch] templates/*/*.[ch] tests/*/*.c)) \
            $(wildcard templates/cuda/*.cu)
fmt: ## format the sources
	clang-format-14 -i $(FORMAT)

lint: ## warnings as errors, cppcheck, shellcheck, luac
	@for f in $(CC_SRC) $(RT_SRC); do \
		$(CC) $(ALLFLAGS) $(LUA) -MF /dev/null -Werror -fopenmp -fsyntax-only $$f || exit 1; \
	done
	cppcheck -q --std=c11 --error-exitcode=1 --suppress=uninitvar \
		--suppress=legacyUninitvar -I. -Iinclude compiler runtime
	shellcheck -x examples/*.sh tests/*.sh tests/*/*.sh .ci/run
	@for f in $(wildcard models/*.lua models/lib/*.lua); do \
		$$(command -v luac5.4 || command -v luac || echo :) -p $$f || exit 1; \
	done

table: all tools ## every op: worst errors against a reference in double
	@SOHOC=$(B)/sohoc sh tests/op/ops.sh -t

asan: ## the tests under AddressSanitizer and UBSan
	@LSAN_OPTIONS=suppressions=$(CURDIR)/tests/leaks.txt:print_suppressions=0 \
		LIMIT=900 $(MAKE) test B=build/asan \
		CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined'

crash: all ## kill -9 a training run at 32 moments, resume, compare bits
	@KILLS=32 SOHO_BUILD=$(B) LIMIT=600 sh tests/run.sh -v e2e/kill

parity: all tools ## whole tensors beside the PyTorch oracle (python3-torch)
	@SOHOC=$(B)/sohoc SOHO_RT=$(B)/soho-rt TOOLS=$(B)/tools \
		sh tests/parity/lib/whole.sh

OUT ?= tests/results/lockstep
lockstep: all tools ## 200 steps beside the oracle (python3-torch, python3-matplotlib)
	@SOHOC=$(B)/sohoc SOHO_RT=$(B)/soho-rt TOOLS=$(B)/tools \
		sh tests/lockstep.sh $(OUT)

oracle: ## rewrite tests/oracle/*.golden from the PyTorch oracle
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/oracle/golden.py
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/oracle/backbone.py golden
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/oracle/pretrain.py golden

half: all ## precision=bf16 beside f32: losses of 5 seeds, time, memory
	@SOHOC=$(B)/sohoc SOHO_RT=$(B)/soho-rt sh tests/half.sh

memory: all ## what soho_res18 holds in memory after three answers
	@SOHOC=$(B)/sohoc SOHO_RT=$(B)/soho-rt sh tests/e2e/lib/res18.sh

large: all ## memory and time of a data set of 1 GB (python3; minutes)
	@SOHOC=$(B)/sohoc SOHO_RT=$(B)/soho-rt sh tests/large.sh

bench: all ## inference beside PyTorch, paired (python3-torch, OpenBLAS)
	PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/pair.py \
		$(B)/sohoc $(B)/soho-rt

gains: all ## what each pass gains on soho_tiny and on random graphs
	@SOHOC=$(B)/sohoc SOHO_RT=$(B)/soho-rt sh tests/gains.sh

map: ## rewrite the map in README.md from the heads of the files
	@sh tests/map.sh README.md

golden: all ## rewrite generated/, what the compiler makes of soho_tiny
	sh tests/golden.sh generated

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

clean: ## remove what was built
	rm -rf $(B)

.PHONY: all bundle demo easy pretrain finetune calibrate gains large map unit tools table parity lockstep oracle bench half memory test templates check deps size fmt lint asan crash golden help clean
-include $(CC_OBJ:.o=.d) $(RT_OBJ:.o=.d) $(UNIT:=.d) $(TOOLS:=.d)
