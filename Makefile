CLANG ?= clang
BPF_FLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Ibpf -I/usr/include/$(shell uname -m)-linux-gnu

bpf: build/bpf/gates.bpf.o build/bpf/hyperion.bpf.o build/verify

build/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.c bpf/*.h bpf/*/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

build/verify: Tests/lab/verify.c
	@mkdir -p $(@D)
	gcc -O2 -Wall -Wextra -o $@ $< -lbpf -lelf -lz

.PHONY: bpf
