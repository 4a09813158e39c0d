# soho - `make help` lists the targets.
MAKEFLAGS += --no-print-directory
CC       ?= cc
B        := build
LUA      := $(shell pkg-config --cflags lua5.4 2>/dev/null)
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wwrite-strings \
            -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR)
CFLAGS   ?= -O2 -g
ALLFLAGS := -std=c11 -D_GNU_SOURCE -I. -Iinclude $(WARN) $(CFLAGS) $(SAN) -MMD -MP
CC_LIBS  := $(shell pkg-config --libs lua5.4 2>/dev/null) -ldnnl -lcrypto -fopenmp -lpthread -lm
RT_LIBS  := -ldnnl -lpng -ljpeg -lzip -lutf8proc -lcrypto -fopenmp -ldl -lpthread -lm

CC_SRC := $(wildcard compiler/*.c compiler/ops/*.c compiler/target/*.c)
RT_SRC := $(wildcard runtime/*.c runtime/data/*.c)
CC_OBJ := $(CC_SRC:%.c=$(B)/obj/%.o)
RT_OBJ := $(RT_SRC:%.c=$(B)/obj/%.o)
LIB_OBJ := $(filter-out $(B)/obj/runtime/soho_rt.o,$(RT_OBJ))
UNIT   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))

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

unit: $(UNIT) ## build the unit tests
$(B)/unit/%: tests/unit/%.c $(B)/libsoho.a
	@mkdir -p $(@D)
	$(CC) $(ALLFLAGS) -o $@ $< $(B)/libsoho.a $(RT_LIBS)

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

clean: ## remove what was built
	rm -rf $(B)

.PHONY: all unit help clean
-include $(CC_OBJ:.o=.d) $(RT_OBJ:.o=.d) $(UNIT:=.d)
