# Plain `make` lists what there is.
SWIFT ?= swift
# Swift's own clang has the BPF target.
CLANG ?= $(or $(wildcard $(dir $(realpath $(shell command -v $(SWIFT))))clang),clang)
CC := gcc
DESTDIR ?=
PREFIX ?= /usr
BUILD := build
PROGRAMS := telos telos-coordinator telos-node
BINARIES := $(BUILD)/bin
# One release build serves tests, lab and packages.
SWIFT_FLAGS := -c release -Xswiftc -enable-testing
# BPF_PROG names a hook's arguments up to the last one that is used.
BPF_FLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -Ibpf \
  -I/usr/include/$(shell uname -m)-linux-gnu
BPF_OBJECTS := $(BUILD)/bpf/gates.bpf.o $(BUILD)/bpf/hyperion.bpf.o
SWIFT_SOURCES = git ls-files --cached --others --exclude-standard '*.swift' | grep -v /Generated/ | \
  xargs -d '\n' ls -d 2>/dev/null

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: setup
setup: ## install what is needed: apt packages, checkers and two Debian kernels in .cache/
	@Tests/lab/setup

.PHONY: demo
demo: setup build ## the story on two machines whose kernels enforce it
	@Tests/lab/demo

.PHONY: test
test: setup check build ## the checks, Swift tests, then kernel tests on 6.1 and 6.12 (SUITES=… chooses, SUITES=all adds the long ones)
	@Tests/lab/test $(SUITES)

.PHONY: check
check: ## formats, linters, generated code, manifest, units and documents, in seconds; builds nothing
	@SWIFT=$(SWIFT) Tests/check/run

.PHONY: fast
fast: bpf ## Swift tests alone: no root, no virtual machines (what needs root is skipped without it)
	@Tests/lab/test swift

.PHONY: build
build: bpf $(BUILD)/escapes/escape $(BUILD)/soak/prober $(BUILD)/soak/weak.bpf.o ## one release build of everything but Swift's tests, which build themselves
	$(SWIFT) build $(SWIFT_FLAGS)
	@$(MAKE) --no-print-directory $(addprefix $(BINARIES)/,$(PROGRAMS))

# ICU and libpsl are in no list here: Sources/CICU and Sources/CPSL load them when the first name is judged. Linked, they would
# be loaded at every start of `telos run`.
# libpq brings twenty libraries with it, which the other two would load at every start for nothing.
LIBRARIES_telos-coordinator := -lpq
LIBRARIES_telos-node := -lunbound -lldns

# The programs once more, with Swift's own libraries inside: they start in half the time, and where no Swift is installed.
# The build itself cannot do so, since the tests need those libraries shared.
$(BINARIES)/%: .build/release/%
	@mkdir -p $(@D)
	$(SWIFT)c -static-stdlib -emit-executable -o $@ -module-name $(subst -,_,$*) @.build/release/$*.product/Objects.LinkFileList \
	  $(addprefix -Xlinker ,--gc-sections --as-needed --strip-debug --defsym main=$(subst -,_,$*)_main) \
	  -lFoundation -lCoreFoundation -lFoundationInternationalization -lFoundationEssentials -l_FoundationICU \
	  -l_FoundationCShims -l_FoundationCollections -lbpf $(LIBRARIES_$*) -lstdc++ -lm -lz

.PHONY: bpf
bpf: $(BPF_OBJECTS) $(BUILD)/verify ## the kernel programs, and the tool that shows the verifier's work

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.c bpf/*.h bpf/*/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

$(BUILD)/escapes/escape: $(wildcard Tests/escapes/cases/*) Tests/escapes/build
	CC=$(CC) Tests/escapes/build $(@D)

$(BUILD)/soak/prober: $(wildcard Tests/soak/work/*) Tests/soak/build
	CC=$(CC) Tests/soak/build $(@D)

$(BUILD)/soak/weak.bpf.o: Tests/soak/weak.bpf.c $(wildcard bpf/*.c bpf/*.h bpf/*/*.h)
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

