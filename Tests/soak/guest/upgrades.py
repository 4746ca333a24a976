"""A prober tries what is forbidden without pause while the daemon and the programs are restarted, killed and replaced."""

import os
import random
import time

import machine
import node
from report import Report, say
from tree import Work

KINDS = ("through.connect", "through.exec", "through.send")


class Upgrades:
    def __init__(self, report: Report, sink: Work, tries: int, upgrades: int):
        self.report, self.sink = report, sink
        self.prober: Work | None = None
        self.builds = 0
        self.tries_wanted, self.rounds = tries, upgrades
        self.share = 0

    def tries(self) -> int:
        return self.prober.result.get("tries", 0)

    def stage(self, what: str, act):
        """Does it while the prober tries, and lets it have its share."""
        before = self.tries()
        act()
        during = self.tries() - before
        node.until(f"{self.share} tries", lambda: self.tries() >= before + self.share, 600)
        found = self.prober.result
        bad = {name: found[name] for name in (*KINDS, "odd", "controls.failed", "forks.failed") if found[name]}
        errors = {found["odd.error"], found["control.error"]} - {0}
        self.report.check(f"{what}: none of {self.tries() - before} tries got through, {during} of them meanwhile",
                          not bad and during > 0, f"{bad} errno {errors}" if bad else "")

    def new_build(self) -> str:
        self.builds += 1
        return node.build(f"{os.getpid()}-{self.builds}")

    def upgrade(self):
        """Another build over the running one: it attaches beside it, is proved, and takes its place."""
        programs, links = machine.bpf_programs(), node.links()
        node.stop()
        node.start(self.new_build())
        # The programs of the build before end in the kernel's own time.
        node.until("the end of the old programs", lambda: machine.bpf_programs() <= programs)
        now = machine.bpf_programs()
        attached = [line for line in node.log().splitlines() if "the gates" in line or "canary" in line][-2:]
        good = (now == programs and node.links() == links and not node.fresh()
                and "attached the gates" in attached[0] and "every gate holds" in attached[1])
        self.report.check(f"build {self.builds} is attached, proved, and alone", good, "" if good else attached)

    def interrupted(self):
        """A daemon that dies while a new build is on trial, somewhere; the next one ends what it began."""
        programs = machine.bpf_programs()
        build = self.new_build()
        node.stop()
        node.begin(build)
        wanted = random.randrange(1, len(node.links()))
        node.until("a build on trial", lambda: len(node.fresh()) >= wanted, pause=0.005)
        time.sleep(random.random())
        reached = len(node.fresh())
        node.kill()
        node.start(build)
        node.until("the end of the old programs", lambda: machine.bpf_programs() <= programs)
        self.report.check(f"killed with {reached} programs on trial, the next daemon puts all in charge",
                          machine.bpf_programs() == programs and not node.fresh())

    def weak(self):
        """A build whose network gate does nothing must not take the place of one that holds."""
        programs, links = machine.bpf_programs(), node.links()
        node.stop()
        node.start(node.build("weak", f"{machine.HERE.parent.parent}/build/soak/weak.bpf.o"))
        said = [line for line in node.log().splitlines() if "failed the canary" in line]
        node.until("the end of the weak programs", lambda: machine.bpf_programs() <= programs)
        self.report.check("a build without a network gate does not prove itself and gives way",
                          said and "network" in said[-1] and node.links() == links and not node.fresh(),
                          said[-1][-200:] if said else "it was not noticed")

    def restart(self):
        node.stop()
        node.start()

    def crash(self):
        node.kill()
        before = self.tries()
        node.until("tries without a daemon", lambda: self.tries() >= before + self.share // 2, 300)
        node.start()

    def begin(self, stages: int):
        self.share = self.tries_wanted // stages + 1
        self.prober = Work("prober", "prober")
        self.prober.wait("tries")
        say("the prober tries")

    def short(self):
        """What there is time for in every test run."""
        self.begin(3)
        self.stage("restart", self.restart)
        self.stage("crash", self.crash)
        self.stage("upgrade", self.upgrade)
        self.quiet(self.prober.stop())
        self.teeth()

    def run(self):
        # Restart, crash, weak build, restart, and one for each new build.
        self.begin(4 + self.rounds)
        self.stage("restart", self.restart)
        self.stage("crash", self.crash)
        for number in range(self.rounds):
            if number % 2:
                self.stage("upgrade, interrupted", self.interrupted)
            else:
                self.stage("upgrade", self.upgrade)
        self.stage("weak build", self.weak)
        self.stage("restart with the build before", lambda: (node.stop(), node.start(self.last_good())))
        self.ends()
        self.teeth()

    def last_good(self) -> str:
        return f"{node.HOLDER}/bpf-{os.getpid()}-{self.builds}"

    def ends(self):
        """Labels that were counted twice or not at all would keep the agent alive, or end it early."""
        self.quiet(self.prober.stop())
        # It lingers for a minute after its last task, so that what its sockets still say is judged.
        node.until("the end of the agent", lambda: node.status()["agents"] == 0, 400)
        self.report.check("its last process ended the agent", True)

    def quiet(self, found: dict):
        sunk = self.sink.result
        self.report.check("nothing arrived where nothing may", sunk["closed.stream"] == 1 and sunk["closed.datagram"] == 1,
                          f"{sunk} (one each is the runner's own)")
        self.report.check(f"the controls worked {found['controls']} times and lived {found['lives']} lives",
                          found["controls"] > 20 and found["lives"] > 2)

    def teeth(self):
        """Without the programs the same prober gets through, or it proves nothing."""
        prober = Work("prober-detached", "prober")
        before = prober.wait("tries")
        self.report.check("a prober is refused before", not any(before[kind] for kind in KINDS))
        node.kill()
        machine.detach()
        node.until("success without programs", lambda: all(prober.result[kind] > before[kind] for kind in KINDS), 120)
        found = prober.stop()
        arrived = self.sink.result
        self.report.check("without the programs it gets through", arrived["closed.stream"] > 1
                          and arrived["closed.datagram"] > 1, {kind: found[kind] for kind in KINDS})