$(BUILD)/verify: Tests/lab/verify.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -o $@ $< -lbpf -lelf -lz

.PHONY: proto
proto: ## generate the wire protocol's Swift code anew
	Sources/FleetWire/Protocol/generate

.PHONY: proto-check
proto-check: ## generate it once more and compare (check only compares digests)
	Sources/FleetWire/Protocol/generate --verify

.PHONY: format
format: ## put Swift and C sources into their formats
	$(SWIFT_SOURCES) | xargs -d '\n' $(SWIFT) format -i
	git ls-files --cached --others --exclude-standard '*.c' '*.h' | xargs -d '\n' ls -d 2>/dev/null | xargs -d '\n' clang-format-19 -i

.PHONY: bench
bench: setup build ## what gates, Hyperion and a fleet of 1,000 cost, written to files (BENCH=fleet chooses one)
	@Tests/bench/run $(BENCH)

.PHONY: verdicts
verdicts: build ## how many imitated names are found, and how many harmless ones are flagged, on names that no rule was tuned on
	@Tests/verdicts/run held-out --report

.PHONY: corpus
corpus: setup build ## every escape in every daemon state
	@Tests/escapes/corpus

.PHONY: soak
soak: setup build ## hours of everything at once (PART=fleet chooses one: ten minutes, without a virtual machine)
	@Tests/soak/run $(addprefix --part ,$(PART))

.PHONY: fuzz
fuzz: setup build ## the readers of outside bytes under libFuzzer, FUZZ_SECONDS each (60)
	@Tests/fuzz/run

# Where systemd looks whatever PREFIX is.
UNITS ?= /usr/lib/systemd/system
SYSUSERS ?= /usr/lib/sysusers.d

.PHONY: install
install: install-files ## copy what `make build` made to DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/telos/bpf
	install -m 755 $(addprefix $(BINARIES)/,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(BPF_OBJECTS) $(DESTDIR)$(PREFIX)/lib/telos/bpf
	[ -n "$(DESTDIR)" ] || ! command -v systemd-sysusers || systemd-sysusers $(SYSUSERS)/telos.conf

# Units, users and configuration: what needs no build. Programs are named by where PREFIX puts them; configuration that is
# there already stays. coordinator.yaml holds no secret, and the coordinator is not root.
.PHONY: install-files
install-files:
	install -d $(DESTDIR)/etc/telos $(DESTDIR)$(UNITS)
	for unit in node/telos-node.service coordinator/telos-coordinator.service; do \
	  sed 's|=/usr/bin/|=$(PREFIX)/bin/|' $$unit >$(DESTDIR)$(UNITS)/$${unit##*/} || exit; \
	  chmod 644 $(DESTDIR)$(UNITS)/$${unit##*/}; done
	install -D -m 644 coordinator/telos.sysusers $(DESTDIR)$(SYSUSERS)/telos.conf
	install -d $(DESTDIR)$(PREFIX)/share/containers/oci/hooks.d
	sed 's|"/usr/bin/|"$(PREFIX)/bin/|' node/oci-hook.json >$(DESTDIR)$(PREFIX)/share/containers/oci/hooks.d/telos.json
	chmod 644 $(DESTDIR)$(PREFIX)/share/containers/oci/hooks.d/telos.json
	[ -e $(DESTDIR)/etc/telos/node.yaml ] || install -m 600 -t $(DESTDIR)/etc/telos node/node.yaml
	[ -e $(DESTDIR)/etc/telos/coordinator.yaml ] || install -m 644 -t $(DESTDIR)/etc/telos coordinator/coordinator.yaml

.PHONY: image
image: ## an OCI image of the node from what `make build` made: build/image/telos-node.oci.tar
	@node/image/build

.PHONY: image-test
image-test: setup build image ## that image, run as node/daemonset.yaml says, in a lab machine
	@Tests/image/run

.PHONY: clean
clean: ## remove what was built; kernels and packages stay
	rm -rf $(BUILD) .build
